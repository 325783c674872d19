import io
import logging
import os
import pty
import sys
import termios

import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from rich.console import Console

from appliance import terminal
from appliance.config import IndicatorSettings
from appliance.frame import Frame
from appliance.indicators import open_indicators
from appliance.reader import Reading
from appliance.service import Moment
from appliance.signals import Requests
from appliance.simulated import SimulatedDisplay
from appliance.steady import Stable
from appliance.terminal import QuitKey, View


def moment(text="", name=""):
    frame = Frame(np.zeros((2, 2), np.uint8), 0, 0, name)
    return Moment(frame, Reading(), Stable(text, 0.97 if text else 0.0), 12.3, 7, 2)


def drawn(view):
    stream = io.StringIO()
    Console(file=stream, width=100).print(view.draw())
    return stream.getvalue()


def test_what_is_read_is_drawn_with_how_sure_it_is():
    view = View("folder a")
    view(moment("42", "x.jpg"))
    text = drawn(view)
    for part in ("folder a", "42", "97%", "x.jpg", "12 ms each", "2 skipped"):
        assert part in text
    view(moment(""))
    assert "nothing" in drawn(view)
    assert "x.jpg" not in drawn(view)


def test_what_the_frame_is_labelled_stands_beside():
    view = View("demo", labels={"a.jpg": "5", "b.jpg": ""})
    view(moment("4", "a.jpg"))
    assert "labelled  5" in drawn(view)
    view(moment("", "b.jpg"))
    assert "labelled  nothing to read" in drawn(view)


def test_before_the_first_and_long_after_the_last_picture_it_says_so(monkeypatch):
    view = View("picamera")
    assert "waiting for a picture" in drawn(view)
    view(moment("4"))
    assert "waiting for a picture" not in drawn(view)
    now = terminal.time.monotonic()
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now + 5)
    assert "waiting for a picture" in drawn(view)


def test_the_display_is_drawn_as_its_pins_are_whatever_the_reading_says():
    factory = MockFactory(pin_class=MockPWMPin)
    settings = IndicatorSettings()
    view = View("picamera", SimulatedDisplay(settings.seven_segment, factory))
    view(moment("8"))
    with open_indicators(settings, factory) as indicators:
        indicators.show(Stable("1", 1.0, (), True))
        picture = drawn(view)
    assert picture.count("┃") == 6  # b and c, three lines each
    assert "━" not in picture
    factory.reset()


def test_while_it_is_shown_warnings_stand_above_and_readings_do_not(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(terminal, "Console", lambda: Console(file=stream, width=100, force_terminal=True))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        with View("picamera") as view:
            view(moment("4"))
            logging.getLogger("appliance").info("reads 4")
            logging.getLogger("appliance").error("camera is gone [check]")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert "camera is gone" in stream.getvalue()
    assert "check" in stream.getvalue()  # not taken for Rich's markup
    assert "reads 4" not in stream.getvalue()
    assert "picamera" in stream.getvalue()


@pytest.fixture
def keyboard(monkeypatch):
    """A real terminal in the place of standard input; what is written to it is typed."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield ours
    os.close(ours)


@pytest.mark.parametrize(("typed", "stops"), [(b"q", True), (b"Q", True), (b"x", False), (b"", False)])
def test_q_asks_to_stop_without_a_newline_and_other_keys_do_not(keyboard, typed, stops):
    requests = Requests()
    with QuitKey(requests) as key:
        os.write(keyboard, typed)
        key(moment())
        assert requests.stop is stops


def test_the_terminal_is_left_as_it_was(keyboard):
    before = termios.tcgetattr(sys.stdin)
    with QuitKey(Requests()):
        assert termios.tcgetattr(sys.stdin) != before
    assert termios.tcgetattr(sys.stdin) == before


def test_without_a_terminal_there_are_no_keys(monkeypatch, tmp_path):
    (tmp_path / "stdin").write_text("q")
    requests = Requests()
    with (tmp_path / "stdin").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with QuitKey(requests) as key:
            key(moment())
    assert not requests.stop
