import logging
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from gpiozero import LED
from gpiozero.pins.mock import MockFactory, MockPWMPin
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

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
from appliance.indicators import SIGN_LASTS, Indicators, Sign, open_indicators, pins
from appliance.steady import Stable

LETTERS = "abcdefg"
SEGMENTS = {
    " ": "",
    "0": "abcdef",
    "1": "bc",
    "2": "abdeg",
    "3": "abcdg",
    "4": "bcfg",
    "5": "acdfg",
    "6": "acdefg",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
    "C": "adef",
    "D": "bcdeg",
    "F": "aefg",
    "L": "def",
    "P": "abefg",
}
"""The segments that any seven-segment display lights for a character; D is shown as a d."""
DIGITS = "0123456789"
NO_SEGMENT = SevenSegmentSettings(enabled=False)
EVERYTHING = IndicatorSettings(
    ten_leds=TenLedsSettings(enabled=True),
    binary=BinarySettings(enabled=True),
    lamp=LampSettings(enabled=True),
    buzzer=BuzzerSettings(enabled=True),
)


class Pin(MockPWMPin):
    """A simulated pin; its factory keeps all changes, counts the writes, and knows how each pin ended."""

    def _set_state(self, value):
        self.factory.writes += 1
        super()._set_state(value)

    def close(self):
        self.factory.let_go[self.info.name] = bool(self.state)
        super().close()

    def _change_state(self, value):
        changed = super()._change_state(value)
        if changed:
            self.factory.journal.append((self.info.name, value))
        return changed


@pytest.fixture
def factory():
    return make_factory()


def make_factory() -> MockFactory:
    factory = MockFactory(pin_class=Pin)
    factory.journal, factory.writes, factory.let_go = [], 0, {}
    return factory


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(text: str, confidence: float | None = None) -> Stable:
    return Stable(text, confidence if confidence is not None else 0.9 * bool(text))


def lit(factory: MockFactory, pins: tuple[int, ...], active_low: bool = False) -> list[bool]:
    """Which of the pins drive their LED; an input drives none."""
    found = [factory.pin(pin) for pin in pins]
    return [pin.function == "output" and bool(pin.state) != active_low for pin in found]


def segments(factory: MockFactory, settings: SevenSegmentSettings) -> str:
    on = lit(factory, settings.segments, settings.common_anode)
    return "".join(letter for letter, is_on in zip(LETTERS, on, strict=True) if is_on)


def nothing_is_driven(factory: MockFactory) -> bool:
    return not driven(factory)


def driven(factory: MockFactory) -> list[Pin]:
    return [pin for pin in factory.pins.values() if pin.function != "input"]


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in 20 s"
        time.sleep(0.002)


def no_thread_is_left() -> bool:
    return not [thread for thread in threading.enumerate() if type(thread).__name__ == "GPIOThread"]


# One seven-segment digit


@pytest.mark.parametrize("common_anode", [False, True])
def test_each_digit_lights_its_segments(factory, common_anode):
    display = SevenSegmentSettings(common_anode=common_anode)
    with open_indicators(IndicatorSettings(seven_segment=display), factory) as indicators:
        assert segments(factory, display) == ""
        for digit in DIGITS:
            indicators.show(shown(digit))
            assert segments(factory, display) == SEGMENTS[digit]
        indicators.show(shown(""))
        assert segments(factory, display) == ""


def test_the_pins_are_wired_in_the_configured_order(factory):
    display = SevenSegmentSettings(segments=(27, 22, 10, 9, 11, 4, 17))
    with open_indicators(IndicatorSettings(seven_segment=display), factory) as indicators:
        indicators.show(shown("1"))
        assert lit(factory, (22, 10)) == [True, True] and lit(factory, (27, 9, 11, 4, 17)) == [False] * 5


