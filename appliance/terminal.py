"""The appliance in a terminal: the reading, and the display where it is simulated, drawn in place."""

import logging
import os
import select
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.logging import RichHandler
from rich.table import Table
from rich.text import Text

from appliance.service import Moment
from appliance.signals import Requests
from appliance.simulated import SimulatedDisplay

GONE_AFTER = 1.0
"""Seconds without a frame after which the drawing says so."""


class View:
    """An observer of the service that draws what it sees, ten times a second, until its end takes it away.

    Warnings of the log go above the drawing meanwhile; changes of the reading the drawing shows itself.
    """

    def __init__(
        self, title: str, display: SimulatedDisplay | None = None, labels: Mapping[str, str] | None = None
    ) -> None:
        """`display` is drawn beside the reading; `labels` say what recorded frames show."""
        self._title, self._display, self._labels = title, display, labels or {}
        console = Console()
        self._log = RichHandler(console=console, show_path=False)
        self._moment: Moment | None = None
        self._times: deque[float] = deque(maxlen=60)
        self._live = Live(console=console, get_renderable=self.draw, refresh_per_second=10, transient=True)

    def __call__(self, moment: Moment) -> None:
        """Takes note of a moment."""
        self._moment = moment
        self._times.append(time.monotonic())

    def __enter__(self) -> Self:
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[self._log], force=True)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def draw(self) -> Table:
        """What is seen now; Rich's own thread asks for it."""
        facts = Table.grid(padding=(0, 2))
        for name, value in self._facts():
            facts.add_row(Text(name, style="dim"), value)
        both = Table.grid(padding=(0, 4))
        both.add_row(*([self._display.draw()] if self._display else []), facts)
        return both

    def _facts(self) -> Iterator[tuple[str, Text]]:
        yield "source", Text(self._title)
        moment, times = self._moment, list(self._times)
        if moment is None or time.monotonic() - times[-1] > GONE_AFTER:
            yield "reading", Text("waiting for a picture", style="yellow")
            return
        stable = moment.stable
        yield "reading", Text(stable.text or "nothing", style="bold bright_red" if stable.text else "dim")
        yield "sure", Text(f"{stable.confidence:.0%}" if stable.text else "")
        if moment.frame.name:
            yield "frame", Text(moment.frame.name)
        if moment.frame.name in self._labels:
            yield "labelled", Text(self._labels[moment.frame.name] or "nothing to read")
        rate = (len(times) - 1) / (times[-1] - times[0] or 1.0)
        yield (
            "speed",
            Text(f"{rate:.0f} frames/s, {moment.milliseconds:.0f} ms each, {moment.skipped} skipped"),
        )


class QuitKey:
    """An observer that asks to stop when `q` is pressed; the terminal hides what is typed meanwhile."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._usual: list[Any] | None = None

    def __enter__(self) -> Self:
        if sys.stdin.isatty():
            self._usual = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *_: object) -> None:
        if self._usual:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._usual)

    def __call__(self, _: Moment) -> None:
        """Looks whether a key was pressed."""
        if self._usual and select.select([sys.stdin], [], [], 0)[0]:
            key = os.read(sys.stdin.fileno(), 1)
            self._requests.stop |= key in (b"q", b"Q", b"")  # nothing to be read: the terminal is gone
