import fcntl
import logging
import os
import pty
import select
import subprocess
import sys
import termios
from types import SimpleNamespace

import pytest
from drawn import save_frames, save_useless_weights, save_weights
from gpiozero.pins.mock import MockFactory, MockPWMPin

from appliance import demo, shipped
from appliance.demo import demonstrate

LABELS = {"01-4.png": "4", "02-nothing.png": "", "03-17.png": "17"}


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Three drawn frames and weights that read them, in the place of those shipped."""
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path / "state"))
    (tmp_path / "models").mkdir()
    save_weights(tmp_path / "models" / "digits.pt")
    save_frames(tmp_path / "frames", *LABELS.values())
    label(tmp_path, LABELS)
    monkeypatch.setattr(shipped, "models", lambda: tmp_path / "models")
    monkeypatch.setattr(shipped, "frames", lambda: tmp_path / "frames")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield tmp_path
    root.handlers[:] = handlers
    root.setLevel(level)


def label(folder, labels):
    rows = "".join(f"{name},{text},drawn\n" for name, text in labels.items())
    (folder / "frames" / "labels.csv").write_text("file,text,kind\n" + rows)


@pytest.fixture
def factory():
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


def test_once_shows_every_frame_and_says_that_all_are_right(factory, capsys):
    assert demonstrate(True, factory)
    printed = capsys.readouterr().out
    assert "3 of 3 right" in printed
    for name in LABELS:
        assert name in printed
    assert "wrong" not in printed


def tallied(display):
    """What came of a frame that shows a 4 and was read as one."""
    tally = demo.Tally(display, {"4.png": "4"})
    tally(SimpleNamespace(frame=SimpleNamespace(name="4.png"), stable=SimpleNamespace(text="4")))
    return tally


def test_pins_that_follow_a_little_later_are_waited_for():
    class Late:
        seen = iter(["", "", "4"])

        @property
        def character(self):
            return next(self.seen, "4")

    assert tallied(Late()).wrong == 0


def test_pins_that_never_follow_are_wrong(monkeypatch):
    monkeypatch.setattr(demo, "_PATIENCE", 0.01)
    assert tallied(SimpleNamespace(character="")).wrong == 1


def test_once_finds_a_label_that_was_not_shown(machine, factory, capsys):
    label(machine, LABELS | {"01-4.png": "9"})
    assert not demonstrate(True, factory)
    assert "2 of 3 right" in capsys.readouterr().out


def test_once_finds_weights_that_read_wrongly(machine, factory, capsys):
    save_useless_weights(machine / "models" / "digits.pt")
    assert not demonstrate(True, factory)
    assert "1 of 3 right" in capsys.readouterr().out


def test_once_finds_a_display_that_shows_another_digit(factory, capsys, monkeypatch):
    monkeypatch.setattr(demo.SimulatedDisplay, "character", "8")
    assert not demonstrate(True, factory)
    assert "0 of 3 right" in capsys.readouterr().out


def test_once_finds_a_frame_that_was_not_played(machine, factory, capsys):
    label(machine, LABELS | {"04-missing.png": ""})
    assert not demonstrate(True, factory)
    printed = capsys.readouterr().out
    assert "3 of 4 right" in printed
    assert "not played" in printed


@pytest.fixture
def terminal(machine):
    """The demonstration in a terminal of its own, drawn as far as its first label; and our side of that."""
    code = (
        "import sys; from pathlib import Path; from appliance import shipped, cli;"
        "folder = Path(sys.argv.pop());"
        "shipped.models = lambda: folder / 'models'; shipped.frames = lambda: folder / 'frames';"
        "cli.main()"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code, "demo", str(machine)],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm-256color", "COLUMNS": "100"},
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()


def watch(ours, *wanted):
    """What is drawn, until all that is wanted was, or else until the other side closes."""
    seen = b""
    while not wanted or any(part.encode() not in seen for part in wanted):
        assert select.select([ours], [], [], 200)[0], seen
        try:
            seen += os.read(ours, 65536)
        except OSError:
            break
    return seen


@pytest.mark.timeout(600)
@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_in_a_terminal_the_display_is_drawn_until_a_key_ends_it(terminal, key):
    process, ours = terminal
    assert b"01-4.png" in watch(ours, "labelled", "┃")
    os.write(ours, key)
    rest = watch(ours)
    assert process.wait(200) == 0
    assert b"Traceback" not in rest
    assert rest.rstrip().endswith(b"\x1b[2K")  # the drawing is taken away
    os.close(ours)


@pytest.mark.timeout(600)
def test_a_terminal_that_is_closed_leaves_nothing_running(terminal):
    process, ours = terminal
    watch(ours, "labelled")
    os.close(ours)
    process.wait(200)
