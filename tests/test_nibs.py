"""Nibs: whatever the tip, a digit stays as high as asked, and its lines show what tip it was."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from training.nibs import NIBS, Nib, felt_tip, in_a_hurry, round_tip, soft_tip, straight_tip
from training.pens import DIGITS, Line, trace

PEN = 16.0
DOWN = [np.array([(0, 0), (0, 0.5), (0, 1)], np.float32)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def widths(picture: np.ndarray) -> np.ndarray:
    """How broad the ink is in each row that has any."""
    ink = (picture > 0.5).sum(axis=1)
    return ink[ink > 0]


def across(lines: Sequence[Line]) -> list[Line]:
    return [np.ascontiguousarray(line[:, ::-1]) for line in lines]


@pytest.mark.parametrize("nib", set(NIBS))
@pytest.mark.parametrize(("height", "pen"), [(30, 2), (120, 12), (300, 60)])
def test_a_digit_is_as_high_as_asked(nib: Nib, height: int, pen: int) -> None:
    for value, (shape, *_) in DIGITS.items():
        picture = nib(trace(shape, rng(value)), height, pen, rng(value))
        assert picture.dtype == np.float32 and picture.min() >= 0 and picture.max() <= 1
        rows = np.flatnonzero((picture > 0.2).any(axis=1))
        assert np.ptp(rows) + 1 == pytest.approx(height, rel=0.15, abs=4)


@pytest.mark.parametrize("nib", set(NIBS))
def test_a_line_of_one_point_hinders_no_other(nib: Nib) -> None:
    picture = nib([*DOWN, np.array([(0, -0.3)], np.float32)], 100, PEN, rng())
    assert (picture > 0.2).any(axis=1).sum() > 60


def test_a_round_tip_leaves_lines_of_one_width() -> None:
    straight = widths(round_tip(DOWN, 200, PEN, rng()))
    assert np.ptp(straight[20:-20]) <= 1 and np.median(straight) == pytest.approx(PEN, abs=2)


@pytest.mark.parametrize("seed", range(5))
def test_a_straight_tip_is_broad_one_way_and_thin_the_other(seed: int) -> None:
    ways = [DOWN, across(DOWN), [DOWN[0] @ np.array([[1, 1], [-1, 1]], np.float32)]]
    ways.append([line * (-1, 1) for line in ways[2]])
    inks = [
        (straight_tip([line.astype(np.float32) for line in way], 200, PEN, rng(seed)) > 0.5) for way in ways
    ]
    thickest = [
        2 * cv2.distanceTransform(np.pad(ink, 1).astype(np.uint8), cv2.DIST_L2, 5).max() for ink in inks
    ]
    assert max(thickest) > 1.4 * min(thickest)


@pytest.mark.parametrize("seed", range(5))
def test_a_soft_tip_thins_out(seed: int) -> None:
    line = [np.column_stack([np.zeros(50), np.linspace(0, 1, 50)]).astype(np.float32)]
    pressed = widths(soft_tip(line, 200, PEN, rng(seed)))[20:-20]
    assert pressed.max() <= PEN + 2 and pressed.min() < 0.8 * pressed.max()


@pytest.mark.parametrize("seed", range(5))
def test_a_felt_tip_leaves_most_ink_at_the_edges(seed: int) -> None:
    row = felt_tip(DOWN, 200, PEN, rng(seed))[100]
    inked = np.flatnonzero(row > 0.05)
    middle = (inked[0] + inked[-1]) // 2
    assert row[middle] < 0.9 * row[inked[0] : middle].max() and row[middle] < 0.9 * row[middle:].max()


@pytest.mark.parametrize("seed", range(5))
def test_in_a_hurry_a_zero_has_corners(seed: int) -> None:
    def corners(nib: Nib) -> int:
        zero = trace(DIGITS[0][0], rng(seed))
        ink = (nib(zero, 200, 6, rng(seed)) > 0.5).astype(np.uint8)
        (outline, *_), _ = cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        return len(cv2.approxPolyDP(outline, 2.0, closed=True))

    assert corners(in_a_hurry) < corners(round_tip)
