"""Cells: what is written in one and touches its sides."""

import cv2
import pytest
from handwritten import Box, Gray, Ink, blank, digit, gray, overlap, write

from appliance.vision.strokes import find_strokes


def cell(paper: Ink, box: Box, line: int = 4, tone: float = 90) -> None:
    x, y, width, height = box
    cv2.rectangle(paper, (x, y), (x + width, y + height), tone, line)


def found(frame: Gray, box: Box) -> float:
    """How well the best of the strokes covers a box and no more, 0 to 1."""
    dark, _ = find_strokes(frame)
    return max(overlap(stroke.box, box) for stroke in dark)


@pytest.mark.parametrize("value", [2, 3, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("tone", [40, 110])
def test_a_digit_that_touches_the_side_of_its_cell_is_a_stroke_by_itself(value: int, tone: float) -> None:
    paper = blank()
    box = write(paper, digit(value, 70, 8), 220, 200)
    cell(paper, (box[0] + box[2] - 78, 180, 80, 110), tone=tone)
    assert found(gray(paper), box) > 0.8


def test_nothing_is_written_in_an_empty_cell_nor_in_a_zero_however_square_it_is() -> None:
    paper = blank()
    cell(paper, (100, 180, 80, 110))
    cell(paper, (300, 180, 80, 110), line=16)
    dark, _ = find_strokes(gray(paper))
    assert len(dark) == 2


def test_the_side_between_two_cells_is_not_written_in_them() -> None:
    paper = blank()
    cell(paper, (100, 180, 130, 100))
    cv2.line(paper, (165, 180), (165, 280), 90, 4)
    dark, _ = find_strokes(gray(paper))
    assert len(dark) == 1


def test_ink_all_over_a_cell_is_not_taken_apart() -> None:
    paper = blank()
    cell(paper, (100, 180, 80, 100))
    paper[180:280:6, 100:180] = 90
    dark, _ = find_strokes(gray(paper, noise=1))
    assert not [stroke for stroke in dark if 40 < stroke.width < 76]
