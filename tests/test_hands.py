"""The handwriting of many people: a sheet of characters, followed as lines."""

import cv2
import numpy as np
import pytest

from appliance.vision.crops import as_mnist
from training import hands
from training.hands import DIGITS, HANDS, MEASURED, SIGNS, sign, written
from training.pens import again, draw
from training.tracing import Lines


def seen(lines: Lines) -> np.ndarray:
    """What the network would see of a digit written along these lines."""
    return cv2.GaussianBlur(as_mnist((255 * draw(lines, 100, 10)).astype(np.uint8)), (0, 0), 1).ravel()


def test_the_sheet_has_a_row_a_hand_and_a_column_a_character() -> None:
    height, width = hands._sheet().shape
    assert (height, width) == (40 * len(HANDS), 40 * len(DIGITS + SIGNS))
    assert len(set(HANDS)) == len(HANDS) and len(set(DIGITS + SIGNS)) == len(DIGITS + SIGNS)


@pytest.mark.parametrize("digit", DIGITS)
def test_many_hands_write_each_digit_each_in_its_way(digit: str) -> None:
    shapes = [seen(lines) for lines in written(digit)]
    assert len(shapes) >= 20
    assert np.corrcoef(shapes).mean() < 0.97


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_is_more_like_itself_than_like_the_others(digit: str) -> None:
    """A column that slipped by one would show here."""
    mean = {one: np.mean([seen(lines) for lines in written(one)], axis=0) for one in DIGITS}
    measured = np.mean([seen(lines) for lines in written(digit, measured=True)], axis=0)
    assert max(mean, key=lambda one: np.corrcoef(mean[one], measured)[0, 1]) == digit


def test_those_that_measure_do_not_train() -> None:
    assert set(HANDS) > MEASURED and len(MEASURED) == 5
    for digit in DIGITS:
        training = {lines[0].tobytes() for lines in written(digit)}
        assert not training & {lines[0].tobytes() for lines in written(digit, measured=True)}


def test_a_hand_writes_no_digit_twice_the_same_and_always_the_same_digit() -> None:
    rng = np.random.default_rng(1)
    four = written("4")[0]
    once, twice = seen(again(four, rng)), seen(again(four, rng))
    assert not (once == twice).all()
    several = np.mean([seen(again(four, rng)) for _ in range(40)], axis=0)
    assert np.corrcoef(several, seen(four))[0, 1] > 0.8


def test_signs_are_written_and_drawn() -> None:
    rng = np.random.default_rng(2)
    pictures = [draw(sign(rng), 60, 5) for _ in range(40)]
    assert all(picture.max() > 0.9 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 40


def test_without_its_sheet_it_says_where_to_take_it_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands, "__file__", "/nowhere/hands.py")
    with pytest.raises(FileNotFoundError, match="take it from the repository"):
        hands._sheet.__wrapped__()
