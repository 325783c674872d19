"""Light is flattened: what is left is ink, as strong as its contrast, under any lamp and any shadow."""

import cv2
import numpy as np
import pytest
from handwritten import Ink, blank, digit, gray, write

from appliance.vision.ink import THIN, flatten

BOX = (250, 150, 120, 130)
"""Where the digit stands, with a little room: x, y, width, height."""


def inked(paper: Ink, tone: float = 40) -> Ink:
    write(paper, digit(3), BOX[0] + 10, BOX[1] + 5, tone)
    return paper


def inside(ink: np.ndarray) -> np.ndarray:
    x, y, width, height = BOX
    return ink[y : y + height, x : x + width]


def outside(ink: np.ndarray) -> np.ndarray:
    x, y, width, height = BOX
    without = ink.copy()
    without[y : y + height, x : x + width] = 0
    return without


@pytest.mark.parametrize("tone", [0, 12, 100, 220, 255])
def test_paper_of_one_tone_holds_no_ink(tone: int) -> None:
    ink = flatten(gray(blank(tone=tone)))
    assert not ink.dark.any() and not ink.light.any()
    assert ink.noise == 0


def test_ink_is_of_the_frames_shape_and_dtype_and_the_frame_is_left_alone() -> None:
    frame = gray(inked(blank((300, 501))))
    before = frame.copy()
    ink = flatten(frame)
    assert ink.dark.shape == ink.light.shape == (300, 501)
    assert ink.dark.dtype == ink.light.dtype == np.uint8
    assert np.array_equal(frame, before)


def test_perfect_black_on_paper_is_full_ink() -> None:
    assert flatten(gray(inked(blank(), tone=0))).dark.max() == 255


@pytest.mark.parametrize("paper", [120, 180, 250])
def test_ink_is_measured_by_the_paper_around_it(paper: int) -> None:
    """A pen that takes two fifths of the light does so on bright and on grey paper."""
    ink = flatten(gray(inked(blank(tone=paper), tone=0.6 * paper)))
    assert inside(ink.dark).max() == pytest.approx(0.4 * 255, abs=4)
    assert not outside(ink.dark).any()


def test_light_on_dark_is_ink_of_the_other_kind() -> None:
    frame = gray(inked(blank(tone=60), tone=230))
    ink = flatten(frame)
    assert inside(ink.light).max() > 150
    assert not outside(ink.light).any()
    within = cv2.erode(frame, np.ones((5, 5))) > 225
    assert within.any() and not ink.dark[within].any()


def test_a_lamp_at_one_side_leaves_no_ink_and_the_stroke_its_strength() -> None:
    fall = np.linspace(1, 0.35, 640, dtype=np.float32)
    plain, lit = flatten(gray(inked(blank()))), flatten(gray(inked(blank()) * fall))
    assert outside(lit.dark).max() < 14
    assert abs(int(inside(lit.dark).max()) - int(inside(plain.dark).max())) < 15


@pytest.mark.parametrize("along", ["x", "y"])
def test_the_hard_edge_of_a_shadow_leaves_no_ink(along: str) -> None:
    shade = np.ones((480, 640), np.float32)
    shade[(slice(None), slice(300, None)) if along == "x" else slice(210, None)] = 0.5
    edge = flatten(gray(blank() * shade))
    assert edge.dark.max() < 14 and edge.light.max() < 14
    across = flatten(gray(inked(blank()) * shade))
    assert outside(across.dark).max() < 14
    strokes = digit(3) > 0.98
    seen = inside(across.dark)[5 : 5 + strokes.shape[0], 10 : 10 + strokes.shape[1]]
    assert seen[strokes].min() > 60, "the stroke is there on both sides of the edge, and on it"


@pytest.mark.parametrize("level", [1, 2, 4, 8, 16])
def test_what_noise_feigns_is_said(level: int) -> None:
    ink = flatten(gray(blank(), noise=level))
    for feigned in (ink.dark, ink.light):
        assert (feigned > ink.noise).mean() < 0.05, "hardly any pixel has more"
        assert feigned.max() > 0.5 * ink.noise, "and it is not said to be far more than it is"


def test_the_same_noise_feigns_more_in_the_dark() -> None:
    assert flatten(gray(blank(tone=70), noise=5)).noise > 2 * flatten(gray(blank(tone=230), noise=5)).noise


def test_in_a_dark_corner_noise_is_no_more_than_elsewhere() -> None:
    lit = np.broadcast_to(np.linspace(30, 170, 640, dtype=np.float32), (480, 640)).copy()
    ink = flatten(gray(lit, noise=12))
    assert (ink.dark[:, :200] > ink.noise).mean() < 0.001


def test_a_stroke_as_thick_as_a_digit_of_the_whole_frame_has_is_ink_throughout() -> None:
    paper = blank()
    paper[60:420, 280:360] = 40  # a one, as high as the frame allows, drawn with a broad brush
    assert flatten(gray(paper)).dark[70:410, 290:350].min() > 150


def test_looked_at_closer_what_is_too_thick_is_background() -> None:
    paper = blank()
    paper[:, 200:420] = 90
    assert flatten(gray(paper), THIN).dark[:, 230:390].max() < 14
    write(paper, digit(3, 100, 8), 260, 200, tone=20)
    assert flatten(gray(paper), THIN).dark[200:300, 260:400].max() > 150


@pytest.mark.parametrize("pen", [0.06, 0.2])
@pytest.mark.parametrize("size", [100, 400])
def test_chalk_is_never_taken_for_paper(size: int, pen: float) -> None:
    board = blank(tone=60)
    write(board, digit(3, size, pen * size), 200, 40, 80)
    ink = flatten(gray(board, noise=1))
    assert not ink.is_paper(ink.light > 20)


def test_what_lies_between_dark_strokes_is_paper() -> None:
    page = blank(tone=200)
    for x in range(40, 600, 80):
        write(page, digit(3), x, 150, 60)
    ink = flatten(gray(page, noise=1))
    assert ink.is_paper(ink.light > 20)
