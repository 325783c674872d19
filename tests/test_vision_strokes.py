"""Strokes: the connected pieces of ink, and not shadows, lines, specks or the paper between them."""

import cv2
import numpy as np
import pytest
from handwritten import Ink, blank, digit, gray, overlap, write

from appliance.vision.stroke import Stroke
from appliance.vision.strokes import find_strokes


def dark(paper: Ink, noise: float = 0) -> list[Stroke]:
    return find_strokes(gray(paper, noise))[0]


def light(paper: Ink) -> list[Stroke]:
    return find_strokes(gray(paper))[1]


def only(strokes: list[Stroke]) -> Stroke:
    assert len(strokes) == 1, [stroke.box for stroke in strokes]
    return strokes[0]


@pytest.mark.parametrize("value", range(10))
def test_a_digit_drawn_in_one_go_is_one_stroke_in_its_place(value: int) -> None:
    paper = blank()
    box = write(paper, digit(value), 250, 150)
    stroke = only(dark(paper))
    assert np.allclose(stroke.box, box, atol=2)
    assert stroke.ink.shape == (stroke.height, stroke.width) and stroke.ink.dtype == np.uint8


def test_the_ink_of_a_stroke_is_full_in_its_middle_and_nothing_where_paper_is() -> None:
    paper = blank()
    ink = digit(0)
    write(paper, ink, 250, 150)
    stroke = only(dark(paper))
    drawn = ink[stroke.top - 150 : stroke.bottom - 150, stroke.left - 250 : stroke.right - 250]
    assert (stroke.ink[drawn > 0.99] == 255).all()
    assert (stroke.ink[cv2.dilate(drawn, np.ones((5, 5))) == 0] == 0).all()


def test_its_sides_follow_from_its_box() -> None:
    stroke = Stroke((3, 4, 10, 20), np.zeros((20, 10), np.uint8), 100)
    assert (stroke.left, stroke.top, stroke.width, stroke.height) == (3, 4, 10, 20)
    assert (stroke.right, stroke.bottom) == (13, 24)


@pytest.mark.parametrize("tone", [20, 100, 170])
@pytest.mark.parametrize("thickness", [3, 8, 20])
def test_thin_and_pale_pens_are_seen_as_well(tone: int, thickness: int) -> None:
    paper = blank()
    box = write(paper, digit(2, 120, thickness), 250, 150, tone)
    assert overlap(only(dark(paper, noise=2)).box, box) > 0.9


def test_chalk_is_light_and_pen_is_dark() -> None:
    board = blank(tone=50)
    box = write(board, digit(4), 250, 150, tone=210)
    assert overlap(only(light(board)).box, box) > 0.9
    paper = blank()
    write(paper, digit(4), 250, 150)
    between = dark(board) + light(paper)  # what is left of the paper in the corners of the 4
    assert [stroke.box for stroke in between if stroke.height > 0.2 * box[3]] == []


@pytest.mark.parametrize("value", [2, 5, 8])
def test_chalk_stands_out_from_the_smears_of_a_sponge(value: int) -> None:
    rng = np.random.default_rng(1)
    smears = cv2.resize(rng.normal(0, 1, (60, 3)), (640, 480), interpolation=cv2.INTER_CUBIC)
    board = (25 + 45 * np.abs(smears)).astype(np.float32)
    box = write(board, digit(value, 160, 14), 250, 150, tone=235)
    assert max(overlap(stroke.box, box) for stroke in light(board)) > 0.8


@pytest.mark.parametrize("value", [2, 5])
def test_chalk_is_a_stroke_though_the_board_is_mottled_with_dust(value: int) -> None:
    dust = np.random.default_rng(value).normal(0, 1, (80, 107)).astype(np.float32)
    board = 60 + 12 * cv2.resize(dust, (640, 480), interpolation=cv2.INTER_CUBIC)
    box = write(board, digit(value), 250, 150, tone=190)
    assert any(overlap(stroke.box, box) > 0.9 for stroke in light(board))


@pytest.mark.parametrize("margin", [15, 40, 90])
@pytest.mark.parametrize("value", [1, 4, 9])
def test_what_is_light_on_a_dark_label_or_screen_is_a_stroke(value: int, margin: int) -> None:
    paper = blank()
    ink = digit(value)
    label = paper[150 - margin : 150 + ink.shape[0] + margin, 250 - margin : 250 + ink.shape[1] + margin]
    label[:] = 40
    box = write(paper, ink, 250, 150, tone=220)
    assert overlap(max(light(paper), key=lambda stroke: stroke.height).box, box) > 0.8


def test_the_hole_of_a_zero_is_no_stroke() -> None:
    paper = blank()
    write(paper, digit(0, 150, 30), 250, 150)
    assert light(paper) == []