def test_what_is_shown_already_is_not_written_again(factory):
    with open_indicators(EVERYTHING, factory) as indicators:
        indicators.show(shown("7"))
        wait_until(no_thread_is_left)
        written = factory.writes
        for _ in range(30):
            indicators.show(shown("7"))
        assert factory.writes == written > 0


def test_a_longer_number_is_shown_digit_by_digit_with_a_gap_at_its_end(factory):
    clock, settings = Clock(), IndicatorSettings(scroll=1)
    with Indicators(settings, factory, clock) as indicators:
        seen = []
        for _ in range(7):
            indicators.show(shown("42"))
            seen.append(segments(factory, settings.seven_segment))
            clock.now += 1
    assert seen == [SEGMENTS[digit] for digit in "42 42 4"]


def test_equal_digits_in_turn_are_told_apart_by_a_pause(factory):
    clock, settings = Clock(), IndicatorSettings(scroll=0.5)
    with Indicators(settings, factory, clock) as indicators:
        seen = []
        for _ in range(30):
            indicators.show(shown("44"))
            seen.append(segments(factory, settings.seven_segment))
            clock.now += 0.05
    runs = [run for before, run in zip(["", *seen], seen, strict=False) if run != before]
    assert runs == [SEGMENTS["4"], "", SEGMENTS["4"], ""]


def test_a_new_number_begins_with_its_first_digit(factory):
    clock, settings = Clock(), IndicatorSettings(scroll=1)
    with Indicators(settings, factory, clock) as indicators:
        indicators.show(shown("42"))
        clock.now += 1
        indicators.show(shown("735"))
        assert segments(factory, settings.seven_segment) == SEGMENTS["7"]


# A multiplexed row


def row_settings(count: int, **kind) -> IndicatorSettings:
    return IndicatorSettings(
        scroll=1,
        seven_segment=NO_SEGMENT,
        row=RowSettings(enabled=True, digits=(23, 24, 25, 8, 7, 12, 16, 18)[:count], **kind),
    )


def seen_on(factory: MockFactory, row: RowSettings) -> str:
    """What a person sees: at each place, the character whose segments light while it is switched on.

    Follows the journal change by change, so nothing is missed; `?` is a place that shows remnants.
    """
    start = len(factory.journal)
    wait_until(lambda: no_thread_is_left() or len(factory.journal) > start + 12 * len(row.digits))
    state = {f"GPIO{pin}": False for pin in (*row.segments, *row.digits)}
    seen: list[set[str]] = [set() for _ in row.digits]
    for count, (name, value) in enumerate([*factory.journal, ("", False)]):
        if count >= start:
            on = "".join(
                letter
                for letter, pin in zip(LETTERS, row.segments, strict=True)
                if state[f"GPIO{pin}"] != row.common_anode
            )
            for place, pin in enumerate(row.digits):
                if state[f"GPIO{pin}"] != row.digits_active_low:
                    seen[place].add(on)
        state[name] = bool(value)
    characters = {lit: character for character, lit in SEGMENTS.items()}
    return "".join(characters.get("+".join(lit), "?") for lit in seen)


@pytest.mark.parametrize("text", ["7", "42", "44", "144", "1122", "1212", "1111", "2026", "0", ""])
def test_a_row_shows_numbers_to_the_right(factory, text):
    settings = row_settings(4)
    with open_indicators(settings, factory) as indicators:
        indicators.show(shown(text))
        assert seen_on(factory, settings.row) == text.rjust(4)


@pytest.mark.parametrize("common_anode", [False, True])
@pytest.mark.parametrize("digits_active_low", [False, True])
def test_a_row_may_be_wired_either_way(factory, common_anode, digits_active_low):
    settings = row_settings(3, common_anode=common_anode, digits_active_low=digits_active_low)
    with open_indicators(settings, factory) as indicators:
        for text in ["119", "7"]:
            indicators.show(shown(text))
            assert seen_on(factory, settings.row) == text.rjust(3)


