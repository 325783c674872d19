"""What the appliance shows its text on: displays, LEDs, a lamp, a buzzer, all through gpiozero."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import Any, Literal, Self

from gpiozero import PWMLED, Buzzer, Device, LEDBoard, LEDCharDisplay, LEDMultiCharDisplay
from gpiozero.pins import Factory
from gpiozero.pins.mock import MockFactory, MockPWMPin

from appliance.config import (
    BinarySettings,
    BuzzerSettings,
    IndicatorSettings,
    LampSettings,
    RowSettings,
    SevenSegmentSettings,
    TenLedsSettings,
)
from appliance.errors import PinError
from appliance.steady import Stable

log = logging.getLogger(__name__)


class Sign(StrEnum):
    """What a display shows in place of a number, one for each kind of trouble."""

    CAMERA = "C"
    """No pictures: nothing can be read."""
    DARK = "D"
    """The pictures are black: a cover on the lens, or no light."""
    FILE = "F"
    """The configuration file has a mistake; the last one without goes on."""
    WEIGHTS = "L"
    """What was learned, the weights, cannot be used; those shipped go on."""
    PINS = "P"
    """Another indicator cannot be driven; the rest go on."""


SIGN_LASTS = 2.0
"""Seconds that a sign is shown where reading goes on beside the trouble."""
_TRY_AGAIN = 10.0
"""Seconds after which an indicator that could not be driven is tried again."""

_REFRESH = 60
"""How often a second a multiplexed row is gone through: slower is seen to flicker."""
_LIT = 0.8
"""For how much of its step a single digit is lit, so that the two of 44 are told apart."""


def pins(mode: Literal["real", "mock"]) -> Factory:
    """The Pi's own pins, or simulated ones that remember what they showed.

    The real ones are lgpio's or none: gpiozero's other libraries take over in silence and fail later.
    Raises `PinError` where there are no real pins.
    """
    if mode == "mock":
        return MockFactory(pin_class=MockPWMPin)
    try:
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except Exception as error:
        raise PinError(
            f"the GPIO pins cannot be opened ({error}); on a Raspberry Pi, install python3-lgpio and join "
            "the group gpio; elsewhere, use --pins mock"
        ) from error


class _Indicator(ABC):
    """One thing on the wires; `device` is gpiozero's."""

    device: Any

    @abstractmethod
    def show(self, stable: Stable, steps: float) -> None:
        """Shows a text that has been there for so many scroll steps."""

    def show_sign(self, sign: Sign) -> None:  # noqa: B027 (a buzzer need not)
        """Shows that something is wrong."""

    def off(self) -> None:
        self.device.off()

    def close(self) -> None:
        try:
            self.off()
        finally:
            self.device.close()


class _Display(_Indicator):
    """Shows `width` digits at a time."""

    width = 1
    _drawn = ""

    def show(self, stable: Stable, steps: float) -> None:
        self._show(_part_in_view(stable.text, self.width, steps))

    def show_sign(self, sign: Sign) -> None:
        self._show(sign.value)

    def off(self) -> None:
        self._draw("")

    def _show(self, text: str) -> None:
        if text != self._drawn:
            self._draw(text)
            self._drawn = text

    @abstractmethod
    def _draw(self, text: str) -> None:
        """Lights a text of at most `width` characters, digits and blanks, or a sign."""


class _SevenSegment(_Display):
    """One seven-segment digit."""

    def __init__(self, settings: SevenSegmentSettings, factory: Factory) -> None:
        self.device = LEDCharDisplay(
            *settings.segments, active_high=not settings.common_anode, pin_factory=factory
        )

    def _draw(self, text: str) -> None:
        self.device.value = text or " "


class _Row(_Display):
    """A multiplexed row, numbers to the right."""

    def __init__(self, settings: RowSettings, factory: Factory) -> None:
        self.width = len(settings.digits)
        with ExitStack() as stack:
            segments = stack.enter_context(
                LEDCharDisplay(*settings.segments, active_high=not settings.common_anode, pin_factory=factory)
            )
            self.device = LEDMultiCharDisplay(
                segments, *settings.digits, active_high=not settings.digits_active_low, pin_factory=factory
            )
            stack.pop_all()
        self.device.plex_delay = 1 / _REFRESH / self.width

    def _draw(self, text: str) -> None:
        # Blank by a value, never by off(): its thread would go on and light remnants (gpiozero issue 1168).
        self.device.value = text


class _TenLeds(_Display):
    """The LED of the digit is lit; all ten are a sign, whichever."""

    def __init__(self, settings: TenLedsSettings, factory: Factory) -> None:
        self.device = LEDBoard(*settings.pins, active_high=not settings.active_low, pin_factory=factory)

    def _draw(self, text: str) -> None:
        self.device.value = [text == str(value) or text.isalpha() for value in range(10)]


class _Binary(_Display):
    """The digit's bits, the eights first; all four, which no digit has, are a sign, whichever."""

    def __init__(self, settings: BinarySettings, factory: Factory) -> None:
        self.device = LEDBoard(*settings.pins, active_high=not settings.active_low, pin_factory=factory)

    def _draw(self, text: str) -> None:
        bits = 0b1111 if text.isalpha() else int(text.strip() or 0)
        self.device.value = [bool(bits & weight) for weight in (8, 4, 2, 1)]