def test_the_bright_rim_that_sharpening_leaves_around_ink_is_no_stroke() -> None:
    paper = blank(tone=150)
    write(paper, digit(1), 300, 180)
    sharpened = paper + (paper - cv2.GaussianBlur(paper, (0, 0), 2))
    assert sharpened.max() > 1.1 * paper.max()
    assert only(dark(sharpened))
    assert light(sharpened) == []


def test_digits_apart_are_strokes_apart() -> None:
    paper = blank()
    boxes = [write(paper, digit(value), x, 150) for value, x in ((4, 100), (0, 240), (2, 400))]
    found = sorted(stroke.box for stroke in dark(paper))
    assert [round(overlap(one, other)) for one, other in zip(found, boxes, strict=True)] == [1, 1, 1]


def test_a_faint_line_that_touches_a_digit_falls_away() -> None:
    paper = blank()
    paper[200:202, 100:500] = 190  # fainter by far than the pen
    box = write(paper, digit(3), 250, 150)
    assert any(overlap(stroke.box, box) > 0.85 for stroke in dark(paper))


@pytest.mark.parametrize(("pieces", "seen"), [(23, 23), (24, 0)])
def test_what_falls_apart_into_very_many_pieces_is_a_grid(pieces: int, seen: int) -> None:
    paper = blank()
    paper[239:241, 100:430] = 190  # a faint line, on which they hang
    for place in range(pieces):
        paper[225:255, 102 + 14 * place : 106 + 14 * place] = 40
    assert len(dark(paper)) == seen


@pytest.mark.parametrize("noise", [0, 3, 10])
def test_nothing_is_seen_on_blank_paper(noise: float) -> None:
    assert find_strokes(gray(blank(), noise)) == ([], [])


def test_specks_are_dropped() -> None:
    paper = blank()
    rng = np.random.default_rng(0)
    for y, x in rng.integers(10, 470, (40, 2)):
        paper[y : y + 2, x : x + 2] = 40
    assert dark(paper) == []


@pytest.mark.parametrize("depth", [0.35, 0.5, 0.7])
@pytest.mark.parametrize("slope", [0.0, 0.7])
def test_no_stroke_runs_along_the_edge_of_a_shadow(depth: float, slope: float) -> None:
    rows, columns = np.mgrid[:480, :640]
    shade = np.where(columns + slope * rows > 420, 1 - depth, 1).astype(np.float32)
    assert find_strokes(gray(blank() * shade)) == ([], [])
    paper = blank()
    box = write(paper, digit(3), 290 if slope else 380, 150)
    stroke = only(dark(paper * shade))
    assert overlap(stroke.box, box) > 0.9


@pytest.mark.parametrize("value", [2, 5, 6])
@pytest.mark.parametrize("edge", [0.1, 6])
def test_a_digit_that_a_pens_shadow_lies_across_is_a_stroke(value: int, edge: float) -> None:
    rows, columns = np.mgrid[:480, :640]
    shade = (np.abs(columns + 0.3 * rows - 340) < 14).astype(np.float32)
    paper = blank()
    box = write(paper, digit(value), 250, 150)
    shaded = paper * (1 - 0.45 * cv2.GaussianBlur(shade, (0, 0), edge))
    assert overlap(only(dark(paper)).box, box) > 0.9
    assert [stroke for stroke in dark(shaded, noise=1) if overlap(stroke.box, box) > 0.85]


@pytest.mark.parametrize("value", [2, 4, 5, 6])
def test_a_shadow_right_across_the_frame_is_no_stroke_and_the_digit_in_it_is_one(value: int) -> None:
    rows, columns = np.mgrid[:480, :640]
    shade = (np.abs(columns + 0.3 * rows - 360) < 45).astype(np.float32)
    paper = blank()
    box = write(paper, digit(value), 250, 150)
    stroke = only(dark(paper * (1 - 0.5 * shade), noise=1))
    assert overlap(stroke.box, box) > 0.9


@pytest.mark.parametrize("value", [2, 6, 8])
def test_a_digit_is_a_stroke_though_it_is_nearly_dark(value: int) -> None:
    paper = blank()
    box = write(paper, digit(value), 250, 150, tone=70)
    found = [stroke for stroke in dark(paper * 0.1, noise=12) if stroke.height > 20]
    assert overlap(only(found).box, box) > 0.85


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("strength", [0.15, 0.35])
def test_a_digit_on_lined_paper_is_a_stroke_without_the_lines(down: bool, strength: float) -> None:
    paper = blank()
    paper[20::40] *= 1 - strength
    if down:
        paper[:, 20::40] *= 1 - strength
    box = write(paper, digit(3), 250, 150)
    assert [stroke for stroke in dark(paper, noise=1) if overlap(stroke.box, box) > 0.85]


