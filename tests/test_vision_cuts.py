"""Cuts: of a stroke that is digits which touch, each digit is among the parts that are offered."""

import cv2
import numpy as np
import pytest
from handwritten import blank, digit, gray, overlap, write, write_touching
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from appliance.vision.box import Box
from appliance.vision.cuts import Part, parts_of
from appliance.vision.stroke import Stroke
from appliance.vision.strokes import find_strokes


def touching(one: int, other: int) -> tuple[Stroke, Box, Box]:
    """Two digits that touch, as the one stroke that they are, and the box of each."""
    paper = blank()
    left, right = write_touching(paper, digit(one), digit(other), 200, 150)
    (found,) = find_strokes(gray(paper))[0]
    return found, left, right


def placed(part: Part, shape: tuple[int, ...]) -> np.ndarray:
    """A part's ink where it lies in the stroke."""
    picture = np.zeros(shape, np.uint8)
    height, width = part.ink.shape
    picture[part.top : part.top + height, part.left : part.left + width] = part.ink
    return picture


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """How much two masks have in common, from 0 to 1."""
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    ("one", "other"), [(3, 6), (0, 0), (2, 8), (5, 9), (8, 3), (1, 5), (4, 7), (7, 1), (1, 6)]
)
def test_digits_that_touch_are_offered_apart_by_one_cut(one: int, other: int) -> None:
    found, left, right = touching(one, other)
    parts = parts_of(found.ink)

    def fits(part: Part, wanted: Box) -> float:
        height, width = part.ink.shape
        return overlap((found.left + part.left, found.top + part.top, width, height), wanted)

    pairs = [(a, b) for a in parts for b in parts if a.first == 0 and a.past == b.first and b.past == 1]
    assert max(min(fits(a, left), fits(b, right)) for a, b in pairs) > 0.8


def strokes_on_a_slope(lean: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two straight strokes with a bridge between them, and each of the two by itself."""
    left, right, bridge = (np.zeros((120, 200), np.uint8) for _ in range(3))
    for row in range(120):
        start = round(lean * (119 - row)) + (60 if lean < 0 else 0)
        left[row, start : start + 16] = right[row, start + 60 : start + 76] = 255
    middle = round(lean * 59) + (60 if lean < 0 else 0)
    bridge[56:64, middle : middle + 70] = 255
    columns = np.flatnonzero((left | right).max(axis=0))
    bounds = slice(columns[0], columns[-1] + 1)
    return tuple(ink[:, bounds] for ink in (left | right | bridge, left, right))  # type: ignore[return-value]


@pytest.mark.parametrize("lean", [-0.5, 0, 0.3, 0.6])
def test_leaning_digits_are_cut_along_their_slope(lean: float) -> None:
    ink, left, right = strokes_on_a_slope(lean)
    pictures = [placed(part, ink.shape) > 127 for part in parts_of(ink)]
    for wanted in (left > 0, right > 0):
        assert max(alike(wanted, seen) for seen in pictures) > 0.75


@pytest.mark.parametrize("lean", [-0.3, 0, 0.3])
def test_rings_that_have_a_long_stroke_in_common_are_cut_along_it(lean: float) -> None:
    """Any other way through them crosses less ink, but leaves a piece of one at the other."""
    left, right = (np.zeros((120, 260), np.uint8) for _ in range(2))
    cv2.ellipse(left, (90, 60), (32, 50), 0, 0, 360, 255, 10)
    cv2.ellipse(right, (152, 60), (32, 50), 0, 0, 360, 255, 10)
    slope = np.array([[1, -lean, 60 * lean], [0, 1, 0.0]])
    left, right = (cv2.warpAffine(ring, slope, (260, 120)) for ring in (left, right))
    x, y, width, height = cv2.boundingRect(left | right)
    left, right = (ring[y : y + height, x : x + width] for ring in (left, right))
    pictures = [placed(part, left.shape) > 127 for part in parts_of(left | right)]
    for wanted in (left > 127, right > 127):
        assert max(alike(wanted, seen) for seen in pictures) > 0.85


def test_a_digit_half_again_as_wide_as_high_is_offered() -> None:
    """As a two whose foot runs on until it meets the next digit."""
    paper = blank()
    wide = cv2.resize(digit(2), (176, 120), interpolation=cv2.INTER_AREA)
    left, right = write_touching(paper, wide, digit(4), 200, 150)
    (found,) = find_strokes(gray(paper))[0]
    boxes = [
        (found.left + part.left, found.top + part.top, *part.ink.shape[::-1]) for part in parts_of(found.ink)
    ]
    assert all(max(overlap(wanted, box) for box in boxes) > 0.93 for wanted in (left, right))


def test_the_middle_one_of_three_is_offered_too() -> None:
    paper = blank()
    left, middle = write_touching(paper, digit(2), digit(0), 100, 150)
    _, right = write_touching(paper, digit(0), digit(6), middle[0], middle[1])
    (found,) = find_strokes(gray(paper))[0]
    for wanted in (left, middle, right):
        boxes = [
            (found.left + part.left, found.top + part.top, *part.ink.shape[::-1])
            for part in parts_of(found.ink)
        ]
        assert max(overlap(wanted, box) for box in boxes) > 0.7


@pytest.mark.parametrize("value", range(10))
def test_no_two_cuts_are_alike(value: int) -> None:
    """Each costs the network two pictures."""
    paper = blank()
    write(paper, digit(value), 200, 150)
    (found,) = find_strokes(gray(paper))[0]
    lefts = [placed(part, found.ink.shape) > 127 for part in parts_of(found.ink) if part.first == 0]
    assert len(lefts) < 10
    assert all(alike(a, b) < 0.97 for at, a in enumerate(lefts) for b in lefts[:at])


@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 90))))
@settings(max_examples=100, deadline=None)
def test_whatever_the_stroke_its_parts_are_taken_from_it(ink: np.ndarray) -> None:
    for part in parts_of(ink):
        assert 0 <= part.first < part.past <= 1 and (part.first, part.past) != (0, 1)
        seen = placed(part, ink.shape)
        assert seen.any() and np.array_equal(seen[seen > 0], ink[seen > 0])


def test_a_long_scribble_has_few_parts() -> None:
    """It must not cost the frame its time."""
    ink = np.zeros((140, 550), np.uint8)
    ink[60:70] = 255
    ink[:, ::35] = 255
    assert 1 < len(parts_of(ink)) < 60


def test_a_blob_is_no_writing_and_not_cut() -> None:
    ink = np.zeros((120, 160), np.uint8)
    cv2.ellipse(ink, (80, 60), (79, 59), 0, 0, 360, 255, -1)
    assert parts_of(ink) == []


def test_a_stroke_without_ink_has_no_parts() -> None:
    assert parts_of(np.zeros((80, 60), np.uint8)) == []
