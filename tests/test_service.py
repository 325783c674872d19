import ctypes
import json
import logging
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from drawn import save_frames, save_useless_weights, save_weights
from gpiozero.pins.mock import MockFactory, MockPWMPin
from running import Running

from appliance import lastgood, service, shipped
from appliance.cameras import Camera, liveness, watched
from appliance.config import (
    BuzzerSettings,
    CameraSettings,
    Config,
    IndicatorSettings,
    SevenSegmentSettings,
    SteadySettings,
)
from appliance.errors import CameraError, ConfigError, PinError, SourceEndedError, WeightsError
from appliance.frame import Frame
from appliance.reader import Digit, Reading
from appliance.service import Options, Service
from appliance.signals import Requests
from appliance.simulated import SimulatedDisplay

GRAY = np.full((4, 4), 200, np.uint8)
BLACK = np.full((4, 4), 16, np.uint8)
FRAMES = 30_000_000
"""Nanoseconds from one frame to the next."""
QUICK = Config(steady=SteadySettings(hold=0.1))


class Film(Camera):
    """Frames with these texts, each said by its name; an error among them is raised."""

    name = "film"

    def __init__(self, *events, step=1):
        self._events = iter(events)
        self._sequence = 0
        self._step = step
        self.closed = False

    def read(self, timeout):
        event = next(self._events, SourceEndedError("film is over"))
        if isinstance(event, Exception):
            raise event
        if isinstance(event, Frame):
            return event
        self._sequence += self._step
        time_ns = time.monotonic_ns() + self._sequence * FRAMES
        return Frame(GRAY, self._sequence, time_ns, event() if callable(event) else event)

    def close(self):
        self.closed = True


class NameReader:
    """Reads a frame's name, as surely as can be."""

    weights = shipped.models() / "digits.pt"

    def read(self, frame):
        return Reading(tuple(_digit(int(value), 40 * place) for place, value in enumerate(frame.name)))


def _digit(value, x):
    probabilities = np.full(10, 0.001, np.float32)
    probabilities[value] = 0.99
    return Digit(value, 0.99, (x, 0, 20, 30), probabilities, np.zeros((28, 28), np.uint8))


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    monkeypatch.setattr(watched, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watched, "TICK", 0.01)
    monkeypatch.setattr(service, "open_reader", lambda settings: NameReader())
    monkeypatch.setattr(service, "new_reader", lambda settings: NameReader())


@pytest.fixture
def factory():
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


@pytest.fixture
def display(factory):
    return SimulatedDisplay(IndicatorSettings().seven_segment, factory)


@pytest.fixture
def play(monkeypatch, factory):
    """Runs the service on these films, opened one after the other; gives its moments."""

    def run(*films, config=lambda: QUICK, observers=(), requests=None, fallback=None):
        coming = iter(films)

        def open_it(source, settings, *, loop, fps):
            film = next(coming)
            film = film() if callable(film) else film
            if isinstance(film, Exception):
                raise film
            return film

        monkeypatch.setattr(service, "open_camera", open_it)
        moments = []
        options = Options(config, factory, fallback=fallback)
        Service(options, requests or Requests(), [moments.append, *observers]).run()
        return moments

    return run


def test_each_frame_becomes_a_moment_and_a_change_a_line(play, display, caplog):
    caplog.set_level(logging.INFO)
    shown = []
    film = Film(*["4"] * 10, *[""] * 10, *["42"] * 10)
    started = time.monotonic_ns()
    moments = play(film, observers=[lambda moment: shown.append(display.character)])
    assert [moment.frame.name for moment in moments] == ["4"] * 10 + [""] * 10 + ["42"] * 10
    assert [moment.reading.text for moment in moments] == [moment.frame.name for moment in moments]
    assert [moment.frames for moment in moments] == list(range(1, 31))
    assert {moment.skipped for moment in moments} == {0}
    assert all(moment.milliseconds >= 0 for moment in moments)
    lit = [moment.lit_ns for moment in moments]
    assert lit == sorted(lit) and started <= lit[0] <= lit[-1] <= time.monotonic_ns()
    assert [moment.stable.text for moment in moments if moment.stable.changed] == ["4", "", "42"]
    assert caplog.messages == ["reads 4 (0.99)", "reads nothing", "reads 42 (0.98)"]
    # The display followed, frame by frame; what is longer than it begins with its first digit.
    assert shown[:20] == [moment.stable.text for moment in moments[:20]]
    assert shown[-1] == "4"


