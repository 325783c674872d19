"""Sheets: what is written on one is told from all else that a frame shows."""

import cv2
import numpy as np
import pytest
from handwritten import Ink, blank, digit, gray, overlap, write

from appliance.vision import find_crops_on_sheets
from appliance.vision.sheets import _share_on, find_sheets
from appliance.vision.strokes import find_strokes


def crowd(seed: int = 0, count: int = 60) -> Ink:
    """A wall with many dark and light things on it."""
    rng = np.random.default_rng(seed)
    wall = blank(tone=120)
    for _ in range(count):
        middle, size = rng.integers(0, (640, 480)), int(rng.integers(8, 40))
        angle, tone = float(rng.uniform(0, 180)), float(rng.choice([30, 60, 190, 240]))
        cv2.ellipse(wall, middle.tolist(), (size, size // 2), angle, 0, 360, tone, int(rng.choice([3, -1])))
    return wall


def hold(wall: Ink, turn: float = 5, fingers: bool = False) -> None:
    """Puts a sheet of 340x240 pixels before a wall."""
    corners = cv2.boxPoints(((320, 240), (340, 240), turn))
    cv2.fillPoly(wall, [np.rint(corners).astype(np.int32)], 225)
    if fingers:
        cv2.line(wall, (180, 250), (-20, 300), 140, 34)
        cv2.line(wall, (460, 250), (660, 300), 140, 34)


@pytest.mark.parametrize(
    ("turn", "fingers"), [(-20, False), (0, False), (30, False), (-5, True), (0, True), (5, True)]
)
def test_a_sheet_is_found_whole(turn: float, fingers: bool) -> None:
    wall, only = crowd(), blank(tone=0)
    for page in (wall, only):
        hold(page, turn, fingers and page is wall)
    write(wall, digit(5), 290, 180)
    small = cv2.resize(gray(wall, noise=2), (160, 120), interpolation=cv2.INTER_AREA)
    found = cv2.resize(find_sheets(small), (640, 480), interpolation=cv2.INTER_NEAREST) > 0
    assert np.mean(found[only > 0]) > 0.88
    assert np.mean(found[only == 0]) < 0.02


@pytest.mark.parametrize("noise", [2, 12, 20])
def test_a_sheet_is_found_however_noisy_the_camera_is(noise: float) -> None:
    wall = crowd(count=200)
    hold(wall)
    box = write(wall, digit(5), 290, 180)
    frame = cv2.resize(gray(wall), (320, 240), interpolation=cv2.INTER_AREA).astype(np.float32)
    crops = find_crops_on_sheets(gray(frame, noise))
    assert max(overlap([2 * side for side in crop.box], box) for crop in crops) > 0.85


SHADOWS = {
    "an edge": [(300, -10), (-10, -10), (-10, 490), (380, 490)],
    "a corner": [(650, 120), (260, 300), (650, 330)],
    "a stripe": [(200, -10), (290, -10), (480, 490), (390, 490)],
}


@pytest.mark.parametrize("shadow", SHADOWS)
@pytest.mark.parametrize("turn", [-8, 0, 5])
def test_a_sheet_that_the_edge_of_a_shadow_divides_is_found_whole(shadow: str, turn: float) -> None:
    wall, only = crowd(count=200), blank(tone=0)
    for page in (wall, only):
        hold(page, turn)
    box = write(wall, digit(3), 310, 180)
    wall *= 1 - 0.4 * cv2.fillPoly(np.zeros_like(wall), [np.array(SHADOWS[shadow])], 1.0)
    frame = gray(wall, noise=2)
    small = cv2.resize(frame, (160, 120), interpolation=cv2.INTER_AREA)
    found = cv2.resize(find_sheets(small), (640, 480), interpolation=cv2.INTER_NEAREST) > 0
    assert np.mean(found[only > 0]) > 0.88
    assert np.mean(found[only == 0]) < 0.02
    assert max(overlap(crop.box, box) for crop in find_crops_on_sheets(frame)) > 0.85


@pytest.mark.parametrize("passage", [14, 22, 30])
def test_a_sheet_that_seems_to_go_on_to_something_as_light_is_found_as_it_is(passage: int) -> None:
    wall, only = crowd(count=200), blank(tone=0)
    cv2.circle(wall, (575, 250), 62, 225, -1)
    cv2.line(wall, (480, 250), (575, 250), 225, passage)
    for page in (wall, only):
        hold(page)
    write(wall, digit(5), 290, 180)
    small = cv2.resize(gray(wall, noise=2), (160, 120), interpolation=cv2.INTER_AREA)
    found = cv2.resize(find_sheets(small), (640, 480), interpolation=cv2.INTER_NEAREST) > 0
    assert np.mean(found[only > 0]) > 0.88
    assert np.mean(found[only == 0]) < 0.02


def test_of_what_may_be_a_sheet_the_most_rectangular_is_one() -> None:
    wall, only = crowd(count=200), blank(tone=0)
    for page in (wall, only):
        hold(page)
    wall[200:300, 330:430] = 200
    box = write(wall, digit(5), 230, 180)
    crops = find_crops_on_sheets(gray(wall, noise=2))
    assert any(overlap(crop.box, box) > 0.85 for crop in crops)


@pytest.mark.parametrize("corners", [4, 9])
def test_a_small_sheet_is_told_by_its_four_corners(corners: int) -> None:
    wall = crowd(count=200)
    around = np.arange(corners) / corners * 2 * np.pi + np.pi / 4
    outline = np.stack([320 + 100 * np.cos(around), 240 + 80 * np.sin(around)], axis=1)
    cv2.fillPoly(wall, [np.rint(outline).astype(np.int32)], 225)
    box = write(wall, digit(3, 60, 6), 300, 200)
    crops = find_crops_on_sheets(gray(wall, noise=2))
    assert any(overlap(crop.box, box) > 0.85 for crop in crops) == (corners == 4)


@pytest.mark.parametrize("value", range(10))
@pytest.mark.parametrize("seed", range(3))
def test_only_what_is_written_on_a_sheet_is_a_crop(value: int, seed: int) -> None:
    wall = crowd(seed)
    hold(wall)
    box = write(wall, digit(value), 290, 180)
    frame = gray(wall, noise=2)
    assert sum(map(len, find_strokes(frame))) > 40
    crops = find_crops_on_sheets(frame)
    assert max(overlap(crop.box, box) for crop in crops) > 0.85
    assert all(crop.box[0] >= 150 and crop.box[0] + crop.box[2] <= 490 for crop in crops)


@pytest.mark.parametrize("pitch", [24, 40])
def test_a_squared_sheet_is_found_as_well(pitch: int) -> None:
    wall, squares = crowd(), blank(tone=225)
    squares[::pitch] = squares[:, ::pitch] = 150
    only = cv2.fillPoly(blank(tone=0), [cv2.boxPoints(((320, 240), (340, 240), 0)).astype(np.int32)], 1.0)
    wall = wall * (1 - only) + squares * only
    box = write(wall, digit(5), 290, 180)
    crops = find_crops_on_sheets(gray(wall, noise=2))
    assert max(overlap(crop.box, box) for crop in crops) > 0.85


def texture() -> Ink:
    coarse = np.random.default_rng(0).normal(120, 40, (160, 213)).astype(np.float32)
    return cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)


def test_a_sheet_is_found_before_a_texture_that_hides_all_strokes() -> None:
    wall = texture()
    hold(wall)
    box = write(wall, digit(3), 290, 180)
    assert overlap(find_crops_on_sheets(gray(wall))[0].box, box) > 0.85


@pytest.mark.parametrize("right", [560, 600, 635])
def test_a_sheet_near_the_edge_of_the_frame_is_found_as_it_is(right: int) -> None:
    wall, only = texture(), blank(tone=0)
    corners = np.array([(60, 45), (right - 15, 30), (right, 400), (80, 420)], np.int32)
    for page, tone in ((wall, 225), (only, 1)):
        cv2.fillPoly(page, [corners], tone)
    write(wall, digit(3), 290, 180)
    small = cv2.resize(gray(wall), (160, 120), interpolation=cv2.INTER_AREA)
    found = cv2.resize(find_sheets(small), (640, 480), interpolation=cv2.INTER_NEAREST) > 0
    assert np.mean(found[only > 0]) > 0.9
    assert np.mean(found[only == 0]) < 0.03


def test_an_uneven_sheet_is_found_by_being_lighter_than_all_about_it() -> None:
    """The stripes of a blind lie across it, so little of it is even."""
    wall, only = texture() / 2, blank(tone=0)
    hold(only)
    stripes = 190 - 20 * (np.arange(640) % 40 < 20)
    wall = wall + only / 225 * (stripes - wall)
    box = write(wall, digit(3), 290, 180)
    assert any(overlap(crop.box, box) > 0.85 for crop in find_crops_on_sheets(gray(wall)))


def on_sheets(paper: Ink) -> int:
    return len(find_crops_on_sheets(gray(paper)))


def test_nothing_is_on_an_empty_sheet() -> None:
    wall = crowd()
    hold(wall)
    assert on_sheets(wall) == 0


def test_a_page_that_fills_the_frame_is_no_sheet() -> None:
    paper = blank()
    for place in range(24):
        write(paper, digit(place % 10, 60, 7), 20 + 100 * (place % 6), 20 + 110 * (place // 6))
    assert on_sheets(paper) == 0


def test_a_sheet_with_little_beside_it_needs_no_second_look() -> None:
    paper = blank(tone=120)
    hold(paper)
    write(paper, digit(3), 290, 180)
    assert on_sheets(paper) == 0


def test_what_lies_at_the_edge_of_a_frame_that_is_no_whole_number_of_cells_wide_lies_on_its_sheet() -> None:
    assert _share_on((1200, 10, 4, 30), np.ones((120, 120), np.uint8), (1200, 1205)) == 1