@examples(deadline=None, max_examples=10)
@given(texts=st.lists(st.text(DIGITS, max_size=4), max_size=4))
def test_a_row_shows_whatever_follows_whatever(texts):
    factory, settings = make_factory(), row_settings(4)
    with open_indicators(settings, factory) as indicators:
        for text in texts:
            indicators.show(shown(text))
            assert seen_on(factory, settings.row) == text.rjust(4)


def test_a_row_cleared_shows_no_remnants(factory):
    settings = row_settings(4)
    with open_indicators(settings, factory) as indicators:
        indicators.show(shown("2026"))
        indicators.show(shown(""))
        assert seen_on(factory, settings.row) == "    "
        assert no_thread_is_left()


def test_a_number_longer_than_the_row_moves_through_it(factory):
    clock, settings = Clock(), row_settings(4)
    with Indicators(settings, factory, clock) as indicators:
        seen = []
        for _ in range(7):
            indicators.show(shown("12344"))
            seen.append(seen_on(factory, settings.row))
            clock.now += 1
    assert seen == ["1234", "2344", "344 ", "44 1", "4 12", " 123", "1234"]


def test_a_row_of_eight_goes_round_fast_enough_not_to_flicker(factory):
    with open_indicators(row_settings(8), factory) as indicators:
        assert indicators._wired["row"].device.plex_delay * 8 <= 1 / 50


# LEDs, lamp and buzzer


@pytest.mark.parametrize("active_low", [False, True])
def test_of_ten_leds_the_digits_own_is_lit(factory, active_low):
    leds = TenLedsSettings(enabled=True, active_low=active_low)
    with open_indicators(IndicatorSettings(seven_segment=NO_SEGMENT, ten_leds=leds), factory) as indicators:
        for digit in range(10):
            indicators.show(shown(str(digit)))
            assert lit(factory, leds.pins, active_low) == [place == digit for place in range(10)]
        indicators.show(shown(""))
        assert lit(factory, leds.pins, active_low) == [False] * 10


def test_a_longer_number_lights_its_leds_one_after_the_other(factory):
    clock, leds = Clock(), TenLedsSettings(enabled=True)
    settings = IndicatorSettings(scroll=1, seven_segment=NO_SEGMENT, ten_leds=leds)
    with Indicators(settings, factory, clock) as indicators:
        seen = []
        for _ in range(4):
            indicators.show(shown("902"))
            seen.append([digit for digit, on in enumerate(lit(factory, leds.pins)) if on])
            clock.now += 1
    assert seen == [[9], [0], [2], []]


@pytest.mark.parametrize("active_low", [False, True])
def test_four_leds_show_the_digit_in_binary(factory, active_low):
    leds = BinarySettings(enabled=True, active_low=active_low)
    with open_indicators(IndicatorSettings(seven_segment=NO_SEGMENT, binary=leds), factory) as indicators:
        for digit in DIGITS:
            indicators.show(shown(digit))
            bits = "".join(str(int(on)) for on in lit(factory, leds.pins, active_low))
            assert int(bits, 2) == int(digit)
        indicators.show(shown(""))
        assert lit(factory, leds.pins, active_low) == [False] * 4


@pytest.mark.parametrize("active_low", [False, True])
def test_the_lamp_is_as_bright_as_the_text_is_sure(factory, active_low):
    lamp = LampSettings(enabled=True, active_low=active_low)
    with open_indicators(IndicatorSettings(lamp=lamp), factory) as indicators:
        pin = factory.pin(lamp.pin)
        for confidence in [0.25, 1.0, 0.75]:
            indicators.show(shown("7", confidence))
            assert pin.state == pytest.approx(1 - confidence if active_low else confidence)
        indicators.show(shown(""))
        assert pin.state == float(active_low)


