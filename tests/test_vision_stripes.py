"""Stripes of light are evened out, whichever way they run, and what is written in them stays as it is."""

import cv2
import numpy as np
import pytest
from handwritten import Ink, blank, digit, gray, overlap, write

from appliance.vision import find_crops
from appliance.vision.light import evenly_lit

COURSES = [(0, 0), (20, 0), (70, 0), (90, 0), (135, 0), (30, 12), (90, -12), (160, 8)]
"""In degrees: the direction across, and how far the stripes in the frame's corner are turned."""
BROAD, NARROW = 90, 30  # pixels from stripe to stripe


def striped(paper: Ink, course: tuple[int, int], pitch: float, depth: float = 0.45, lit: float = 0.5) -> Ink:
    """Paper on which the light of a window falls through slats, as a camera sees it that looks askance."""
    height, width = paper.shape
    right, down = np.cos(np.radians(course[0])), np.sin(np.radians(course[0]))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    rows, columns = rows - height / 2, columns - width / 2
    along = (rows * right - columns * down) / np.hypot(height, width) * 2
    across = (columns * right + rows * down) / (1 - np.tan(np.radians(course[1])) * along)
    shade = (across / pitch % 1 > lit).astype(np.float32)
    return paper * (1 - depth * cv2.GaussianBlur(shade, (0, 0), 2))


def number() -> tuple[Ink, list[tuple[int, int, int, int]]]:
    paper = blank()
    return paper, [
        write(paper, digit(value), 120 + 130 * place, 180) for place, value in enumerate((3, 6, 0))
    ]


@pytest.mark.parametrize("pitch", [BROAD, NARROW])
@pytest.mark.parametrize("course", COURSES)
def test_bare_paper_is_even(course: tuple[int, int], pitch: float) -> None:
    frame = gray(striped(blank(), course, pitch), noise=1)
    even, ink = evenly_lit(frame)
    assert even.std() < 0.25 * frame.std()
    assert np.mean(ink.dark > 50) < 0.002
    rim = np.concatenate([even[0], even[-1], even[:, 0], even[:, -1]])
    # Not none: the blur of `striped` bends the stripes there.
    assert np.mean(rim > even.mean() + 0.2 * np.ptp(frame)) < 0.15


@pytest.mark.parametrize("pitch", [BROAD, NARROW])
@pytest.mark.parametrize("course", COURSES)
def test_what_is_written_is_as_strong_as_in_even_light(course: tuple[int, int], pitch: float) -> None:
    paper, _ = number()
    plain, lit = (evenly_lit(gray(page))[1].dark for page in (paper, striped(paper, course, pitch)))
    written = plain > 150
    assert np.mean(lit[written] > 110) > 0.97
    assert np.mean(lit[cv2.dilate(plain, np.ones((9, 9), np.uint8)) < 20] > 60) < 0.005


@pytest.mark.parametrize("course", COURSES)
def test_digits_are_crops_in_stripes_of_light(course: tuple[int, int]) -> None:
    paper, boxes = number()
    crops = find_crops(gray(striped(paper, course, BROAD, depth=0.55, lit=0.4), noise=2))
    for box in boxes:
        assert max(overlap(crop.box, box) for crop in crops if crop.dark) > 0.85


@pytest.mark.parametrize("course", COURSES[:4])
def test_chalk_is_a_crop_in_stripes_of_light(course: tuple[int, int]) -> None:
    board = blank(tone=90)
    box = write(board, digit(5), 260, 180, tone=230)
    crops = find_crops(gray(striped(board, course, BROAD), noise=1))
    assert max(overlap(crop.box, box) for crop in crops if not crop.dark) > 0.85


@pytest.mark.parametrize("course", COURSES[:4])
def test_what_is_white_in_the_shade_of_a_stripe_stands_out_more_than_in_light(
    course: tuple[int, int],
) -> None:
    """Made lighter together with its board, it would be cut off at white."""
    board = blank(tone=170)
    write(board, digit(5), 260, 180, tone=460)
    plain, lit = (evenly_lit(gray(page))[1].light for page in (board, striped(board, course, BROAD)))
    assert np.mean(lit[plain > 60]) > 1.2 * np.mean(plain[plain > 60])


def ruled() -> Ink:
    paper = number()[0]
    paper[20::40] = paper[21::40] = 120
    return paper


def half_in_shadow() -> Ink:
    return striped(number()[0], (25, 0), pitch=2000, lit=0.2)


def with_a_bar() -> Ink:
    """A bare one that fills the frame: a stripe, but one that is written."""
    paper = blank()
    write(paper, digit(1, 400, 70), 280, 40)
    return paper


@pytest.mark.parametrize(
    "paper",
    [blank(), number()[0], ruled(), half_in_shadow(), with_a_bar()],
    ids=["blank", "number", "ruled", "shadow", "bar"],
)
def test_a_frame_without_stripes_stays_as_it_is(paper: Ink) -> None:
    frame = gray(paper, noise=1)
    assert evenly_lit(frame)[0] is frame


@pytest.mark.parametrize("shape", [(240, 320), (480, 640), (720, 1280), (640, 480)])
def test_frames_of_every_size_are_evened(shape: tuple[int, int]) -> None:
    frame = gray(striped(blank(shape), (20, 5), shape[0] / 6), noise=1)
    even, _ = evenly_lit(frame)
    assert even.shape == shape
    assert even.std() < 0.25 * frame.std()


def test_noise_alone_has_no_stripes() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (480, 640)).astype(np.uint8)
    assert evenly_lit(frame)[0] is frame


@pytest.mark.parametrize("tilt", [0.0, 0.12])
def test_a_dark_card_on_a_light_table_is_no_shade(tilt: float) -> None:
    rows, columns = np.mgrid[:480, :640].astype(np.float32)
    page = np.where(columns + tilt * rows < 590, 22, 210).astype(np.float32)
    write(page, digit(8), 250, 150, tone=200)
    frame = gray(page, noise=6)
    assert evenly_lit(frame)[0] is frame