def test_frames_that_a_late_reader_missed_are_counted(play):
    assert [moment.skipped for moment in play(Film(*["4"] * 5, step=3))] == [0, 2, 4, 6, 8]


def test_at_the_end_pins_are_off_and_the_camera_is_closed(play, display):
    film = Film(*["8"] * 10)
    moments = play(film)
    assert moments[-1].stable.text == "8"
    assert display.lit == ""
    assert film.closed


def test_whatever_goes_wrong_pins_are_off_and_the_camera_is_closed(play, display, monkeypatch):
    class Breaking(NameReader):
        def read(self, frame):
            if display.character == "8":
                raise RuntimeError("a reader of ours is broken")
            return super().read(frame)

    monkeypatch.setattr(service, "open_reader", lambda settings: Breaking())
    film = Film(*["8"] * 10)
    with pytest.raises(RuntimeError):
        play(film)
    assert display.lit == ""
    assert film.closed


def test_an_observer_that_breaks_is_left_out_and_all_else_goes_on(play, caplog):
    before, after = [], []

    def broken(moment):
        before.append(moment.frames)
        if moment.frames == 4:
            raise RuntimeError("an observer of ours is broken")

    moments = play(Film(*["8"] * 10), observers=[broken, lambda moment: after.append(moment.frames)])
    assert before == [1, 2, 3, 4]
    assert after == [moment.frames for moment in moments] == list(range(1, 11))
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "an observer of ours is broken" in str(record.exc_info[1])
    assert "left out from now on" in record.message


def test_a_lost_camera_is_shown_and_counting_and_reading_go_on_when_it_is_back(play, display, caplog):
    during = []

    def come_back():
        during.append(display.lit)
        return Film(*["7"] * 10)

    lost = CameraError("film is torn")
    moments = play(Film(*["4"] * 10, lost), lost, come_back)
    assert during == ["adef"]  # a C
    assert [moment.stable.text for moment in moments if moment.stable.changed][-1] == "7"
    assert moments[-1].frames == 20
    assert moments[-1].skipped == 0
    assert sum("film is torn" in line for line in caplog.messages) == 1


def test_after_a_fault_the_display_shows_the_same_number_again(play, display):
    shown = []
    play(
        Film(*["4"] * 10, CameraError("gone")),
        Film(*["4"] * 10),
        observers=[lambda moment: shown.append(display.character)],
    )
    assert shown[9] == shown[10] == "4"


def test_black_pictures_are_told_of_and_have_a_sign_and_so_has_the_light_a_line(
    play, display, caplog, monkeypatch
):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(liveness, "DARK_AFTER", 0.0)
    seen = []
    play(
        Film("4", "4", *[Frame(BLACK, 0, 0, "")] * 3, "4"),
        observers=[lambda moment: seen.append(display.lit)],
    )
    assert seen[2:5] == ["bcdeg"] * 3  # a d
    told = [line for line in caplog.messages if not line.startswith("reads")]
    assert told == [
        "the pictures are black: is a cover on the lens, or the room dark?",
        "there is light again",
    ]


def test_a_live_camera_that_gives_one_picture_for_ever_is_opened_anew(play, display, caplog, monkeypatch):
    monkeypatch.setattr(liveness, "STANDS_STILL_AFTER", 0.0)
    first = Film(*["4"] * 10)
    first.live = True
    moments = play(first, Film(*["7"] * 10))
    assert first.closed
    assert {moment.frame.name for moment in moments} == {"4", "7"}
    assert "film: the same picture for 0 s, to the last bit; trying again until it works" in caplog.messages


def test_under_systemd_a_mistake_in_the_file_starts_what_worked_last_with_a_sign(
    play, display, caplog, monkeypatch, tmp_path
):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    play(Film("4"), config=lambda: QUICK)
    assert lastgood.last_good() == QUICK

    def mistaken():
        raise ConfigError("config.toml: steady.hold is 'x'")

    shown = []
    play(
        Film(*["4"] * 10),
        config=mistaken,
        fallback=lastgood.last_good(),
        observers=[lambda moment: shown.append(display.lit)],
    )
    assert shown[0] == "aefg"  # an F
    assert "config.toml: steady.hold is 'x'; going on with the settings that worked last" in caplog.messages
    with pytest.raises(ConfigError):
        play(Film("4"), config=mistaken)


