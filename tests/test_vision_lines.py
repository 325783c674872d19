"""Ruled lines, and the strokes that are but the rest of them or the sides of printed cells."""

import cv2
import numpy as np
import pytest

from appliance.vision.lines import has_cells, joins, lies_on, lines_in
from appliance.vision.stroke import Stroke

SHAPE = (480, 640)


def lined(*rows: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    for row in rows:
        mask[row : row + 2, 20:620] = 255
    return mask


def side(x: int, top: int, height: int) -> tuple[Stroke, np.ndarray]:
    """A bare stroke, and where it is."""
    inked = np.zeros(SHAPE, np.uint8)
    inked[top : top + height, x] = 255
    return Stroke((x, top, 1, height), np.full((height, 1), 255, np.uint8), 60.0), inked


def test_lines_are_found_down_and_across_but_for_where_a_stroke_crosses_them() -> None:
    page = lined(100, 200)
    page[60:140, 300:312] = 255
    found = lines_in(page)
    assert found[100:102, 40:280].all() and found[200:202, 40:600].all()
    assert not found[60:98].any() and not found[100:102, 301:311].any()
    assert (lines_in(np.ascontiguousarray(page.T)) == found.T).all()


@pytest.mark.parametrize("pitch", [8, 11, 14, 17, 24])
def test_narrow_ruled_paper_makes_no_line_of_a_one(pitch: int) -> None:
    page = lined(*range(20, 460, pitch))
    page[180:290, 300:306] = 255
    found = lines_in(page)
    assert not found[180:290, 300:306][page[180:290, 310] == 0].any()
    assert found[20:22, 40:280].all() and not lines_in(np.ascontiguousarray(page.T))[300:306, 182:190].any()


@pytest.mark.parametrize(("columns", "cells"), [(1, False), (2, False), (3, True)])
def test_what_has_more_holes_than_two_eights_has_cells(columns: int, cells: bool) -> None:
    piece = np.zeros((41, 20 * columns + 1), np.uint8)
    piece[::20] = piece[:, ::20] = 255
    assert has_cells(piece) == cells


def test_what_is_short_is_no_line() -> None:
    page = np.zeros(SHAPE, np.uint8)
    page[100:102, 200:380] = 255
    assert not lines_in(page).any()


@pytest.mark.parametrize("top", [0, 1, 2, 40])
def test_the_side_of_a_cell_joins_two_lines_also_at_the_frames_edge(top: int) -> None:
    lines = lined(top, top + 5)
    stroke, inked = side(300, top, 7)
    assert joins(stroke, lines, lines | inked)
    assert not joins(stroke, lined(top + 100), lines | inked)


def test_the_rest_of_a_line_lies_on_it() -> None:
    lines = lined(100)
    rest = Stroke((200, 100, 40, 2), np.full((2, 40), 255, np.uint8), 60.0)
    digit = Stroke((200, 60, 40, 80), np.full((80, 40), 255, np.uint8), 60.0)
    assert lies_on(rest, lines) and not lies_on(digit, lines)


@pytest.mark.parametrize("slant", [-30, 25])
def test_the_side_of_a_cell_that_is_seen_askew_joins_two_lines_as_well(slant: int) -> None:
    page = np.zeros(SHAPE, np.uint8)
    cv2.line(page, (300, 110), (300 + slant, 190), 255, 3)
    lines = lined(100, 200)
    lines[100:103] = lines[197:200] = 255
    x, y, width, height = cv2.boundingRect(page)
    own = page[y : y + height, x : x + width]
    stroke = Stroke((x, y, width, height), own, 60.0)
    cv2.line(page, (300, 103), (300 + slant, 197), 255, 3)
    assert joins(stroke, lines, lines | page)
    assert not joins(Stroke(stroke.box, np.full_like(own, 255), 60.0), lines, lines | page), "a block is none"