def test_the_buzzer_chirps_once_a_new_text_and_falls_silent(factory):
    buzzer = BuzzerSettings(enabled=True, chirp=0.01)
    with open_indicators(IndicatorSettings(buzzer=buzzer), factory) as indicators:
        chirps = []
        for text in ["", "7", "7", "7", "", "7", "42", "42"]:
            before = len(factory.journal)
            indicators.show(shown(text))
            wait_until(no_thread_is_left)
            sounds = [bool(on) for name, on in factory.journal[before:] if name == f"GPIO{buzzer.pin}"]
            chirps.append(sounds)
    assert chirps == [[], [True, False], [], [], [], [True, False], [True, False], []]


def test_a_chirp_does_not_hold_up_the_frames(factory):
    """It sounds for two seconds; the call is over long before."""
    settings = IndicatorSettings(buzzer=BuzzerSettings(enabled=True, chirp=2))
    with open_indicators(settings, factory) as indicators:
        indicators.show(shown("7"))
        wait_until(lambda: lit(factory, (settings.buzzer.pin,)) == [True])
    assert nothing_is_driven(factory) and no_thread_is_left()


def test_several_at_once_show_the_same_text(factory):
    with open_indicators(EVERYTHING, factory) as indicators:
        indicators.show(shown("5", 0.5))
        assert segments(factory, EVERYTHING.seven_segment) == SEGMENTS["5"]
        assert lit(factory, EVERYTHING.ten_leds.pins).index(True) == 5
        assert lit(factory, EVERYTHING.binary.pins) == [False, True, False, True]
        assert factory.pin(EVERYTHING.lamp.pin).state == 0.5


def test_nothing_wired_is_fine(factory):
    with open_indicators(IndicatorSettings(seven_segment=NO_SEGMENT), factory) as indicators:
        indicators.show(shown("7"))
        indicators.show_sign(Sign.CAMERA)
    assert factory.pins == {}


# Faults


def test_a_fault_is_shown_by_everything_and_goes_with_the_next_text(factory):
    with open_indicators(EVERYTHING, factory) as indicators:
        indicators.show(shown("1"))
        for _ in range(3):
            indicators.show_sign(Sign.CAMERA)
        assert segments(factory, EVERYTHING.seven_segment) == SEGMENTS["C"]
        assert lit(factory, EVERYTHING.ten_leds.pins) == [True] * 10
        assert lit(factory, EVERYTHING.binary.pins) == [True] * 4
        lamp = factory.pin(EVERYTHING.lamp.pin)
        wait_until(lambda: (indicators.show_sign(Sign.CAMERA), lamp.state > 0.6)[1])
        wait_until(lambda: (indicators.show_sign(Sign.CAMERA), lamp.state < 0.4)[1])
        indicators.show(shown("1", 0.9))
        assert segments(factory, EVERYTHING.seven_segment) == SEGMENTS["1"]
        assert lit(factory, EVERYTHING.ten_leds.pins).count(True) == 1
        assert lit(factory, EVERYTHING.binary.pins) == [False, False, False, True]
        assert factory.pin(EVERYTHING.lamp.pin).state == 0.9


def test_a_fault_on_a_row(factory):
    settings = row_settings(4)
    with open_indicators(settings, factory) as indicators:
        indicators.show(shown("2026"))
        indicators.show_sign(Sign.CAMERA)
        assert seen_on(factory, settings.row) == "   C"


# Off at exit


def test_all_pins_are_off_at_exit_and_no_thread_is_left(factory):
    with open_indicators(EVERYTHING, factory) as indicators:
        indicators.show(shown("8"))
        indicators.show_sign(Sign.CAMERA)
    assert nothing_is_driven(factory) and no_thread_is_left()
    indicators.close()


@pytest.mark.parametrize("inverted", [False, True])
def test_everything_is_switched_off_before_the_pins_are_let_go(factory, inverted):
    """A pin that is let go while on may stay on, as it does on a Pi 5."""
    settings = IndicatorSettings(
        seven_segment=SevenSegmentSettings(common_anode=inverted),
        ten_leds=TenLedsSettings(enabled=True, active_low=inverted),
        buzzer=BuzzerSettings(enabled=True, active_low=inverted, chirp=2),
        binary=BinarySettings(enabled=True, active_low=inverted),
    )
    with open_indicators(settings, factory) as indicators:
        indicators.show(shown("8"))
    assert factory.let_go == {f"GPIO{pin}": inverted for _, pin in settings.pins()}


