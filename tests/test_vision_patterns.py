"""Patterns: what repeats alike at equal distances in one line is nothing that anybody wrote."""

from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import pytest
from handwritten import blank, digit, gray, write
from numpy.typing import NDArray

from appliance import shipped
from appliance.frame import Frame
from appliance.reader import Reader
from appliance.vision import patterns
from appliance.vision.stroke import Stroke


def stroke(x: float, y: float, width: float = 10, height: float = 24) -> Stroke:
    box = round(x), round(y), round(width), round(height)
    return Stroke(box, np.full(box[:1:-1], 255, np.uint8), 150.0)


def coils(count: int = 20, angle: float = 0, apart: float = 26) -> list[Stroke]:
    """Strokes side by side on a line that falls so many degrees."""
    right, down = apart * np.cos(np.radians(angle)), apart * np.sin(np.radians(angle))
    return [stroke(20 + right * place, 40 + down * place) for place in range(count)]


def without_patterns(strokes: list[Stroke]) -> list[Stroke]:
    """What is left of strokes of one tone."""
    left, other = patterns.without_patterns(strokes, [])
    assert other == []
    return left


DIGITS = [stroke(200, 200, 60, 110), stroke(290, 205, 22, 104), stroke(350, 196, 64, 112)]


@pytest.mark.parametrize("angle", [0, 7, -7, 90])
def test_a_notebooks_coils_are_left_out_and_what_is_written_beside_them_is_not(angle: float) -> None:
    assert without_patterns([*coils(angle=angle), *DIGITS]) == DIGITS


def test_coils_of_which_the_frames_edge_cuts_off_ever_more_are_coils() -> None:
    cut = [stroke(20 + 26 * place, 0, 10, 16 + place) for place in range(16)]
    assert without_patterns([*cut, *DIGITS]) == DIGITS


def test_nor_is_the_paper_seen_between_their_wires_anything() -> None:
    seen = coils()
    between = [stroke(one.left + 4, one.top + 4, 3, 16) for one in seen[:5]]
    assert patterns.without_patterns([*seen, *DIGITS], [*between, *DIGITS]) == [DIGITS, DIGITS]
    assert patterns.without_patterns(DIGITS, between) == [DIGITS, between]


def test_what_is_there_once_more_as_it_fell_apart_is_left_out_as_well() -> None:
    seen = coils()
    whole = [replace(one, fell_apart=True) for one in seen[::2]]
    assert without_patterns([*seen, *whole, *DIGITS]) == DIGITS


def test_some_of_them_may_be_missed() -> None:
    seen = [coil for place, coil in enumerate(coils(22)) if place not in (3, 4, 8, 13, 15)]
    assert without_patterns([*seen, *DIGITS]) == DIGITS


def test_a_few_are_not_many() -> None:
    eleven = coils(11)
    assert without_patterns(eleven) == eleven
    assert without_patterns([]) == []


def test_a_number_with_many_digits_is_no_pattern() -> None:
    widths = [40, 12, 44, 38, 41, 10, 36, 45, 13, 40, 39, 11, 42, 37]
    number = [stroke(20 + 45 * place, 100, width, 60) for place, width in enumerate(widths)]
    assert without_patterns(number) == number


def test_what_is_alike_but_at_no_equal_distances_is_none() -> None:
    rng = np.random.default_rng(0)
    anywhere = [stroke(x, 100) for x in np.sort(rng.uniform(0, 600, 20))]
    assert without_patterns(anywhere) == anywhere


def test_a_table_of_digits_is_no_line_of_them() -> None:
    table = [stroke(100 + 90 * column, 50 + 60 * row, 30, 40) for row, column in product(range(4), range(3))]
    assert without_patterns(table) == table


def test_nor_are_lines_of_numbers_that_stand_below_each_other() -> None:
    table = [
        stroke(60 + 190 * number + 50 * digit, 70 + 115 * line, 45, 68)
        for line, number, digit in product(range(2), range(3), range(2))
    ]
    assert without_patterns(table) == table


def notebook(down: float) -> NDArray[np.float32]:
    """A page whose binding runs along its upper side, which falls so many pixels from left to right."""
    paper = blank()
    for place in range(24):
        x = 12 + 27 * place
        y = 24 + round(down * place / 24)
        cv2.ellipse(paper, (x, y - 14), (3, 15), 0, 0, 360, 90.0, 2, cv2.LINE_AA)
        cv2.circle(paper, (x, y), 5, 40.0, -1, cv2.LINE_AA)
    return paper


@pytest.mark.parametrize("down", [0, 16])
def test_a_page_of_a_spiral_notebook_is_read(down: float) -> None:
    reader, paper = Reader(shipped.models() / "digits.pt"), notebook(down)
    assert reader.read(Frame(gray(paper, noise=2), 0, 0)).text == ""
    write(paper, digit(4, 110, 9), 230, 180)
    write(paper, digit(7, 110, 9), 330, 180)
    assert reader.read(Frame(gray(paper, noise=2), 0, 0)).text == "47"
