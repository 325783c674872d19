"""Who outside is told comes, changes and goes with the configuration, while the service reads on."""

import json
import signal
import threading
import time

import pytest
from drawn import save_frames, save_weights
from mosquitto import PATIENCE, Mosquitto, needed
from running import Running

from appliance.config import Config, SteadySettings
from appliance.integrations import Integration

FOUR, FIVE, NONE = (Config(steady=SteadySettings(agree=count)) for count in (4, 5, 1))


def wanted(config):
    return None if config is NONE else config.steady.agree


def wait_until(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


class Part:
    """What comes and goes; that may fail, or take its time."""

    def __init__(self, log, may_end=None, error=None):
        self.log, self.may_end, self.error = log, may_end, error

    def __enter__(self):
        if self.error:
            raise self.error
        self.log.append("begin")
        return self.log.append

    def __exit__(self, *_):
        if self.may_end:
            assert self.may_end.wait(PATIENCE)
        self.log.append("end")


def test_a_part_is_there_while_it_is_wanted_and_anew_where_it_is_wanted_otherwise():
    log = []
    with Integration(wanted, lambda config: Part(log)) as integration:
        integration("before")
        integration.follow(NONE)
        for config, has_happened in (
            (FOUR, ["begin", "first"]),
            (FOUR, ["begin", "first", "second"]),
            (FIVE, ["begin", "first", "second", "end", "begin", "third"]),
        ):
            integration.follow(config)
            wait_until(lambda has_happened=has_happened: log[-1:] == ["begin"] or log == has_happened[:-1])
            integration(has_happened[-1])
            assert log == has_happened
        integration.follow(NONE)
        wait_until(lambda: log[-1] == "end")
        integration("after")
        integration.follow(FOUR)
    assert log == ["begin", "first", "second", "end", "begin", "third", "end", "begin", "end"]


def test_one_that_takes_long_to_end_holds_up_no_frame_and_is_not_there_twice():
    log, may_end = [], threading.Event()
    with Integration(wanted, lambda config: Part(log, may_end)) as integration:
        integration.follow(FOUR)
        wait_until(lambda: log)
        began = time.monotonic()
        integration.follow(FIVE)
        wait_until(lambda: integration._observer is None)
        integration("unseen")
        assert time.monotonic() - began < PATIENCE / 2, "it waited for the end"
        assert log == ["begin"]
        may_end.set()
    assert log == ["begin", "end", "begin", "end"]


def test_one_that_is_broken_is_told_of_and_may_be_mended(caplog):
    log, errors = [], [RuntimeError("no such thing")]
    with Integration(wanted, lambda config: Part(log, error=errors and errors.pop())) as integration:
        integration.follow(FOUR)
        wait_until(lambda: "no such thing" in caplog.text)
        integration("unseen")
        integration.follow(FIVE)
        wait_until(lambda: log)
        integration("seen")
    assert log == ["begin", "seen", "end"]


# --- As a real process, with a real broker -------------------------------------------------------


@pytest.fixture
def broker(tmp_path):
    """One that lets only `pi` in, with its password."""
    with Mosquitto.guarded(tmp_path) as broker:
        yield broker


@pytest.fixture
def configure(tmp_path, broker):
    """Writes the configuration of an appliance that reads a 7."""
    save_weights(tmp_path / "digits.pt")
    save_frames(tmp_path / "frames", "7")
    known = f'port = {broker.port}\nusername = "pi"\npassword_file = "{tmp_path}/password"'

    def configure(host="127.0.0.1", name="pi", more=""):
        lines = f'[reading]\nweights = "{tmp_path}/digits.pt"\n[mqtt]\nhost = "{host}"\nname = "{name}"\n'
        (tmp_path / "config.toml").write_text(f"{lines}{known}\n{more}")

    return configure


@needed
@pytest.mark.timeout(600)
def test_a_reload_takes_over_who_is_told_and_leaves_alone_what_did_not_change(tmp_path, broker, configure):
    def password(text):
        (tmp_path / "password").write_text(text)
        (tmp_path / "password").chmod(0o600)

    def reload(running):
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("reloaded")

    def state():
        return json.loads((tmp_path / "status.json").read_bytes())["mqtt"]

    password("wrong")
    configure(host="")
    words = ("run", "--pins", "mock", "--source", f"{tmp_path}/frames", "--loop", "--fps", "30")
    with (
        broker.watch("digits/+/text") as texts,
        broker.watch("digits/+/availability") as presence,
        Running(tmp_path, "-m", "appliance", *words) as it,
    ):
        it.wait_for("reads 7")
        wait_until((tmp_path / "status.json").exists)
        assert state() is None
        configure()
        reload(it)
        it.wait_for("refuses: Not authorized")
        password("secret")  # the configuration is the same
        reload(it)
        presence.wait_for("digits/pi/availability", b"online")
        texts.wait_for("digits/pi/text", b"7")

        hook = f'[hooks.command]\nrun = ["sh", "-c", "echo $APPLIANCE $DIGITS >>{tmp_path}/told"]'
        configure(more=hook)
        reload(it)
        wait_until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text() == "pi 7\n")

        configure(name="desk", more=hook)
        reload(it)
        offline = presence.wait_for("digits/pi/availability")
        assert offline.payload == b"offline", "it was there until the name was another"
        presence.wait_for("digits/desk/availability", b"online")
        texts.wait_for("digits/desk/text", b"7")
        wait_until(lambda: (tmp_path / "told").read_text() == "pi 7\ndesk 7\n")

        configure(host="")
        reload(it)
        presence.wait_for("digits/desk/availability", b"offline")
        wait_until(lambda: state() is None)
        it.process.terminate()
        assert it.end() == 0
    assert sum("reads" in line for line in it.lines) == 1, "whoever is told, what is read stays"