@pytest.mark.parametrize("active_low", [False, True])
def test_a_row_is_dark_before_its_pins_are_let_go(factory, active_low):
    settings = row_settings(4, digits_active_low=active_low)
    with open_indicators(settings, factory) as indicators:
        indicators.show(shown("2026"))
    assert [factory.let_go[f"GPIO{pin}"] for pin in settings.row.digits] == [active_low] * 4


@pytest.mark.parametrize("cause", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_all_pins_are_off_whatever_ended_the_program(factory, cause):
    settings = IndicatorSettings(row=row_settings(4).row, seven_segment=NO_SEGMENT)
    with pytest.raises(cause), open_indicators(settings, factory) as indicators:
        indicators.show(shown("2026"))
        raise cause
    assert nothing_is_driven(factory) and no_thread_is_left()


def test_a_device_that_cannot_be_switched_off_does_not_keep_the_others_on(factory):
    indicators = open_indicators(EVERYTHING, factory)
    indicators.show(shown("8"))
    broken = indicators._wired["buzzer"].device.pin
    broken._set_state = broken._set_function = unwilling
    with pytest.raises(OSError, match="no such line"):
        indicators.close()
    assert driven(factory) == [broken]
    del broken._set_state, broken._set_function


def test_pins_can_be_opened_again_after_closing(factory):
    for _ in range(2):
        with open_indicators(EVERYTHING, factory) as indicators:
            indicators.show(shown("3"))
            assert segments(factory, EVERYTHING.seven_segment) == SEGMENTS["3"]


# Wrong pins


def unwilling(*_):
    raise OSError("no such line")


def test_a_pin_that_does_not_exist_is_named_with_its_key(factory):
    settings = IndicatorSettings(lamp=LampSettings(enabled=True, pin=99))
    with pytest.raises(PinError, match=r"indicators\.lamp\.pin: GPIO 99"):
        open_indicators(settings, factory)
    assert nothing_is_driven(factory)


def test_a_pin_that_something_else_holds_is_named_before_anything_lights(factory, monkeypatch):
    """As lgpio tells it: an error of its own, when the line is claimed."""
    find = factory.pin

    def busy(name):
        if name == 13:
            raise RuntimeError("GPIO busy")
        return find(name)

    monkeypatch.setattr(factory, "pin", busy)
    with pytest.raises(PinError, match=r"indicators\.seven_segment\.segments\[2\]: GPIO 13 .*GPIO busy"):
        open_indicators(EVERYTHING, factory)
    assert factory.journal == [] and nothing_is_driven(factory)


def test_a_third_device_that_cannot_be_opened_leaves_the_first_two_off(factory):
    with LED(EVERYTHING.binary.pins[1], pin_factory=factory) as other:
        with pytest.raises(PinError, match=r"indicators\.binary: .*GPIO24") as error:
            open_indicators(EVERYTHING, factory)
        assert "\n" not in str(error.value)
        assert driven(factory) == [other.pin]


def test_a_row_that_cannot_be_opened_gives_its_segments_back_at_once(factory):
    """Even while the error is still being handled: its place may be taken right then."""
    row = row_settings(4)
    with LED(row.row.digits[3], pin_factory=factory) as other:
        try:
            open_indicators(row, factory)
        except PinError:
            assert driven(factory) == [other.pin]
            with open_indicators(IndicatorSettings(), factory) as indicators:
                indicators.show(shown("7"))
                assert segments(factory, SevenSegmentSettings()) == SEGMENTS["7"]
        else:
            pytest.fail("the pin was in use")


def test_a_pin_lost_while_running_is_told_by_the_indicators_name(factory):
    with open_indicators(IndicatorSettings(), factory) as indicators:
        pin = factory.pin(5)
        pin._set_state = unwilling
        with pytest.raises(PinError, match=r"indicators\.seven_segment: no such line"):
            indicators.show(shown("8"))
        del pin._set_state


def test_each_kind_of_trouble_has_a_sign_of_its_own(factory):
    settings = IndicatorSettings()
    with open_indicators(settings, factory) as indicators:
        seen = []
        for sign in Sign:
            indicators.show_sign(sign)
            seen.append(segments(factory, settings.seven_segment))
    assert seen == [SEGMENTS[sign.value] for sign in Sign]
    assert len(set(seen)) == len(Sign) and not set(seen) & {SEGMENTS[digit] for digit in DIGITS}


def test_a_sign_beside_which_reading_goes_on_stays_for_its_time(factory):
    clock = Clock()
    settings = IndicatorSettings()
    with Indicators(settings, factory, clock) as indicators:
        indicators.show_sign(Sign.FILE, SIGN_LASTS)
        clock.now += SIGN_LASTS - 0.1
        indicators.show(shown("7"))
        assert segments(factory, settings.seven_segment) == SEGMENTS["F"]
        clock.now += 0.2
        indicators.show(shown("7"))
        assert segments(factory, settings.seven_segment) == SEGMENTS["7"]


def test_one_that_raises_is_told_of_once_and_the_others_go_on_after_a_sign(factory, caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    with Indicators(EVERYTHING, factory, clock) as indicators:
        factory.pin(EVERYTHING.ten_leds.pins[3])._set_state = unwilling
        indicators.show(shown("8"))
        assert segments(factory, EVERYTHING.seven_segment) == SEGMENTS["P"]
        for text in "0123":
            clock.now += SIGN_LASTS
            indicators.show(shown(text, 0.5))
            assert segments(factory, EVERYTHING.seven_segment) == SEGMENTS[text]
            assert factory.pin(EVERYTHING.lamp.pin).state == 0.5
        clock.now += 100
        indicators.show(shown("5"))
        assert segments(factory, EVERYTHING.seven_segment) == SEGMENTS["5"]
        assert [line for line in caplog.messages if "ten_leds" in line] == [
            "indicators.ten_leds: no such line; check its wiring and pins; the others go on"
        ]
        del factory.pin(EVERYTHING.ten_leds.pins[3])._set_state
        clock.now += 100
        indicators.show(shown("3"))
        assert lit(factory, EVERYTHING.ten_leds.pins).index(True) == 3
        assert caplog.messages[-1] == "indicators.ten_leds works again"


# Where pins come from


def test_simulated_pins_can_dim():
    factory = pins("mock")
    with open_indicators(EVERYTHING, factory) as indicators:
        indicators.show(shown("7", 0.5))
        assert factory.pin(EVERYTHING.lamp.pin).state == 0.5


def test_without_lgpio_there_are_no_real_pins_and_no_silent_others(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    with pytest.raises(PinError, match="--pins mock"):
        pins("real")
    with pytest.raises(PinError, match="--pins mock"):
        open_indicators(IndicatorSettings())


def test_a_gpio_chip_that_cannot_be_opened_is_told(monkeypatch):
    def refuse():
        raise RuntimeError("can not open gpiochip")

    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", SimpleNamespace(LGPIOFactory=refuse))
    with pytest.raises(PinError, match=r"can not open gpiochip.*the group gpio"):
        pins("real")


def test_real_pins_are_lgpios(monkeypatch, factory):
    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", SimpleNamespace(LGPIOFactory=lambda: factory))
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "rpigpio")
    with open_indicators(IndicatorSettings()) as indicators:
        indicators.show(shown("7"))
        assert segments(factory, SevenSegmentSettings()) == SEGMENTS["7"]
