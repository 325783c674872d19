"""Small photographs that a number nearly fills: strokes are broad there, and all that is about is cut off."""

from itertools import product

import cv2
import numpy as np
import pytest
from handwritten import Box, Gray, Ink, blank, digit, gray, overlap, write

from appliance.vision import Crop, find_crops
from appliance.vision.budget import affordable
from appliance.vision.stroke import Stroke
from training.paper import sensed

CLOSE_UP = (150, 120)
"""Of such a photograph, in pixels."""
PAGE = [(number % 10, x, y) for number, (y, x) in enumerate(product(range(2), range(14)))]
"""Two lines of small digits, and where each stands."""


def best(crops: list[Crop], box: Box) -> float:
    return max((overlap(crop.box, box) for crop in crops), default=0.0)


def whole(crops: list[Crop]) -> list[Crop]:
    return [crop for crop in crops if crop.is_whole]


def as_sent(paper: Ink, quality: int, noise: float = 0) -> Gray:
    """As a telephone takes and compresses it."""
    return sensed(paper / 255, noise, quality, np.random.default_rng(0))


def paler_below(ink: Ink) -> Ink:
    """Ink of which less and less is left."""
    return ink * np.linspace(1, 0.4, ink.shape[0], dtype=np.float32)[:, np.newaxis]


@pytest.mark.parametrize(("one", "other"), [(5, 8), (2, 3), (4, 9), (6, 7)])
def test_digits_in_uneven_ink_are_offered_though_what_is_about_them_joins_them(one: int, other: int) -> None:
    paper = blank((66, 66), 130)
    boxes = [write(paper, paler_below(digit(value, 40, 7)), x, 14) for value, x in ((one, 6), (other, 36))]
    paper[12:56, 4:62] = np.minimum(paper[12:56, 4:62], 120)  # as compression leaves about strokes
    crops = find_crops(as_sent(paper, 90))
    assert [best(crops, box) > 0.75 for box in boxes] == [True, True]


@pytest.mark.parametrize(("paper", "ink", "level"), [(45, 25, 9), (110, 60, 20)])
@pytest.mark.parametrize("value", [0, *range(2, 10)])  # a one may be a stripe of light there
def test_a_digit_is_offered_though_the_photograph_is_noisy(
    value: int, paper: int, ink: int, level: int
) -> None:
    page = blank((130, 110), paper)
    box = write(page, digit(value, 90, 9, seed=value), 20, 20, ink)
    crops = find_crops(as_sent(page, 80, level))
    assert best(crops, box) > 0.8


def test_the_strokes_that_cover_much_of_it_are_not_noise() -> None:
    paper = blank((60, 300))
    boxes = [write(paper, digit(value, 14, 2), 8 + 20 * x, 8 + 24 * y) for value, x, y in PAGE]
    crops = find_crops(gray(paper, noise=1))
    assert np.mean([best(crops, box) > 0.7 for box in boxes]) > 0.9


@pytest.mark.parametrize(("pen", "soft"), [(9, 1.5), (14, 2)])
@pytest.mark.parametrize("value", range(10))
def test_what_the_ink_of_a_digit_varies_by_is_hardly_offered_beside_it(
    value: int, pen: int, soft: float
) -> None:
    paper = blank(CLOSE_UP)
    ink = digit(value, 120, pen, seed=value)[:, : CLOSE_UP[1] - 6]
    box = write(paper, ink, (CLOSE_UP[1] - ink.shape[1]) // 2, 15)
    crops = find_crops(gray(cv2.GaussianBlur(paper, (0, 0), soft), noise=1))
    assert best(crops, box) > 0.85
    assert len([crop for crop in whole(crops) if crop.dark and overlap(crop.box, box) < 0.85]) <= 1


@pytest.mark.parametrize(("left", "together"), [(0, 0), (4, 1)])
def test_what_the_edge_cuts_off_as_an_arc_of_a_circle_is_joined_with_nothing_within(
    left: int, together: int
) -> None:
    arc, inner = (
        Stroke((x, 30, wide, 80), np.full((80, wide), 255, np.uint8), 150.0)
        for x, wide in ((left, 26), (40, 30))
    )
    (row,) = affordable([[arc, inner], []], CLOSE_UP)
    assert [len(one.strokes) for one in row.hypotheses].count(2) == together


@pytest.mark.parametrize("value", range(10))
def test_the_sides_of_a_cell_that_run_through_the_frame_are_no_ones(value: int) -> None:
    paper = blank((110, 150))
    box = write(paper, digit(value, 80, 8), 45, 15)
    for x in (14, 130):
        paper[:, x : x + 5] = 60
    crops = find_crops(gray(paper, noise=1))
    assert best(crops, box) > 0.85
    assert [crop.box for crop in crops if crop.box[3] == 110] == []
