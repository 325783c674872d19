"""Shades: what a hand or a phone darkens is taken out of the ink, and what is written there stays."""

import cv2
import numpy as np
import pytest
from handwritten import Ink, blank, digit, gray, overlap, write

from appliance.vision import find_crops
from appliance.vision.ink import THIN, flatten
from appliance.vision.shades import without_shades
from appliance.vision.strokes import find_strokes

FINGER = ((360, 520), (320, 200), 50)
PHONE = ((420, 360), (300, 230), 120)
Shade = tuple[tuple[int, int], tuple[int, int], int]


def shaded(paper: Ink, shade: Shade, depth: float, soft: float = 2) -> Ink:
    """Paper on which the shade of something as broad falls from one point to another."""
    cast = cv2.line(np.zeros_like(paper), *shade[:2], 1.0, shade[2])
    return paper * (1 - depth * cv2.GaussianBlur(cast, (0, 0), soft))


def left_of(paper: Ink) -> tuple[np.ndarray, np.ndarray]:
    """The ink of a frame, before and after."""
    ink = flatten(gray(paper))
    _, labels, stats, _ = cv2.connectedComponentsWithStats((ink.dark > 14).astype(np.uint8))
    return ink.dark, without_shades(ink.dark, lambda: ink.up_to(THIN).dark, labels, stats)


THIN_PEN, THICK_PEN = (12, 66), (36, 30)  # pixels, and gray level


@pytest.mark.parametrize(("shade", "pen"), [(FINGER, THIN_PEN), (PHONE, THIN_PEN), (PHONE, THICK_PEN)])
@pytest.mark.parametrize("value", range(10))
def test_what_is_written_in_a_shade_is_all_that_stays(value: int, shade: Shade, pen: tuple[int, int]) -> None:
    paper, bare = blank(), blank(tone=1)
    for page, tone in ((paper, pen[1]), (bare, 0)):
        write(page, digit(value, 150, pen[0]), 290, 150, tone)
    before, after = left_of(shaded(paper, shade, 0.5))
    written, beside = bare < 0.1, cv2.erode(bare, np.ones((15, 15), np.uint8)) > 0.9
    assert np.mean(before[beside] > 100) > 0.01  # there is a shade
    assert np.mean(after[beside] > 50) < 0.001
    assert np.mean(after[written] > 100) > 0.9


@pytest.mark.parametrize("depth", [0.3, 0.45, 0.6])
@pytest.mark.parametrize("shade", [FINGER, PHONE], ids=["finger", "phone"])
@pytest.mark.parametrize("value", range(10))
def test_a_digit_in_a_shade_is_a_crop(value: int, shade: Shade, depth: float) -> None:
    paper = blank()
    box = write(paper, digit(value), 290, 150)
    crops = find_crops(gray(shaded(paper, shade, depth), noise=1))
    assert max(overlap(crop.box, box) for crop in crops) > 0.85


@pytest.mark.parametrize("pen", [30, 45, 70])
@pytest.mark.parametrize("value", range(10))
def test_what_a_thick_pen_writes_is_no_shade(value: int, pen: int) -> None:
    paper = blank()
    box = write(paper, digit(value, 360, pen), 200, 60)
    before, after = left_of(paper)
    assert after is before
    assert max(overlap(stroke.box, box) for stroke in find_strokes(gray(paper))[0]) > 0.9


@pytest.mark.parametrize("depth", [0.3, 0.6])
def test_a_shade_in_which_nothing_is_written_is_left_to_others(depth: float) -> None:
    before, after = left_of(shaded(blank(), FINGER, depth))
    assert after is before


@pytest.mark.parametrize("depth", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("value", range(10))
def test_a_digit_over_which_a_highlighter_was_drawn_is_a_crop(value: int, depth: float) -> None:
    """Far fainter than the digit, and no soft edge of it."""
    paper = blank()
    box = write(paper, digit(value), 290, 150)
    crops = find_crops(gray(shaded(paper, ((200, 210), (460, 210), 110), depth), noise=1))
    assert max(overlap(crop.box, box) for crop in crops) > 0.85


@pytest.mark.parametrize("value", range(10))
def test_the_soft_edge_of_a_thick_stroke_is_no_shade(value: int) -> None:
    paper = blank()
    write(paper, digit(value, 300, 60), 200, 80)
    before, after = left_of(cv2.GaussianBlur(paper, (0, 0), 9))
    assert after is before


@pytest.mark.parametrize("value", range(10))
def test_a_digit_on_a_narrow_strip_that_darkens_is_a_crop(value: int) -> None:
    """In little light: noise frays the shade, of which the digit leaves little bare."""
    paper = blank(tone=110)
    paper[200:285, 10:] *= np.interp(np.arange(630), (20, 120), (0.85, 1))
    box = write(paper, digit(value, 56, 5), 30, 216, tone=60)
    crops = find_crops(gray(paper, noise=6))
    assert max(overlap(crop.box, box) for crop in crops) > 0.85


def pressed(ink: Ink, seed: int) -> Ink:
    """Ink of which a hand that presses unevenly leaves more here and less there."""
    less = np.random.default_rng(seed).uniform(0.4, 1, (6, 5)).astype(np.float32)
    return ink * cv2.resize(less, ink.shape[::-1], interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize("value", range(10))
def test_uneven_ink_of_digits_that_are_as_high_as_their_frame_is_no_shade(value: int) -> None:
    """As in a photograph of one line of writing: even an ordinary pen's strokes are broad there."""
    paper = blank((240, 700))
    box = write(paper, pressed(digit(value, 190, 20), seed=value), 280, 24)
    before, after = left_of(paper)
    assert after is before
    strokes = find_strokes(gray(paper))[0]
    assert max(overlap(stroke.box, box) for stroke in strokes) > 0.9


@pytest.mark.parametrize("side", ["left", "top"])
def test_what_comes_in_from_the_frames_edge_is_a_shade_however_slender(side: str) -> None:
    shade = ((0, 210), (500, 330), 60) if side == "left" else ((300, 0), (360, 300), 50)
    paper = blank()
    box = write(paper, digit(4), 290, 150)
    crops = find_crops(gray(shaded(paper, shade, 0.45), noise=1))
    assert max(overlap(crop.box, box) for crop in crops) > 0.85