@pytest.mark.parametrize("tone", [110, 150])
@pytest.mark.parametrize("value", [0, 3, 8])
def test_what_a_thick_pen_wrote_on_squared_paper_is_a_stroke_without_holes(value: int, tone: float) -> None:
    paper, bare = blank(), blank(tone=0)
    paper[20::40] *= 0.65
    paper[:, 20::40] *= 0.65
    box = write(paper, digit(value, 160, 28), 250, 150, tone)
    write(bare, digit(value, 160, 28), 250, 150, tone=1)
    stroke = max(dark(paper, noise=1), key=lambda one: overlap(one.box, box))
    written = bare[stroke.top : stroke.bottom, stroke.left : stroke.right] > 0.9
    assert np.mean(stroke.ink[written] > 127) > 0.95


@pytest.mark.parametrize("height", [200, 300, 440])
@pytest.mark.parametrize("pen", [8, 20, 40])
def test_a_straight_one_is_no_line_however_large(height: int, pen: int) -> None:
    paper = blank()
    box = write(paper, digit(1, height, pen), 200, 20)
    assert [stroke for stroke in dark(paper) if overlap(stroke.box, box) > 0.9]


@pytest.mark.parametrize("width", [240, 480])
def test_the_printed_sides_of_cells_are_no_strokes_but_the_digits_in_them_are(width: int) -> None:
    paper = blank()
    cv2.rectangle(paper, (60, 200), (60 + width, 280), 90, 4)
    for x in range(140, 60 + width, 80):
        cv2.line(paper, (x, 200), (x, 280), 120, 2)
    for x in range(80, 60 + width, 80):
        cv2.line(paper, (x + 18, 215), (x + 22, 265), 60, 6)
    cells = [s for s in dark(paper) if s.width < 40]
    assert [s.left // 80 for s in sorted(cells, key=lambda s: s.left)] == list(range(1, 1 + width // 80))
    assert all(s.top > 205 and s.bottom < 275 for s in cells)


@pytest.mark.parametrize("pitch", [16, 24])
@pytest.mark.parametrize("value", range(10))
def test_on_a_squared_card_that_lies_on_a_table_a_digit_is_a_stroke(value: int, pitch: int) -> None:
    table = blank(tone=110)
    table[150:320, 240:410] = 215
    for at in range(8, 170, pitch):
        table[150 + at : 152 + at, 240:410] = table[150:320, 240 + at : 242 + at] = 150
    box = write(table, digit(value, 90, 10), 300, 190)
    assert max(overlap(stroke.box, box) for stroke in dark(cv2.GaussianBlur(table, (0, 0), 0.8), 1)) > 0.8


def test_a_digit_on_a_sheet_on_a_table_is_seen() -> None:
    paper = blank(tone=90)
    paper[60:440, 120:560] = 225
    box = write(paper, digit(8), 300, 180)
    assert [stroke for stroke in dark(paper) if overlap(stroke.box, box) > 0.9]


def test_crowded_frames_are_bounded() -> None:
    frame = np.full((480, 640), 230, np.uint8)
    frame[::8, ::8] = 0
    cv2.dilate(cv2.bitwise_not(frame), np.ones((5, 5), np.uint8), dst=frame)
    assert len(find_strokes(cv2.bitwise_not(frame))[0]) < 200


@pytest.mark.parametrize("value", [2, 4, 5, 6])
@pytest.mark.parametrize("slope", [-1.5, 0.3, 4.0])
@pytest.mark.parametrize("wide", [8, 30])
def test_a_shadow_as_dark_as_the_pen_is_no_stroke_and_the_digit_in_it_is_one(
    value: int, slope: float, wide: int
) -> None:
    rows, columns = np.mgrid[:480, :640]
    shade = np.abs(columns - 290 + slope * (rows - 200)) < wide * np.hypot(1, slope)
    paper = blank()
    box = write(paper, digit(value), 250, 150, tone=100)
    stroke = only(dark(paper * (1 - 0.5 * shade), noise=1))
    assert overlap(stroke.box, box) > 0.9


@pytest.mark.parametrize("value", [2, 5, 8])
def test_chalk_stands_out_from_a_dark_board_that_is_covered_with_dust(value: int) -> None:
    rng = np.random.default_rng(3)
    clouds, grains = (cv2.GaussianBlur(rng.normal(0, size, (480, 640)), (0, 0), size) for size in (25, 3))
    board = (40 + 20 * np.abs(clouds) + 30 * grains).astype(np.float32)
    box = write(board, digit(value, 160, 14), 250, 150, 150)
    _, light = find_strokes(gray(board, noise=6))
    assert max(overlap(stroke.box, box) for stroke in light) > 0.8


@pytest.mark.parametrize("value", [2, 5, 8])
def test_chalk_stands_out_from_dust_that_lies_evenly_and_shines(value: int) -> None:
    grains = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 3, (480, 640)), (0, 0), 3)
    board = (50 + 60 * grains).astype(np.float32)
    box = write(board, digit(value, 160, 14), 250, 150, 180)
    _, light = find_strokes(gray(board, noise=6))
    assert max(overlap(stroke.box, box) for stroke in light) > 0.8
