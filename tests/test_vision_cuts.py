"""Cuts: digits that touch are offered apart, and an ordinary digit stays whole."""

import numpy as np
import pytest
from handwritten import blank, digit, gray, overlap, write, write_touching

from appliance.vision.crops import around
from appliance.vision.cuts import apart
from appliance.vision.layout import find_rows, hypotheses
from appliance.vision.strokes import Box, Stroke, find_strokes

FRAME = (480, 640)


def touching(one: int, other: int) -> tuple[Stroke, Box, Box]:
    """Two digits that touch, as the one stroke that they are, and the box of each."""
    paper = blank()
    left, right = write_touching(paper, digit(one), digit(other), 200, 150)
    (found,) = find_strokes(gray(paper))[0]
    return found, left, right


def drawn(part: Stroke, whole: Stroke) -> np.ndarray:
    """Where a part has ink, in a picture of the whole."""
    picture = np.zeros(whole.ink.shape, np.bool_)
    x, y = part.left - whole.left, part.top - whole.top
    picture[y : y + part.height, x : x + part.width] = part.ink > 127
    return picture


@pytest.mark.parametrize(("one", "other"), [(3, 6), (0, 0), (2, 8), (5, 9), (8, 3), (1, 5), (4, 7)])
def test_touching_digits_are_offered_whole_and_in_parts(one: int, other: int) -> None:
    found, left, right = touching(one, other)
    (row,) = find_rows([found], FRAME)
    offered = list(hypotheses(row))
    (whole,) = [around(one.parts) for one in offered if one.strokes == 1]
    assert overlap(whole, found.box) > 0.95
    parts = [around(part.parts) for part in offered if part.strokes == 0]
    for digit_box in (left, right):
        assert max(overlap(digit_box, box) for box in parts) > 0.7, (digit_box, parts)


def test_the_parts_of_a_stroke_are_the_stroke() -> None:
    found, _, _ = touching(3, 6)
    (parts,) = apart([found])
    assert len(parts) > 1
    assert np.array_equal(np.sum([drawn(part, found) for part in parts], axis=0), found.ink > 127)


def test_leaning_strokes_joined_at_one_point_are_cut_along_their_slope() -> None:
    ink = np.zeros((120, 140), np.uint8)
    rows = np.arange(120)
    for start in (0, 60):
        for row in rows:
            ink[row, start + (119 - row) // 2 :][:16] = 255
    ink[56:64, 40:100] = 255
    whole = Stroke((50, 60, 140, 120), ink, 150.0)
    left, right = np.zeros_like(ink), np.zeros_like(ink)
    for row in rows:
        left[row, (119 - row) // 2 :][:16] = 255
        right[row, 60 + (119 - row) // 2 :][:16] = 255
    (row_found,) = find_rows([whole], FRAME)
    pictures = [np.any([drawn(part, whole) for part in one.parts], axis=0) for one in hypotheses(row_found)]
    for wanted in (left > 127, right > 127):
        assert max((wanted & seen).sum() / (wanted | seen).sum() for seen in pictures) > 0.8


@pytest.mark.parametrize("value", range(10))
def test_a_digit_by_itself_is_hardly_cut(value: int) -> None:
    """Each cut costs the network pictures, and a digit is read far more often than a pair that touches."""
    paper = blank()
    box = write(paper, digit(value), 200, 150)
    (found,) = find_strokes(gray(paper))[0]
    assert len(apart([found])[0]) <= (1 if box[2] < 0.7 * box[3] else 2)
