import logging

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from appliance.config import IndicatorSettings, SevenSegmentSettings
from appliance.indicators import open_indicators
from appliance.simulated import SegmentLog, SimulatedDisplay
from appliance.steady import Stable

WIRED = (5, 6, 13, 19, 26, 20, 21)


@pytest.fixture(params=[False, True], ids=["common cathode", "common anode"])
def settings(request):
    return IndicatorSettings(seven_segment=SevenSegmentSettings(segments=WIRED, common_anode=request.param))


@pytest.fixture
def factory():
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


@pytest.mark.parametrize("digit", "0123456789")
def test_every_digit_is_recognised_by_its_pins(settings, factory, digit):
    display = SimulatedDisplay(settings.seven_segment, factory)
    with open_indicators(settings, factory) as indicators:
        indicators.show(Stable(digit, 1.0, (), True))
        assert display.character == digit
        indicators.show(Stable())
        assert display.character == ""


def test_lit_segments_are_those_whose_pins_are_high(factory):
    display = SimulatedDisplay(SevenSegmentSettings(segments=WIRED), factory)
    for pin in (6, 13):
        factory.pin(pin).function = "output"
        factory.pin(pin).state = True
    assert display.lit == "bc"
    factory.pin(26).function = "output"
    factory.pin(26).state = True
    assert display.character == "?"


def test_the_picture_has_each_segment_in_its_place(factory):
    display = SimulatedDisplay(SevenSegmentSettings(segments=WIRED), factory)
    for pin in (6, 13, 21):  # b, c, g
        factory.pin(pin).function = "output"
        factory.pin(pin).state = True
    lines = display.draw().plain.splitlines()
    assert lines[0].strip() == "╌" * 5
    assert lines[1] == "╎     ┃"
    assert lines[4].strip() == "━" * 5
    assert lines[5] == "╎     ┃"
    assert lines[8].strip() == "╌" * 5


def test_changes_are_logged_once_and_at_last_what_is_left(settings, factory, caplog):
    caplog.set_level(logging.INFO)
    with SegmentLog(SimulatedDisplay(settings.seven_segment, factory)) as observer:
        indicators = open_indicators(settings, factory)
        for text in ("", "1", "1", "7"):
            indicators.show(Stable(text, 1.0, (), True))
            observer()
        indicators.close()
    assert caplog.messages == ["segments dark", "segments bc", "segments abc", "segments dark"]
