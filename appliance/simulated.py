"""A simulated seven-segment digit: what the levels of its pins would show."""

import logging

from gpiozero.pins.mock import MockFactory, MockPin
from rich.text import Text

from appliance.config import SevenSegmentSettings

log = logging.getLogger(__name__)

SHAPE = """\
 aaaaa
f     b
f     b
f     b
 ggggg
e     c
e     c
e     c
 ddddd """
"""Where the segments lie; a letter is a piece of that segment."""

CHARACTERS = {
    "": "",
    "abcdef": "0",
    "bc": "1",
    "abdeg": "2",
    "abcdg": "3",
    "bcfg": "4",
    "acdfg": "5",
    "acdefg": "6",
    "abc": "7",
    "abcdefg": "8",
    "abcdfg": "9",
}
"""What lit segments show to whoever looks at them."""


class SimulatedDisplay:
    """The digit that `settings` wire to the simulated pins of `factory`."""

    def __init__(self, settings: SevenSegmentSettings, factory: MockFactory) -> None:
        self._settings = settings
        self._factory = factory

    @property
    def lit(self) -> str:
        """The segments that are lit, such as `"bc"` for a 1; read from the pins themselves."""
        named = zip("abcdefg", self._settings.segments, strict=True)
        return "".join(name for name, pin in named if self._is_lit(self._factory.pin(pin)))

    @property
    def character(self) -> str:
        """The digit that the lit segments show, empty where all are dark, `?` where it is none."""
        return CHARACTERS.get(self.lit, "?")

    def draw(self) -> Text:
        """A picture of it, seven columns by nine lines."""
        lit = self.lit
        text = Text()
        for letter in SHAPE:
            if letter.isspace():
                text.append(letter)
            elif letter in lit:
                text.append("━" if letter in "agd" else "┃", style="bold bright_red")
            else:
                text.append("╌" if letter in "agd" else "╎", style="grey30")
        return text

    def _is_lit(self, pin: MockPin) -> bool:
        # Through a pin that is an input no current flows, whatever its level.
        return pin.function == "output" and bool(pin.state) != self._settings.common_anode


class SegmentLog:
    """An observer that logs the lit segments at every change, and at last what the end leaves lit."""

    def __init__(self, display: SimulatedDisplay) -> None:
        self._display = display
        self._lit: str | None = None

    def __call__(self, _: object = None) -> None:
        """Logs the lit segments, if they are others than before."""
        if self._display.lit != self._lit:
            self._lit = self._display.lit
            log.info("segments %s", self._lit or "dark")

    def __enter__(self) -> "SegmentLog":
        return self

    def __exit__(self, *_: object) -> None:
        self()