class _Lamp(_Indicator):
    """As bright as the text is sure; it breathes for a sign."""

    _brightness: float | None = 0.0

    def __init__(self, settings: LampSettings, factory: Factory) -> None:
        self.device = PWMLED(settings.pin, active_high=not settings.active_low, pin_factory=factory)

    def show(self, stable: Stable, steps: float) -> None:
        if stable.confidence != self._brightness:
            self.device.value = self._brightness = stable.confidence

    def show_sign(self, sign: Sign) -> None:
        if self._brightness is not None:
            self.device.pulse()
            self._brightness = None


class _Buzzer(_Indicator):
    """Chirps at each new text."""

    _text = ""

    def __init__(self, settings: BuzzerSettings, factory: Factory) -> None:
        self.device = Buzzer(settings.pin, active_high=not settings.active_low, pin_factory=factory)
        self._seconds = settings.chirp

    def show(self, stable: Stable, steps: float) -> None:
        if stable.text and stable.text != self._text:
            self.device.beep(on_time=self._seconds, off_time=0, n=1)
        self._text = stable.text


_KINDS: dict[str, Callable[[Any, Factory], _Indicator]] = {
    "seven_segment": _SevenSegment,
    "row": _Row,
    "ten_leds": _TenLeds,
    "binary": _Binary,
    "lamp": _Lamp,
    "buzzer": _Buzzer,
}
"""How each table of the configuration is opened."""


class Indicators:
    """Everything that is wired, as one. A context manager: whatever happens, it leaves all pins off."""

    def __init__(
        self, settings: IndicatorSettings, factory: Factory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Opens what is enabled, all or nothing. Raises `PinError`, which names the key and the pin."""
        self._scroll, self._clock = settings.scroll, clock
        self._text, self._since = "", clock()
        self._sign_until = float("-inf")
        self._wired: dict[str, _Indicator] = {}
        self._lost: dict[str, float] = {}
        _claim(settings, factory)
        with ExitStack() as stack:
            for kind, open_kind in _KINDS.items():
                if getattr(settings, kind).enabled:
                    with _naming(f"indicators.{kind}"):
                        self._wired[kind] = open_kind(getattr(settings, kind), factory)
                    stack.callback(self._wired[kind].close)
            self._closing = stack.pop_all()

    def show(self, stable: Stable) -> None:
        """Shows a text. To be called at every frame, since longer numbers move on with time.

        An indicator that cannot be driven is told of and left out for a while; the others go on, after a
        sign. Raises `PinError` if that leaves none.
        """
        if stable.text != self._text:
            self._text, self._since = stable.text, self._clock()
        steps = (self._clock() - self._since) / self._scroll
        if self._clock() >= self._sign_until:
            self._each(lambda indicator: indicator.show(stable, steps))

    def show_sign(self, sign: Sign, seconds: float = 0.0) -> None:
        """Shows that something is wrong, until the next text is shown, and for at least so many seconds."""
        self._sign_until = self._clock() + seconds
        self._each(lambda indicator: indicator.show_sign(sign))

    def _each(self, show: Callable[[_Indicator], None]) -> None:
        for kind, indicator in self._wired.items():
            lost_at = self._lost.get(kind)
            if lost_at is not None and self._clock() - lost_at < _TRY_AGAIN:
                continue
            try:
                show(indicator)
            except Exception as error:  # noqa: BLE001 each pin library has errors of its own
                self._lose(kind, error)
            else:
                if self._lost.pop(kind, None) is not None:
                    log.info("indicators.%s works again", kind)

    def _lose(self, kind: str, error: Exception) -> None:
        known = kind in self._lost
        self._lost[kind] = self._clock()
        if len(self._lost) == len(self._wired):
            raise PinError(f"indicators.{kind}: {error}; check its wiring and pins") from error
        if not known:
            log.error("indicators.%s: %s; check its wiring and pins; the others go on", kind, error)
            self.show_sign(Sign.PINS, SIGN_LASTS)

    def close(self) -> None:
        """Switches everything off and gives the pins back. Closing twice does no harm."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_indicators(settings: IndicatorSettings, pin_factory: Factory | None = None) -> Indicators:
    """Opens what the settings enable, on the Pi's own pins unless others are given.

    Raises `PinError`, which names the key and the pin, before anything lights.
    """
    factory = pin_factory or pins("real")
    # LEDMultiCharDisplay makes one inner device without passing its factory on.
    Device.pin_factory = factory
    return Indicators(settings, factory)


def _claim(settings: IndicatorSettings, factory: Factory) -> None:
    """Takes hold of each pin, as an input still, so that a wrong one is found before anything lights."""
    for key, pin in settings.pins():
        try:
            factory.pin(pin)
        except Exception as error:
            raise PinError(
                f"{key}: GPIO {pin} cannot be used ({error}); choose another, or end what else uses it"
            ) from error


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Names the indicator in whatever goes wrong: each pin library has errors of its own."""
    try:
        yield
    except Exception as error:
        raise PinError(f"{key}: {error}; check its wiring and pins") from error


def _part_in_view(text: str, width: int, steps: float) -> str:
    """The part of a text that a display of `width` digits shows after so many steps.

    What fits stands still. What does not moves through from right to left, with a gap before it begins
    again; on a single digit each is followed by a short pause.
    """
    if len(text) <= width:
        return text
    if width == 1 and steps % 1 > _LIT:
        return ""
    turn = text + " "
    start = int(steps) % len(turn)
    return (turn + turn)[start : start + width]