def test_weights_that_gave_way_to_the_shipped_ones_have_a_sign(play, display, monkeypatch):
    monkeypatch.setattr(service, "candidates", lambda settings: [Path("/rotten.pt"), NameReader.weights])
    shown = []
    play(Film(*["4"] * 10), observers=[lambda moment: shown.append(display.lit)])
    assert shown[0] == "def"  # an L


def test_under_systemd_weights_that_cannot_be_used_have_a_sign_before_it_ends(
    play, display, monkeypatch, tmp_path
):
    def refuse(settings):
        raise WeightsError("no weights")

    monkeypatch.setattr(service, "open_reader", refuse)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    seen = []
    monkeypatch.setattr(Requests, "wait", lambda requests, seconds: seen.append(display.lit))
    with pytest.raises(WeightsError):
        play(Film("4"))
    assert seen == ["def"]  # an L
    assert display.lit == ""


def test_it_stops_in_the_middle_of_a_fault(play, monkeypatch):
    requests = Requests()
    monkeypatch.setattr(watched.time, "sleep", lambda seconds: setattr(requests, "stop", True))
    play(Film("4", CameraError("gone")), *[CameraError("gone")] * 1000, requests=requests)


def test_outside_systemd_a_source_that_does_not_open_is_an_error_inside_it_is_waited_for(
    play, monkeypatch, tmp_path
):
    with pytest.raises(CameraError, match="no such film"):
        play(CameraError("no such film"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert len(play(CameraError("no such film"), Film("4", "4"))) == 2


def test_what_is_wrong_at_the_start_lights_nothing(play, factory, monkeypatch):
    def refuse(settings):
        raise WeightsError("no weights")

    monkeypatch.setattr(service, "open_reader", refuse)
    with pytest.raises(WeightsError):
        play(Film("4"))
    assert not factory.pins
    wrong = Config(indicators=IndicatorSettings(buzzer=BuzzerSettings(enabled=True, pin=99)))
    monkeypatch.setattr(service, "open_reader", lambda settings: NameReader())
    with pytest.raises(PinError, match="99"):
        play(Film("4"), config=lambda: wrong)
    assert all(pin.function == "input" for pin in factory.pins.values())


def reloading(requests):
    """A frame at which a reload is asked for, showing this text."""

    def ask():
        requests.reload = True
        return "4"

    return ask


def test_a_reload_takes_over_what_is_new_and_the_display_goes_on(play, display, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    requests, shown = Requests(), []
    configs = iter([Config(), Config(steady=SteadySettings(agree=6))])
    film = Film(*["4"] * 10, reloading(requests), *["4"] * 10, *[""] * 60, *["17"] * 10)
    moments = play(
        film,
        config=lambda: next(configs),
        requests=requests,
        observers=[lambda moment: shown.append(display.character)],
    )
    assert "reloaded" in caplog.messages
    assert set(shown[5:21]) == {"4"}
    changes = {moment.stable.text: moment.frames for moment in moments if moment.stable.changed}
    assert (changes["4"], changes["17"]) == (4, 81 + 6)


def test_a_reload_with_a_bad_configuration_or_bad_weights_changes_nothing(play, caplog, monkeypatch, display):
    def broken():
        raise ConfigError("config.toml: steady.agree is 0")

    def refuse(settings):
        raise WeightsError("digits.pt: truncated")

    requests, shown = Requests(), []
    configs = iter([Config, broken, lambda: Config(steady=SteadySettings(agree=6))])
    monkeypatch.setattr(service, "new_reader", refuse)
    monkeypatch.setattr(service, "SIGN_LASTS", 0.0)
    ask = reloading(requests)
    film = Film(*["4"] * 10, ask, *["4"] * 5, ask, *["4"] * 5, *[""] * 60, *["17"] * 10)
    moments = play(
        film,
        config=lambda: next(configs)(),
        requests=requests,
        observers=[lambda moment: shown.append(display.character)],
    )
    assert [line for line in caplog.messages if line.startswith("not reloaded")] == [
        "not reloaded, going on as before: config.toml: steady.agree is 0",
        "not reloaded, going on as before: digits.pt: truncated",
    ]
    assert set(shown[5:22]) == {"4"}
    changes = {moment.stable.text: moment.frames for moment in moments if moment.stable.changed}
    assert changes["17"] == 82 + 4


@pytest.mark.parametrize(
    ("number", "frames"), [(signal.SIGHUP, 3), (signal.SIGTERM, 2)], ids=["reload", "stop"]
)
def test_signals_are_heard_though_a_library_took_them_when_it_was_loaded(
    play, caplog, monkeypatch, number, frames
):
    """As UCX takes SIGHUP, which comes with Debian's PyTorch; and whoever had them before has them after."""

    def open_reader(settings):
        nothing = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: None)
        libc = ctypes.CDLL(None)
        libc.signal.argtypes = (ctypes.c_int, type(nothing))
        libc.signal(number, nothing)
        taken.append(nothing)  # or it would be called after it is gone
        return NameReader()

    def ask():
        signal.raise_signal(number)
        return "4"

    taken = []
    before = signal.getsignal(number)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(service, "open_reader", open_reader)
    assert len(play(Film("4", ask, "4"))) == frames
    assert ("reloaded" in caplog.messages) == (number == signal.SIGHUP)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(
    ("wrong", "segments"), [(ConfigError("steady.hold"), "aefg"), (WeightsError("rot"), "def")], ids="FL"
)
def test_a_reload_that_is_refused_has_a_sign(play, display, wrong, segments):
    requests, shown = Requests(), []
    configs = iter([None, wrong])

    def configuration():
        if (error := next(configs)) is not None:
            raise error
        return QUICK

    play(
        Film(*["4"] * 10, reloading(requests), "4"),
        config=configuration,
        requests=requests,
        observers=[lambda moment: shown.append(display.lit)],
    )
    assert shown[-2:] == ["bcfg", segments]


def test_a_reload_moves_the_display_to_other_pins_and_back_if_those_are_wrong(
    play, factory, display, caplog, monkeypatch
):
    monkeypatch.setattr(service, "SIGN_LASTS", 0.0)
    others = SevenSegmentSettings(segments=(2, 3, 4, 14, 15, 18, 17))
    moved = SimulatedDisplay(others, factory)
    requests, shown = Requests(), []
    wired = Config(indicators=IndicatorSettings(seven_segment=others))
    wrong = Config(indicators=IndicatorSettings(buzzer=BuzzerSettings(enabled=True, pin=99)))
    configs = iter([QUICK, wrong, wired])
    ask = reloading(requests)
    play(
        Film(*["4"] * 10, ask, "4", ask, "4"),
        config=lambda: next(configs),
        requests=requests,
        observers=[lambda moment: shown.append((display.character, moved.character))],
    )
    assert shown[10:] == [("4", ""), ("4", ""), ("4", ""), ("", "4")]
    assert "indicators.buzzer.pin: GPIO 99" in caplog.text
    assert display.lit == moved.lit == ""


def test_a_reload_opens_the_camera_anew_only_if_its_settings_changed(play):
    requests = Requests()
    configs = iter([QUICK, QUICK, Config(camera=CameraSettings(rotation=180), steady=QUICK.steady)])
    ask = reloading(requests)
    first, second = Film("4", ask, "4", ask, "4", "4"), Film(*["7"] * 5)
    moments = play(first, second, config=lambda: next(configs), requests=requests)
    assert first.closed
    assert [moment.frame.name for moment in moments] == ["4"] * 4 + ["7"] * 5


# --- The real process -----------------------------------------------------------------------------

slow = pytest.mark.timeout(600)  # on a machine that has much else to do, starting takes its time


@pytest.fixture
def machine(tmp_path):
    """A configuration of its own, weights that read drawn digits, and a folder of stills."""
    save_weights(tmp_path / "digits.pt")
    configure(tmp_path)
    return tmp_path


def configure(folder, hold=0.5, **camera):
    settings = {"dwell": 40, **camera}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    text = f'[camera]\n{lines}\n[reading]\nweights = "{folder}/digits.pt"\n[steady]\nhold = {hold}\n'
    (folder / "config.toml").write_text(text)


def run_process(folder, *arguments, **environment):
    return Running(folder, "-m", "appliance", "run", "--pins", "mock", *arguments, **environment)


@slow
def test_process_shows_on_its_pins_what_the_frames_show_in_order(machine):
    frames = save_frames(machine / "frames", "4", "", "7", "0")
    with run_process(machine, "--source", str(frames)) as running:
        assert running.end() == 0
    # Segments of the digits as every textbook draws them.
    segments = [line.removeprefix("segments ") for line in running.lines if line.startswith("segments")]
    assert segments == ["dark", "bcfg", "dark", "abc", "abcdef", "dark"]
    readings = [line.split()[1] for line in running.lines if line.startswith("reads")]
    assert readings == ["4", "nothing", "7", "0"]


@slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_ends_well_when_asked_to_with_its_pins_off(machine, number):
    frames = save_frames(machine / "frames", "7")
    with run_process(machine, "--source", str(frames), "--loop", "--fps", "30") as running:
        running.wait_for("segments abc")
        running.process.send_signal(number)
        assert running.end() == 0
    assert running.lines[-1] == "segments dark"


@slow
def test_process_tells_systemd_that_it_is_ready_alive_and_what_it_reads(machine):
    frames = save_frames(machine / "frames", "7")
    with run_process(machine, "--source", str(frames), "--loop", "--fps", "30") as running:
        assert running.notified("READY=1") == ["READY=1"]
        assert running.notified("STATUS=reads 7")[-1].startswith("STATUS=reads 7 (")
        running.notified("WATCHDOG=1")
        running.process.terminate()
        running.notified("STOPPING=1")
        assert running.end() == 0


@slow
def test_process_without_frames_is_ready_but_lets_the_watchdog_starve(machine):
    with run_process(machine, "--source", "webcam:99") as running:
        running.wait_for("trying again until it works")
        running.process.terminate()
        assert running.end() == 0
        messages = running.all_notified()
    assert messages[0] == "READY=1"
    assert messages[1].startswith("STATUS=webcam 99")
    assert "WATCHDOG=1" not in messages
    assert sum("webcam 99" in line for line in running.lines) == 1


@slow
def test_process_takes_over_new_weights_and_keeps_them_when_the_next_are_bad(machine):
    frames = save_frames(machine / "frames", "7")
    configure(machine, hold=30.0)  # however slow this machine is, see below
    with run_process(machine, "--source", str(frames), "--loop", "--fps", "30") as running:
        running.wait_for("segments abc")
        save_useless_weights(machine / "digits.pt")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("reads 3")
        assert running.wait_for("segments") == "segments abcdg"
        assert [message.split("\n")[0] for message in running.notified("RELOADING=1")][-1] == "RELOADING=1"
        running.notified("READY=1")
        (machine / "digits.pt").write_bytes(b"rot")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("not reloaded, going on as before")
        configure(machine, fps="many")
        running.process.send_signal(signal.SIGHUP)
        assert "camera.fps" in running.wait_for("not reloaded, going on as before")
        save_weights(machine / "digits.pt")
        configure(machine, hold=30.0)
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("reads 7")
        running.wait_for("segments abc")
        running.process.terminate()
        assert running.end() == 0
    # Through all of it the display never went dark; each trouble had its sign, an L and an F.
    dark, first, *between, last, after = (
        line.removeprefix("segments ") for line in running.lines if line.startswith("segments")
    )
    assert (dark, first, last, after) == ("dark", "abc", "abc", "dark")
    assert [lit for lit in between if lit != "abcdg"] == ["def", "aefg"]


def hanging(folder, where):
    script = Path(__file__).with_name("hanging_camera.py")
    return Running(folder, str(script), where, str(folder / "config.toml"))


@slow
@pytest.mark.parametrize("where", ["read", "close"])
def test_process_ends_with_its_pins_off_though_the_driver_hangs(machine, where):
    with hanging(machine, where) as running:
        running.wait_for("GPIO5 on")
        if where == "read":
            running.wait_for("hangs")
        running.process.terminate()
        assert running.end() == 0
    switched = [line for line in running.lines if line.startswith("GPIO")]
    assert sorted(switched[:3]) == ["GPIO13 on", "GPIO5 on", "GPIO6 on"]
    assert sorted(switched[3:]) == ["GPIO13 off", "GPIO5 off", "GPIO6 off"]
    assert "a driver holds the end up; ending without it" in running.lines


@slow
def test_process_ends_to_be_started_anew_where_a_lost_camera_does_not_even_close(machine):
    with hanging(machine, "close of a lost camera") as running:
        assert running.end() == 1
    assert "hanging does not close" in running.lines
    switched = [line for line in running.lines if line.startswith("GPIO")]
    assert sorted(switched[-3:]) == ["GPIO13 off", "GPIO5 off", "GPIO6 off"]
