"""Scoring: which digits count as right, and the calibration error, against examples worked by hand."""

import numpy as np
import pytest

from appliance.reader import Digit
from appliance.vision import Box
from benchmarks.scoring import calibration_error, calls
from training.scenes import Scene

FOUR, TWO = (20, 30, 20, 40), (100, 30, 20, 40)


def digit(value: int, box: Box, confidence: float = 0.9) -> Digit:
    return Digit(value, confidence, box, np.zeros(10, np.float32), np.zeros((28, 28), np.uint8))


def scene(text: str, *boxes: Box) -> Scene:
    """A scene with a block of ink for each digit."""
    owners = np.full((100, 200), -1, np.int16)
    for index, (x, y, width, height) in enumerate(boxes):
        owners[y : y + height, x : x + width] = index
    return Scene(np.zeros((100, 200), np.uint8), text, owners)


FORTY_TWO = scene("42", FOUR, TWO)


def test_a_digit_is_right_where_one_of_its_value_stands() -> None:
    assert calls(FORTY_TWO, [digit(4, FOUR, 0.8), digit(2, TWO, 0.7)]) == [(0.8, True), (0.7, True)]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (digit(7, FOUR), "another value"),
        (digit(2, FOUR), "the other digit's value"),
        (digit(4, (150, 30, 20, 40)), "no digit is there"),
        (digit(4, (20, 30, 20, 18)), "less than half of its ink"),
        (digit(4, (10, 20, 120, 60)), "both in one box, centred on neither"),
    ],
)
def test_a_digit_is_wrong_for(found: Digit, why: str) -> None:
    assert calls(FORTY_TWO, [found]) == [(0.9, False)], why


def test_of_two_digits_read_at_one_place_the_better_box_counts() -> None:
    upper = digit(4, (20, 30, 20, 30))
    assert calls(FORTY_TWO, [upper, digit(4, FOUR, 0.6)]) == [(0.9, False), (0.6, True)]


def test_a_box_may_be_wider_than_the_ink_of_a_thin_digit() -> None:
    thin = scene("1", (50, 30, 2, 40))
    assert calls(thin, [digit(1, (44, 28, 12, 44))]) == [(0.9, True)]


def test_whatever_is_read_where_there_is_nothing_is_wrong() -> None:
    assert calls(scene(""), [digit(1, FOUR)]) == [(0.9, False)]


def test_calibration_error_weighs_each_bins_gap_by_its_calls() -> None:
    made = [(0.95, True), (0.95, False), (0.65, True)]
    # Bins of a tenth: one of two right where 0.95 was claimed, one of one where 0.65 was.
    assert calibration_error(made, bins=10) == pytest.approx((2 * 0.45 + 0.35) / 3)


@pytest.mark.parametrize("made", [[], [(1.0, True)] * 3, [(0.5, True), (0.5, False)]])
def test_calibration_error_is_zero_where_confidence_is_the_share_of_right_calls(
    made: list[tuple[float, bool]],
) -> None:
    assert calibration_error(made) == 0
