import os
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from drawn import save_frames, save_weights
from running import Running

from appliance import __version__, health
from appliance.errors import CameraError
from appliance.frame import Frame
from appliance.health import Health, Monitor, Spread, WeightsInUse, read_health
from appliance.reader import Reading
from appliance.service import Moment
from appliance.state import runtime_folder
from appliance.steady import Stable

GRAY = np.zeros((4, 4), np.uint8)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    return tmp_path


@pytest.fixture
def service(state):
    card = SimpleNamespace(network="digitnet", sha256="ab" * 32)
    reader = SimpleNamespace(card=card, weights=state / "weights" / "3" / "digits.pt")
    asked = {"reloads": 0, "refused": None}
    return SimpleNamespace(fault=None, source="picamera", at_work=True, reader=reader, **asked)


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that the test sets, in seconds."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(health.time, "monotonic", lambda: now.seconds)
    return now


def moment(number, text="42", changed=False, read_ms=6.0, light_ms=12.0, skipped=0):
    stable = Stable(text, 0.97, changed=changed)
    lit_ns = round(light_ms * 1e6)
    return Moment(Frame(GRAY, number, 0), Reading(), stable, read_ms, number, skipped, lit_ns)


def test_it_tells_what_the_latest_frame_showed_and_who_reads(service):
    monitor = Monitor(service)
    monitor(moment(7, skipped=2))
    told = monitor.health()
    assert (told.pid, told.version, told.source) == (os.getpid(), __version__, "picamera")
    assert (told.text, told.confidence, told.frames, told.skipped) == ("42", 0.97, 7, 2)
    assert told.weights == WeightsInUse("digitnet", "ab" * 32, 3)
    assert (told.fault, told.page, told.mqtt) == (None, None, None)
    assert told.since <= told.time <= time.time()


@pytest.mark.parametrize("place", ["/opt/models/digits.pt", "/home/me/7/digits.pt"])
def test_only_weights_that_were_installed_have_a_number(service, place):
    service.reader.weights = Path(place)
    assert Monitor(service).health().weights.installed is None


def test_the_frame_rate_is_that_of_the_last_seconds_and_none_once_frames_stop(service, clock):
    monitor = Monitor(service)
    for number in range(200):
        clock.seconds += 1.0 if number < 40 else 1 / 30
        monitor(moment(number))
    assert monitor.health().fps == pytest.approx(30, abs=0.1)
    clock.seconds += 1.5
    assert monitor.health().fps == 0.0


def test_times_are_told_by_their_middle_and_by_their_worst(service):
    monitor = Monitor(service)
    assert monitor.health().read_ms is None
    for number in range(200):
        monitor(moment(number, read_ms=5.0 if number % 10 else 50.0))
    assert monitor.health().read_ms == Spread(5.0, 50.0)


def test_light_is_measured_where_a_frame_changed_what_is_lit(service):
    monitor = Monitor(service)
    monitor(moment(1, light_ms=900.0))
    assert monitor.health().light_ms is None
    monitor(moment(2, changed=True, light_ms=12.0))
    monitor(moment(3, changed=True, light_ms=-30.0))  # of a recording played faster than it was taken
    assert monitor.health().light_ms == Spread(12.0, 12.0)


def test_while_there_are_no_frames_it_says_why_and_no_number(service):
    monitor = Monitor(service)
    monitor(moment(1))
    service.fault = CameraError("picamera: no frame for 3 s; check its cable")
    assert monitor.health().fault == "picamera: no frame for 3 s; check its cable"
    assert (monitor.health().text, monitor.health().confidence) == ("", 0.0)


def test_pictures_are_let_go_at_once(service):
    gray = np.zeros((4, 4), np.uint8)
    gone = weakref.ref(gray)
    monitor = Monitor(service)
    monitor(Moment(Frame(gray, 0, 0), Reading(), Stable(), 1.0, 1, 0))
    del gray
    assert gone() is None


def test_the_file_holds_what_is_so_and_is_gone_at_the_end(service, state, monkeypatch):
    monkeypatch.setattr(health, "EVERY", 0.01)
    assert read_health() is None
    with Monitor(service) as monitor:
        monitor(moment(1))
        monitor.page = "http://pi.local:8000"
        deadline = time.monotonic() + 60
        while (told := read_health()) is None or told.page is None:
            assert time.monotonic() < deadline
        assert isinstance(told, Health)
        assert (told.text, told.page) == ("42", "http://pi.local:8000")
        assert told.age < 60
    assert read_health() is None


def test_before_the_service_is_at_work_nothing_is_written_nor_where_nothing_can_be(
    service, state, monkeypatch
):
    written = []
    monkeypatch.setattr(health, "write_atomically", lambda path, data, durable: written.append(path))
    service.at_work = False
    Monitor(service).write()
    assert written == []
    service.at_work = True
    Monitor(service).write()
    assert written == [state / "status.json"]
    monkeypatch.undo()
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(state / "gone"))
    Monitor(service).write()
    assert read_health() is None


def test_a_file_that_is_no_status_counts_as_none(state):
    (state / "status.json").write_bytes(b'{"pid": "x"')
    assert read_health() is None


def test_the_runtime_folder_is_systemds_else_the_states(monkeypatch, state):
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/ours")
    assert runtime_folder() == state
    monkeypatch.delenv("DIGIT_APPLIANCE_STATE")
    assert runtime_folder() == Path("/run/ours")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/ours")
    usual = Path("/run/digit-appliance")
    assert runtime_folder() == (usual if usual.is_dir() else Path("/var/lib/ours"))


@pytest.mark.timeout(600)
def test_the_real_service_tells_how_it_fares(state):
    save_weights(state / "digits.pt")
    (state / "config.toml").write_text(f'[reading]\nweights = "{state}/digits.pt"\n[steady]\nagree = 1\n')
    frames = save_frames(state / "frames", "7")
    arguments = ("-m", "appliance", "run", "--pins", "mock", "--source", str(frames), "--loop", "--fps", "30")
    with Running(state, *arguments) as running:
        running.wait_for("reads 7")
        while (told := read_health()) is None or told.light_ms is None or not told.fps:  # of two frames
            assert running.process.poll() is None
        assert (told.pid, told.text, told.fault) == (running.process.pid, "7", None)
        assert (told.source, told.weights.network) == (str(frames), "workshop-linear")
        assert told.fps > 0
        assert told.read_ms.median > 0
        assert 0 < told.light_ms.median <= told.light_ms.p99
        running.process.terminate()
        assert running.end() == 0
    assert read_health() is None
