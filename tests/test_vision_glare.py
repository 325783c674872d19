"""A lamp that is mirrored in a board hides nothing; light that only falls on paper is left as it is."""

import cv2
import numpy as np
import pytest
from handwritten import Box, Ink, blank, digit, gray, overlap, write

from appliance.vision.glare import without_glare
from appliance.vision.ink import FAINTEST, flatten
from appliance.vision.strokes import find_strokes


def board() -> tuple[Ink, Box]:
    grayish = blank(tone=134)
    return grayish, write(grayish, digit(3), 260, 155, tone=60)


def streak(strength: float, at: float, width: float = 80) -> Ink:
    """How much light a long lamp adds, from the lower left to the upper right, `at` pixels from the digit."""
    x, y = np.meshgrid(np.arange(640, dtype=np.float32), np.arange(480, dtype=np.float32))
    return strength * np.exp(-((((x - 300) + (y - 215)) / np.sqrt(2) - at) ** 2) / width**2)


def mirrored(picture: Ink, light: Ink) -> Ink:
    """Added light, as a camera shows it that nears white and never gets there."""
    return 255 - (255 - picture) * np.exp(-light)


def dulled(picture: Ink, noise: float = 0) -> np.ndarray:
    frame = gray(picture, noise=noise)
    return without_glare(frame, flatten(frame))


@pytest.mark.parametrize("strength", [0.9, 1.4])
@pytest.mark.parametrize("at", [-60, 0, 60])
def test_what_is_written_keeps_half_of_its_strength_and_is_nowhere_paper(at: float, strength: float) -> None:
    plain, _ = board()
    before = flatten(gray(plain)).dark
    after = flatten(dulled(mirrored(plain, streak(strength, at)))).dark
    written = cv2.erode(before, np.ones((5, 5), np.uint8)) > 100
    assert np.median(after[written]) > 0.5 * np.median(before[written])
    assert after[written].min() > FAINTEST
    assert after[cv2.dilate(before, np.ones((9, 9), np.uint8)) == 0].max() < FAINTEST


@pytest.mark.parametrize("at", [-60, 0, 60])
def test_a_digit_in_the_glare_is_one_dark_stroke_and_the_glare_none(at: float) -> None:
    plain, box = board()
    dark, light = find_strokes(gray(mirrored(plain, streak(1.4, at)), noise=1))
    assert max(overlap(stroke.box, box) for stroke in dark) > 0.9
    assert not [stroke for stroke in light if max(stroke.width, stroke.height) > 130]


def test_a_frame_without_glare_is_left_as_it_is() -> None:
    frame = gray(board()[0])
    assert without_glare(frame, flatten(frame)) is frame


def test_a_patch_of_sun_has_an_edge_and_is_no_glare() -> None:
    light = np.full((480, 640), 0.4, np.float32)
    light[120:300, 220:400] = 1
    paper = blank()
    write(paper, digit(3), 260, 155)
    frame = gray(paper * light)
    assert without_glare(frame, flatten(frame)) is frame


def test_where_a_lamp_only_shines_ink_is_black_and_there_is_no_glare() -> None:
    paper = blank(tone=230)
    write(paper, digit(3), 260, 155)
    frame = gray(paper * (0.5 + 0.5 * streak(1, 0)))
    assert without_glare(frame, flatten(frame)) is frame


@pytest.mark.parametrize("tone", [0, 1, 100, 254, 255])
def test_a_frame_of_one_tone_has_no_glare(tone: int) -> None:
    frame = np.full((480, 640), tone, np.uint8)
    assert without_glare(frame, flatten(frame)) is frame


@pytest.mark.parametrize("turn", [-30, 0, 20])
def test_a_light_stroke_on_black_is_no_glare(turn: float) -> None:
    """A digit out of MNIST, or one drawn with a thick brush on a screen."""
    black = cv2.line(np.zeros((240, 240), np.float32), (120 + turn, 30), (120 - turn, 210), 255, 34)
    frame = gray(cv2.GaussianBlur(black, (0, 0), 9))
    assert without_glare(frame, flatten(frame)) is frame
