"""Bodies: what a component falls apart into, and the whole beside it where that may have been one digit."""

import cv2
import numpy as np
import pytest
from handwritten import Ink, blank, digit, gray, overlap, write
from numpy.typing import NDArray

from appliance.vision import Crop, bodies, find_crops
from appliance.vision.bodies import strokes_of
from appliance.vision.components import components
from appliance.vision.crops import as_mnist
from appliance.vision.ink import above
from appliance.vision.layout import find_rows, hypotheses
from appliance.vision.stroke import Stroke

FRAME = (480, 640)
THICK = 34  # pixels of a marker


def paler(ink: Ink, least: float, pitch: float) -> Ink:
    """Ink of which ever less is left, and more again, on the way down."""
    down = np.arange(ink.shape[0])[:, np.newaxis]
    return (ink * (1 - (1 - least) * (0.5 - 0.5 * np.cos(2 * np.pi * down / pitch)))).astype(np.float32)


def speckled(ink: Ink, seed: int = 0) -> Ink:
    """Ink with grains of bare paper in it, as of a dry pen."""
    grain = np.random.default_rng(seed).standard_normal((ink.shape[0] // 3 + 1, ink.shape[1] // 3 + 1))
    large = cv2.resize(grain.astype(np.float32), ink.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return ink * np.clip(0.5 + 2 * (large + 0.3), 0, 1).astype(np.float32)


def at(box: tuple[int, int, int, int], crops: list[Crop]) -> list[Crop]:
    return [crop for crop in crops if overlap(crop.box, box) > 0.85]


def alike(crop: Crop, ink: Ink) -> float:
    """How much a crop looks like a digit in even ink."""
    pair = (
        cv2.GaussianBlur(one, (0, 0), 1.2).ravel()
        for one in (crop.image, as_mnist((255 * ink).astype(np.uint8)))
    )
    return float(np.corrcoef(*pair)[0, 1])


@pytest.mark.parametrize("chalk", [False, True])
@pytest.mark.parametrize("value", range(10))
def test_a_digit_in_uneven_ink_is_offered_whole(value: int, chalk: bool) -> None:
    ink = digit(value, 200, THICK)
    paper = blank()
    write(paper, paler(ink, 0.25, 250), 230, 140, tone=20)
    frame = gray(paper, noise=1)
    found = at(write(blank(), ink, 230, 140), find_crops(255 - frame if chalk else frame))
    assert max(alike(crop, ink) for crop in found) > 0.9


@pytest.mark.parametrize("value", range(10))
def test_a_digit_of_a_dry_pen_is_offered_whole(value: int) -> None:
    ink = digit(value, 200, 20)
    paper = blank()
    box = write(paper, speckled(ink), 230, 140)
    found = at(box, find_crops(gray(cv2.GaussianBlur(paper, (0, 0), 1.5), noise=1)))
    assert max(alike(crop, ink) for crop in found) > 0.8


@pytest.mark.parametrize("thickness", [20, THICK])
@pytest.mark.parametrize("value", range(10))
def test_a_digit_whose_ink_has_run_to_its_edges_is_offered_filled(value: int, thickness: int) -> None:
    ink = digit(value, 200, thickness)
    away = cv2.distanceTransform((ink > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    paper = blank()
    box = write(paper, ink * np.where(away > 4, 0.4, 1).astype(np.float32), 230, 140, tone=20)
    core = as_mnist((255 * ink).astype(np.uint8)) == 255
    found = [crop for crop in at(box, find_crops(gray(paper, noise=1))) if alike(crop, ink) > 0.95]
    assert max(np.mean(crop.image[core]) for crop in found) > 225


@pytest.mark.parametrize("value", range(10))
@pytest.mark.parametrize("thickness", [4, 12, THICK])
def test_a_digit_in_even_ink_is_offered_once(value: int, thickness: int) -> None:
    paper = blank()
    box = write(paper, digit(value, 150, thickness), 230, 140)
    assert len(at(box, find_crops(gray(paper, noise=1)))) == 1


@pytest.mark.parametrize(("gap", "offered"), [(10, True), (200, False)])
def test_what_a_faint_bridge_joins_is_offered_whole_unless_too_wide(gap: int, offered: bool) -> None:
    ink = np.zeros(FRAME, np.uint8)
    ink[100:200, 50:90] = ink[100:200, 90 + gap : 130 + gap] = 200
    ink[145:155, 90 : 90 + gap] = 40
    strokes = strokes_of(ink, *components(ink))
    assert [one.box[2:] for one in strokes if not one.fell_apart] == [(40, 100), (40, 100)]
    assert [one.box for one in strokes if one.fell_apart] == [(50, 100, 80 + gap, 100)] * offered


def some(x: int, y: int, width: int, height: int, fell_apart: bool = False) -> Stroke:
    return Stroke((x, y, width, height), np.full((height, width), 255, np.uint8), 150.0, fell_apart)


def test_what_fell_apart_is_a_row_by_itself_and_changes_no_other() -> None:
    pieces = [some(100, 100, 60, 60), some(100, 180, 60, 70), some(200, 100, 80, 150)]
    whole = some(100, 100, 60, 150, fell_apart=True)
    before, after = find_rows(pieces, FRAME), find_rows([whole, *pieces], FRAME)
    assert after[:-1] == before and after[-1].strokes == (whole,)
    assert [one.strokes for one in hypotheses(after[-1])] == [(whole,)]


@pytest.mark.parametrize(("x", "y"), [(0, 100), (100, 0), (560, 100), (100, 330)])
def test_what_leaves_the_frame_was_no_digit(x: int, y: int) -> None:
    assert find_rows([some(x, y, 80, 150, fell_apart=True)], FRAME) == []


def test_a_crop_of_what_fell_apart_joins_strokes() -> None:
    paper = blank()
    ink = digit(2, 200, THICK)
    write(paper, paler(ink, 0.2, 80), 230, 140, tone=20)
    found = at(write(blank(), ink, 230, 140), find_crops(gray(paper, noise=1)))
    assert found and not any(crop.is_whole for crop in found)


def test_a_strokes_ink_is_its_own_though_it_is_joined_with_much_that_is_fainter() -> None:
    """As with the folds of a crumpled paper."""
    ink = np.zeros((480, 640), np.uint8)
    ink[300:470, 100:600] = 60
    ink[240:310, 298:302] = 20
    eight = (210 * digit(8)).astype(np.uint8)
    there = ink[140 : 140 + eight.shape[0], 270 : 270 + eight.shape[1]]
    np.maximum(there, eight, out=there)
    strokes = [one for one in strokes_of(ink, *components(above(ink, 14))) if not one.fell_apart]
    fold, written = sorted(strokes, key=lambda stroke: stroke.peak)
    assert fold.peak == pytest.approx(60, abs=2)
    assert written.peak == pytest.approx(210, abs=2)
    assert overlap(written.box, (270, 140, *eight.shape[::-1])) > 0.9


def page_of_pieces(height: int, taller: int | None = None) -> list[Stroke]:
    """The strokes of a page of a hundred pieces that are so tall, with another one that may be taller."""
    ink = np.zeros((480, 640), np.uint8)
    for row, column in np.ndindex(10, 10):
        ink[20 + 40 * row : 20 + 40 * row + height, 20 + 60 * column : 28 + 60 * column] = 200
    if taller is not None:
        ink[200 : 200 + taller, 310:316] = 200
    return strokes_of(ink, *components(above(ink, 14)))


def test_of_more_pieces_than_there_is_time_for_all_that_are_as_tall_only_count() -> None:
    assert all(one.one_of_many for one in page_of_pieces(24))
    assert [one.one_of_many for one in page_of_pieces(24, 26) if one.height == 26] == [True]
    assert [one.one_of_many for one in page_of_pieces(24, 36) if one.height == 36] == [False]


def test_what_is_as_tall_as_much_that_there_is_no_time_for_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "_MOST", 4)
    paper = blank()
    for place in range(6):
        write(paper, digit(2, 60), 40 + 90 * place, 60, tone=20)
    write(paper, digit(5, 160), 240, 240, tone=20)
    judged = {crop.box[3] > 100: not crop.left_out for crop in find_crops(gray(paper)) if crop.dark}
    assert judged == {True: True, False: False}


def on_mottled_cloth(size: int) -> NDArray[np.uint8]:
    """Forty pieces of so many pixels that a cloth's own faint ink joins."""
    ink = np.zeros(FRAME, np.uint8)
    ink[100:280, 180:420] = 60
    for row, column in np.ndindex(4, 10):
        ink[200 + 20 * row : 200 + 20 * row + size, 180 + 24 * column : 180 + 24 * column + size] = 200
    return ink


def test_digits_are_told_from_the_specks_that_a_cloth_joins_them_with() -> None:
    ink = on_mottled_cloth(4)
    boxes = []
    for value, left in ((0, 200), (8, 300)):
        own = (200 * digit(value, 90, 20)).astype(np.uint8)
        height, width = own.shape
        boxes.append((left, 102, width, height))
        ink[102 : 102 + height, left : left + width] = np.maximum(60, own)
    found = sorted(one.box for one in strokes_of(ink, *components(above(ink, 30))) if not one.fell_apart)
    assert len(found) == len(boxes)
    assert all(overlap(*pair) > 0.9 for pair in zip(boxes, found, strict=True))


def test_nothing_of_a_grid_is_a_stroke() -> None:
    ink = on_mottled_cloth(14)
    assert not [one for one in strokes_of(ink, *components(above(ink, 30))) if not one.fell_apart]
