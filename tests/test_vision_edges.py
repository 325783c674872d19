"""Edges: what is long and thin is a stroke only if the same paper lies on either side of it."""

import cv2
import numpy as np
import pytest
from handwritten import blank, gray
from numpy.typing import NDArray

from appliance import shipped
from appliance.frame import Frame
from appliance.reader import Reader
from appliance.vision.edges import is_edge
from appliance.vision.stroke import Stroke

Gray = NDArray[np.uint8]


def bar(frame: Gray, left: int, width: int, angle: float = 0) -> Stroke:
    """A stroke 100 pixels long that is there in a frame."""
    corners = np.rint(cv2.boxPoints(((left + width / 2 - 0.5, 200), (width - 1, 100), angle))).astype(
        np.int32
    )
    ink = cv2.fillPoly(np.zeros(frame.shape, np.uint8), [corners], 255)
    x, y, wide, high = cv2.boundingRect(ink)
    return Stroke((x, y, wide, high), ink[y : y + high, x : x + wide], 100)


def sides(one: float, stroke: float, other: float, angle: float = 0, width: int = 8) -> Gray:
    """A frame with one level of gray on one side of a bar, and another on the other."""
    paper = blank(tone=other)
    paper[:, :304] = one
    paper[:, 300 : 300 + width] = stroke
    turn = cv2.getRotationMatrix2D((300 + width / 2, 200), -angle, 1)
    return gray(cv2.warpAffine(paper, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE))


@pytest.mark.parametrize("angle", [0, 20, 90, -45])
@pytest.mark.parametrize("lighter_first", [True, False])
def test_a_dark_line_beside_something_lighter_is_an_edge(angle: float, lighter_first: bool) -> None:
    card, table = (210, 110) if lighter_first else (110, 210)
    frame = sides(card, 80, table, angle)
    assert is_edge(frame, bar(frame, 300, 8, angle), darker=True)


@pytest.mark.parametrize("angle", [0, 20, 90, -45])
@pytest.mark.parametrize("paper", [(210, 210), (210, 180), (110, 120)])
def test_a_pen_s_line_on_paper_is_none_however_that_is_lit(angle: float, paper: tuple[int, int]) -> None:
    frame = sides(paper[0], 60, paper[1], angle)
    assert not is_edge(frame, bar(frame, 300, 8, angle), darker=True)


@pytest.mark.parametrize("paper", [(210, 90), (90, 210)])
def test_black_ink_is_none_though_the_edge_of_a_shadow_runs_along_it(paper: tuple[int, int]) -> None:
    frame = sides(paper[0], 15, paper[1])
    assert not is_edge(frame, bar(frame, 300, 8), darker=True)


@pytest.mark.parametrize("paper", [(210, 90), (90, 210)])
@pytest.mark.parametrize(("ink", "edge"), [(40, False), (55, True)])
def test_so_is_a_pen_s_line_that_takes_more_than_half_of_the_light_in_the_shadow(
    paper: tuple[int, int], ink: int, edge: bool
) -> None:
    frame = sides(paper[0], ink, paper[1])
    assert is_edge(frame, bar(frame, 300, 8), darker=True) == edge


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_line_that_the_edge_of_a_shadow_crosses_is_none(share: float) -> None:
    frame = sides(210, 90, 210)
    down, right = np.mgrid[:480, :640]
    shaded = down - 150 + (right - 304) > 100 * share
    frame = np.where(shaded, frame * 0.5, frame).astype(np.uint8)
    assert not is_edge(frame, bar(frame, 300, 8), darker=True)


@pytest.mark.parametrize(("one", "other", "edge"), [(60, 60, False), (60, 150, True), (150, 60, True)])
def test_light_on_dark_it_is_the_same(one: float, other: float, edge: bool) -> None:
    frame = sides(one, 190, other)
    assert is_edge(frame, bar(frame, 300, 8), darker=False) == edge


def test_what_has_a_shape_of_its_own_is_no_edge() -> None:
    frame = sides(210, 80, 110, width=50)
    assert not is_edge(frame, bar(frame, 300, 50), darker=True)


def test_nothing_is_known_of_what_lies_beyond_the_frame() -> None:
    frame = sides(210, 80, 110)[:, 300:]
    assert not is_edge(frame, bar(frame, 0, 8), darker=True)


def test_a_stroke_without_full_ink_is_no_edge() -> None:
    frame = sides(210, 80, 110)
    assert not is_edge(frame, Stroke((300, 150, 8, 100), np.full((100, 8), 90, np.uint8), 100), darker=True)


def card(shadow: int, table: float) -> Gray:
    """A card with "7" on it, and its shadow so broad on the table at its right side."""
    desk = blank(tone=table)
    desk[160:320, 420 : 420 + shadow] = table / 2
    desk[160:320, 220:420] = 215
    cv2.polylines(desk, [np.array([(280, 190), (340, 190), (300, 290)])], False, 40, 9, cv2.LINE_AA)
    return gray(cv2.GaussianBlur(desk, (0, 0), 1), noise=2)


@pytest.mark.parametrize("table", [90, 120, 150])
@pytest.mark.parametrize("shadow", [6, 10, 20])
def test_the_shadow_at_a_card_s_side_is_no_one_beside_its_number(shadow: int, table: float) -> None:
    reader = Reader(shipped.models() / "digits.pt")
    assert reader.read(Frame(card(shadow, table), 0, 0)).text == "7"
