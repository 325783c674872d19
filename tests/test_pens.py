"""Pens draw digits and marks in many ways, each time a little differently, at the size that is asked for."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pens import DIGITS, MARKS, draw, trace

SHAPES = [
    *((f"{value} in way {way}", shape) for value, ways in DIGITS.items() for way, shape in enumerate(ways)),
    *MARKS.items(),
]
EVERY_SHAPE = pytest.mark.parametrize(
    "shape", [shape for _, shape in SHAPES], ids=[name for name, _ in SHAPES]
)


def lines(shape, seed: int = 0, **how: float):
    return trace(shape, np.random.default_rng(seed), **how)


def test_every_digit_has_several_ways_to_be_written() -> None:
    assert sorted(DIGITS) == list(range(10))
    assert all(len(ways) >= 3 for ways in DIGITS.values())


def test_some_write_ones_with_a_foot_sevens_with_a_bar_and_fours_open() -> None:
    for value in (1, 4, 7):
        assert {len(shape) for shape in DIGITS[value]} >= {1, 2}, "in one stroke, and in two"


@EVERY_SHAPE
def test_a_shape_is_traced_near_the_unit_square_a_line_for_each_stroke(shape) -> None:
    traced = lines(shape)
    assert len(traced) == len(shape)
    for line in traced:
        assert line.dtype == np.float32 and line.ndim == 2 and line.shape[1] == 2
        assert np.isfinite(line).all() and np.abs(line).max() < 1.5


@EVERY_SHAPE
def test_no_hand_writes_twice_alike_but_the_same_seed_does(shape) -> None:
    one, again, other = (draw(lines(shape, seed), 60, 5) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert one.shape != other.shape or np.abs(one - other).max() > 0.5


def test_without_wobble_bends_alone_are_left() -> None:
    zero = DIGITS[0][0]
    widths = [np.ptp(lines(zero, seed, wobble=0.0)[0], axis=0) for seed in range(20)]
    assert np.std(widths, axis=0).min() > 0, "aspect and slant still differ"


def test_a_corner_stays_sharp_and_a_curve_smooth() -> None:
    """The turn from one step of the line to the next, in degrees."""

    def sharpest(shape) -> float:
        (line,) = lines([shape], wobble=0.0)
        steps = np.diff(line, axis=0)
        angles = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        return float(np.rad2deg(np.abs(np.diff(angles)).max()))

    assert sharpest([(0, 0), (0, 1), (0, 1), (1, 1)]) > 60
    assert sharpest([(0, 0), (0, 1), (1, 1)]) < 45


@pytest.mark.parametrize("height", [12, 40, 120, 400])
@pytest.mark.parametrize("share", [0.04, 0.1, 0.2])
def test_a_digit_is_drawn_as_high_as_asked_and_cut_to_its_bounds(height: int, share: float) -> None:
    thickness = max(1.0, share * height)
    for value in range(10):
        ink = draw(lines(DIGITS[value][0]), height, thickness)
        assert ink.dtype == np.float32 and ink.min() >= 0 and ink.max() <= 1
        rows, columns = np.nonzero(ink > 0.3)
        assert np.ptp(rows) + 1 == pytest.approx(height, abs=2)
        for places, length in ((rows, ink.shape[0]), (columns, ink.shape[1])):
            assert places.min() <= 4 and places.max() >= length - 5


@pytest.mark.parametrize("thickness", [3, 5, 9, 20])
def test_a_line_is_as_thick_as_the_pen(thickness: int) -> None:
    """The widest circle within it is."""
    ink = draw(lines(DIGITS[1][0], seed=2), 120, thickness)
    width = 2 * float(cv2.distanceTransform((ink > 0.5).astype(np.uint8), cv2.DIST_L2, 5).max()) - 1
    assert width == pytest.approx(thickness, abs=1.2)


def test_a_pen_thinner_than_a_pixel_is_paler() -> None:
    strengths = [draw(lines(DIGITS[0][0]), 60, thickness).mean() for thickness in (0.25, 0.5, 1.0, 2.0)]
    assert strengths == sorted(strengths)
    assert draw(lines(DIGITS[0][0]), 60, 0.25).max() < 0.6
    assert draw(lines(DIGITS[0][0]), 60, 2.0).max() > 0.95


def test_a_flat_mark_is_no_wider_than_it_would_be_high() -> None:
    dash = draw(lines(MARKS["minus"]), 60, 5)
    assert dash.shape[0] < 40 and dash.shape[1] < 140


@pytest.mark.parametrize(("value", "holes"), [(1, 0), (0, 1), (8, 2)])
def test_what_is_drawn_has_the_digits_loops(value: int, holes: int) -> None:
    """Of most: a hand may leave a loop open."""

    def loops(seed: int) -> int:
        ink = draw(lines(DIGITS[value][0], seed, wobble=0.01), 150, 12)
        paper = (np.pad(ink, 3) < 0.5).astype(np.uint8)
        return cv2.connectedComponents(paper, connectivity=4)[0] - 2

    assert sum(loops(seed) == holes for seed in range(30)) >= 20


@given(
    st.sampled_from([shape for _, shape in SHAPES]),
    st.floats(4, 300),
    st.floats(0.3, 40),
    st.integers(0, 100_000),
)
@settings(max_examples=40, deadline=None)
def test_any_size_and_any_pen_will_do(shape, height: float, thickness: float, seed: int) -> None:
    ink = draw(lines(shape, seed), height, thickness)
    assert ink.size and np.isfinite(ink).all()
    assert 0 < ink.max() <= 1
