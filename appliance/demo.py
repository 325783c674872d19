"""The demonstration: the real service on the shipped frames, with simulated pins, in a terminal."""

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack

from gpiozero.pins.mock import MockFactory
from rich.console import Console
from rich.table import Table

from appliance import shipped
from appliance.config import CameraSettings, Config, IndicatorSettings, SteadySettings
from appliance.labels import read_labels
from appliance.service import Moment, Observer, Options, Service
from appliance.signals import Requests
from appliance.simulated import SegmentLog, SimulatedDisplay
from appliance.systemd import log_to_stderr
from appliance.terminal import QuitKey, View

FPS = 30
"""Frames a second of a demonstration that is looked at."""

LOOKED_AT = Config(
    camera=CameraSettings(dwell=2 * FPS),
    steady=SteadySettings(hold=0.3),
    indicators=IndicatorSettings(scroll=0.4),
)
"""Every still is in view long enough to be read off a display that shows a number digit by digit."""

CHECKED = Config(camera=CameraSettings(dwell=20), steady=SteadySettings(hold=0.2))
"""Every still is in view just until the one before is forgotten and this one is steady."""


_PATIENCE = 2.0
"""Seconds in which the pins must show a text: a thread of their own moves them, which may have to wait.

Where they do not, that text of that frame is not waited for again."""


def demonstrate(once: bool, factory: MockFactory) -> bool:
    """Plays the shipped frames until it is asked to stop; `once`: through once, and as fast as it goes.

    Prints in the end, if `once`, what was shown of each frame; gives whether all of that was right.
    """
    frames, labels = shipped.frames(), read_labels(shipped.frames())
    config = CHECKED if once else LOOKED_AT
    options = Options(lambda: config, factory, source=str(frames), loop=not once, fps=None if once else FPS)
    display = SimulatedDisplay(config.indicators.seven_segment, factory)
    tally = Tally(display, labels)
    requests = Requests()
    with ExitStack() as stack:
        observers: list[Observer] = [tally] if once else []
        if sys.stdout.isatty():
            observers.append(stack.enter_context(View("recorded frames; q ends", display, labels)))
            observers.append(stack.enter_context(QuitKey(requests)))
        else:
            log_to_stderr()
            observers.append(stack.enter_context(SegmentLog(display)))
        Service(options, requests, observers).run()
    if not once:
        return True
    Console().print(tally.table())
    return tally.wrong == 0


class Tally:
    """An observer that keeps what was shown last of each frame, on the pins too."""

    def __init__(self, display: SimulatedDisplay, labels: Mapping[str, str]) -> None:
        self._display = display
        self._labels = labels
        self._shown: dict[str, tuple[str, str]] = {}
        self._given_up: set[tuple[str, str]] = set()

    def __call__(self, moment: Moment) -> None:
        """Takes note of a moment."""
        name, text = moment.frame.name, moment.stable.text
        until = time.monotonic() + (0 if (name, text) in self._given_up else _PATIENCE)
        while not (fits := _fits(character := self._display.character, text)) and time.monotonic() < until:
            time.sleep(0.001)
        if not fits:
            self._given_up.add((name, text))
        self._shown[name] = text, character

    @property
    def wrong(self) -> int:
        """How many labelled frames were not shown as their labels say."""
        return sum(not self._is_right(name) for name in self._labels)

    def table(self) -> Table:
        """What was shown, frame by frame, against the labels."""
        right = len(self._labels) - self.wrong
        table = Table(
            "frame",
            "labelled",
            "shown",
            "on the display",
            "",
            caption=f"{right} of {len(self._labels)} right",
        )
        for name, text in self._labels.items():
            shown, character = self._shown.get(name, ("not played", ""))
            verdict = "[green]right" if self._is_right(name) else "[bold red]wrong"
            table.add_row(name, text or "·", shown or "·", character or "·", verdict)
        return table

    def _is_right(self, name: str) -> bool:
        """Whether text and pins fit the label."""
        shown, character = self._shown.get(name, (None, ""))
        return shown == self._labels[name] and _fits(character, shown)


def _fits(character: str, text: str) -> bool:
    """Whether a display may show that: of a longer number it shows one digit at a time, or a gap between."""
    return character == text if len(text) < 2 else character in text
