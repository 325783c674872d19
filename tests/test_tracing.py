"""Tracing: a digit's lines lie where its pen went, and what has run together is not followed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pens import DIGITS, draw, trace
from training.tracing import thinned, trace_image


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def parts(picture: np.ndarray, connectivity: int = 8) -> int:
    return cv2.connectedComponents(np.ascontiguousarray(picture, np.uint8), connectivity=connectivity)[0] - 1


@given(st.integers(0, 9), st.integers(0, 100_000), st.sampled_from([3, 6, 12, 24]))
@settings(max_examples=30, deadline=None)
def test_a_middle_line_is_thin_lies_within_and_hangs_together_as_the_digit_does(
    value: int, seed: int, thickness: int
) -> None:
    shape = DIGITS[value][seed % len(DIGITS[value])]
    ink = (draw(trace(shape, rng(seed)), 110, thickness) > 0.5).astype(np.uint8)
    before = ink.copy()
    line = thinned(ink)
    assert np.array_equal(ink, before)
    assert line.shape == ink.shape and set(np.unique(line)) <= {0, 1}
    assert not (line & ~ink & 1).any()
    assert parts(line) == parts(ink), "no more pieces and no fewer"
    assert parts(np.pad(1 - line, 1, constant_values=1), 4) == parts(np.pad(1 - ink, 1, constant_values=1), 4)
    squares = line[:-1, :-1] & line[1:, :-1] & line[:-1, 1:] & line[1:, 1:]
    assert squares.sum() <= 0.02 * line.sum(), "one pixel wide, but for a corner here and there"


def test_the_middle_line_of_a_bar_is_its_middle() -> None:
    bar = np.zeros((60, 21), np.uint8)
    bar[5:55, 5:16] = 1
    rows, columns = np.nonzero(thinned(bar))
    assert (np.abs(columns[(rows > 14) & (rows < 46)] - 10) <= 1).all()
    assert len(set(rows)) > 35


def test_a_ring_stays_a_ring_and_nothing_stays_nothing() -> None:
    ring = np.zeros((80, 80), np.uint8)
    cv2.circle(ring, (40, 40), 28, 1, 12)
    line = thinned(ring)
    assert parts(1 - line, 4) == 2
    away = np.hypot(*(np.argwhere(line) - 40).T)
    assert np.abs(away - 28).max() <= 2
    assert not thinned(np.zeros((9, 9), np.uint8)).any()


def test_a_thin_slanted_stroke_stays_as_long_as_it_was() -> None:
    """Zhang and Suen's thinning makes a dot of it."""
    slanted = np.zeros((60, 60), np.uint8)
    for step in range(50):
        slanted[5 + step, 4 + step : 6 + step] = 1
    rows = np.flatnonzero(thinned(slanted).any(axis=1))
    assert np.ptp(rows) >= 46


# --- lines ---


def image_of(*lines: list[tuple[int, int]], thickness: int = 3) -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    for line in lines:
        cv2.polylines(image, [np.array(line, np.int32)], False, 255, thickness, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(
    ("strokes", "pieces"),
    [
        ([[(14, 4), (14, 23)]], 1),
        ([[(8, 4), (8, 23)], [(20, 4), (20, 23)]], 2),
        ([[(6, 14), (22, 14)], [(14, 4), (14, 23)]], 4),
    ],
)
def test_a_piece_for_each_way_between_ends_and_forks(strokes: list, pieces: int) -> None:
    lines = trace_image(image_of(*strokes))
    assert lines is not None
    assert sum(np.ptp(line, axis=0).max() > 12 for line in lines) == pieces


def test_a_ring_is_one_closed_line() -> None:
    ring = np.zeros((28, 28), np.uint8)
    cv2.circle(ring, (14, 14), 8, 255, 2, cv2.LINE_AA)
    lines = trace_image(ring)
    assert lines is not None and len(lines) == 1
    (line,) = lines
    assert np.array_equal(line[0], line[-1])
    away = np.hypot(*(line - line[:-1].mean(axis=0)).T)
    assert away.std() < 0.08 * away.mean()


@pytest.mark.parametrize("size", [0, 1])
def test_nothing_and_a_blob_have_no_lines(size: int) -> None:
    image = np.zeros((28, 28), np.uint8)
    cv2.circle(image, (14, 14), 9 * size, 255, -1) if size else None
    assert trace_image(image) is None


def test_a_loop_that_is_filled_is_not_followed() -> None:
    """Or a nine would become a one, and a six an L."""
    nine = image_of([(18, 8), (17, 23)], thickness=2)
    open_ = nine.copy()
    cv2.circle(open_, (13, 8), 5, 255, 2, cv2.LINE_AA)
    cv2.circle(nine, (13, 8), 5, 255, -1, cv2.LINE_AA)
    assert trace_image(nine) is None
    assert trace_image(open_) is not None


def test_dirt_beside_a_digit_is_not_written() -> None:
    dirty = image_of([(14, 4), (14, 23)])
    dirty[2, 3] = 255
    lines = trace_image(dirty)
    assert lines is not None and len(lines) == 1


@pytest.mark.parametrize("value", range(10))
def test_a_digit_drawn_again_along_its_lines_is_the_same_digit(value: int) -> None:
    for way, shape in enumerate(DIGITS[value]):
        ink = draw(trace(shape, rng(way)), 24, 2.5)
        lines = trace_image((255 * ink).astype(np.uint8))
        if lines is None:
            continue
        again = draw(lines, 24, 2.5)
        assert again.shape == pytest.approx(ink.shape, abs=3)
        height, width = (min(a, b) for a, b in zip(ink.shape, again.shape, strict=True))
        blurred = [cv2.GaussianBlur(p[:height, :width], (0, 0), 1.5).ravel() for p in (ink, again)]
        assert np.corrcoef(*blurred)[0, 1] > 0.8
