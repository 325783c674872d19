"""From a frame to crops: digits are found whole under any light, and no frame is too odd."""

from collections.abc import Callable
from itertools import cycle, product

import cv2
import numpy as np
import pytest
from handwritten import Gray, Ink, blank, digit, gray, mark, overlap, write, write_touching
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance import vision
from appliance.vision import Crop, find_crops, find_crops_on_sheets, take_apart
from appliance.vision.budget import MOST_CROPS
from training.pens import DIGITS, draw

WAYS = [(value, way) for value, ways in DIGITS.items() for way in range(len(ways))]


def best(crops: list[Crop], box: tuple[int, int, int, int]) -> Crop:
    """The crop that fits a box best."""
    return max(crops, key=lambda crop: overlap(crop.box, box))


def whole(crops: list[Crop]) -> list[Crop]:
    return [crop for crop in crops if crop.stroke_count > 0]


# --- no frame is too odd ---


def constant(rng: np.random.Generator, height: int, width: int) -> Gray:
    return np.full((height, width), rng.integers(256), np.uint8)


def noise(rng: np.random.Generator, height: int, width: int) -> Gray:
    return rng.integers(0, 256, (height, width), np.uint8)


def blocks(rng: np.random.Generator, height: int, width: int) -> Gray:
    coarse = rng.integers(0, 256, tuple(rng.integers(1, 9, 2)), np.uint8)
    way = int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    return cv2.resize(coarse, (width, height), interpolation=way)


def scribbles(rng: np.random.Generator, height: int, width: int) -> Gray:
    page = constant(rng, height, width)
    for _ in range(int(rng.integers(1, 30))):
        ends = rng.integers(-50, 700, (2, 2)).tolist()
        cv2.line(page, *ends, int(rng.integers(256)), int(rng.integers(1, 20)))
    return page


def dots(rng: np.random.Generator, height: int, width: int) -> Gray:
    page = np.full((height, width), 255, np.uint8)
    page[:: int(rng.integers(1, 30)), :: int(rng.integers(1, 30))] = 0
    return page if rng.random() < 0.5 else cv2.bitwise_not(page)


def numbers(rng: np.random.Generator, height: int, width: int) -> Gray:
    page = constant(rng, height, width)
    for _ in range(int(rng.integers(1, 10))):
        at = int(rng.integers(width)), int(rng.integers(height))
        text, size, pen = str(rng.integers(1000)), float(rng.uniform(0.3, 8)), int(rng.integers(1, 30))
        cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, int(rng.integers(256)), pen)
    return page


def as_stored_by_columns(frame: Gray) -> Gray:
    return np.asfortranarray(frame)


def upside_down(frame: Gray) -> Gray:
    return frame[::-1, ::-1]


def on_its_side(frame: Gray) -> Gray:
    return frame.T


def every_other_pixel(frame: Gray) -> Gray:
    return np.repeat(np.repeat(frame, 2, axis=0), 3, axis=1)[::2, ::3]


def rows_with_padding(frame: Gray) -> Gray:
    padded = np.full((frame.shape[0] + 2, frame.shape[1] + 37), 99, np.uint8)
    padded[1:-1, :-37] = frame
    return padded[1:-1, :-37]


def read_only(frame: Gray) -> Gray:
    frame = frame.copy()
    frame.setflags(write=False)
    return frame


CONTENTS = [constant, noise, blocks, scribbles, dots, numbers]
VIEWS: list[Callable[[Gray], Gray]] = [
    np.ascontiguousarray,
    as_stored_by_columns,
    upside_down,
    on_its_side,
    every_other_pixel,
    rows_with_padding,
    read_only,
]
LENGTHS = st.one_of(st.integers(1, 12), st.integers(1, 150))


def is_sound(frame: Gray) -> None:
    for find in (find_crops, find_crops_on_sheets):
        finds_soundly(find, frame)


def finds_soundly(find: Callable[[Gray], list[Crop]], frame: Gray) -> None:
    before = frame.copy()
    crops = find(frame)
    assert np.array_equal(frame, before)
    parts = [part for crop in crops if crop.stroke_count == 1 for part in take_apart(crop)]
    for crop in crops + parts:
        x, y, width, height = crop.box
        assert x >= 0 and y >= 0 and width > 0 and height > 0
        assert x + width <= frame.shape[1] and y + height <= frame.shape[0]
        assert crop.image.shape == (28, 28) and crop.image.dtype == np.uint8
        assert 0 <= crop.first < crop.past and crop.stroke_count >= 0
        assert all(type(number) is int for number in (*crop.box, crop.row))
    order = [(not crop.dark, crop.row) for crop in crops]
    assert order == sorted(order), "dark ones first, row by row"
    places = [(crop.row, crop.first, crop.past) for crop in crops + parts]
    assert len(set(places)) == len(places)


@given(LENGTHS, LENGTHS, st.sampled_from(CONTENTS), st.sampled_from(VIEWS), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_no_small_frame_is_too_odd(height: int, width: int, content, view, seed: int) -> None:
    is_sound(view(content(np.random.default_rng(seed), height, width)))


@given(
    st.integers(1, 700),
    st.integers(1, 500),
    st.sampled_from(CONTENTS),
    st.sampled_from(VIEWS),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_no_frame_is_too_odd(width: int, height: int, content, view, seed: int) -> None:
    is_sound(view(content(np.random.default_rng(seed), height, width)))


@given(st.integers(1, 700), st.booleans(), st.binary(min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_no_single_line_of_pixels_is_too_odd(length: int, upright: bool, pixels: bytes) -> None:
    line = np.resize(np.frombuffer(pixels, np.uint8), (1, length))
    is_sound(line.T if upright else line)


@given(st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
def test_no_handful_of_pixels_is_too_odd(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    pixels = data.draw(st.binary(min_size=height * width, max_size=height * width))
    is_sound(np.frombuffer(pixels, np.uint8).reshape(height, width))


@pytest.mark.parametrize("view", VIEWS)
def test_how_a_frame_lies_in_memory_makes_no_difference(view: Callable[[Gray], Gray]) -> None:
    paper = blank()
    write(paper, digit(4), 250, 150)
    seen = view(gray(paper, noise=3))
    plain, other = find_crops(np.ascontiguousarray(seen)), find_crops(seen)
    assert [crop.box for crop in plain] == [crop.box for crop in other] != []
    assert all(np.array_equal(a.image, b.image) for a, b in zip(plain, other, strict=True))


# --- what is found ---


@pytest.mark.parametrize(("value", "way"), WAYS)
def test_every_digit_as_anyone_writes_it_is_found_whole(value: int, way: int) -> None:
    paper = blank()
    box = write(paper, digit(value, way=way), 260, 170)
    found = best(whole(find_crops(gray(paper, noise=2))), box)
    assert np.allclose(found.box, box, atol=3)


@pytest.mark.parametrize("height", [18, 30, 60, 120, 240, 440])
def test_small_and_large_digits_are_found_and_fitted_as_mnist_was(height: int) -> None:
    for value in (0, 2, 5, 8):
        paper = blank()
        box = write(paper, digit(value, height, max(2.0, 0.08 * height)), 100, 20)
        found = best(find_crops(gray(paper, noise=1)), box)
        assert overlap(found.box, box) > 0.75
        rows, columns = np.nonzero(found.image)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert found.image.max() == 255 and found.image[0].max() == found.image[:, 0].max() == 0
        for lines in (found.image.sum(axis=1), found.image.sum(axis=0)):
            assert abs(np.average(np.arange(28), weights=lines) - 14) <= 0.5


@pytest.mark.parametrize("shape", [(60, 80), (120, 160), (480, 640), (972, 1296)])
def test_frames_of_any_size_show_the_same_digit_in_the_same_place(shape: tuple[int, int]) -> None:
    paper = blank()
    box = np.array(write(paper, digit(6, 240, 24), 250, 100))
    scale = shape[0] / 480
    frame = cv2.resize(gray(paper), shape[::-1], interpolation=cv2.INTER_AREA)
    found = best(find_crops(frame), tuple(box * scale))
    assert overlap(found.box, box * scale) > 0.85


def test_a_crop_is_drawn_once_and_not_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Gray] = []
    as_mnist = vision.crops.as_mnist
    monkeypatch.setattr(vision.crops, "as_mnist", lambda *of: (drawn.append(of[0]), as_mnist(*of))[1])
    paper = blank()
    box = write(paper, digit(3), 250, 150)
    found = best(find_crops(gray(paper)), box)
    assert not drawn
    assert found.image is found.image and len(drawn) == 1


@given(st.integers(0, 9), st.integers(5, 460), st.integers(5, 330), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_where_a_digit_stands_makes_no_difference_to_its_crop(value: int, x: int, y: int, seed: int) -> None:
    ink = digit(value, seed=seed)
    middle, moved = blank(), blank()
    write(middle, ink, 250, 150)
    box = write(moved, ink, x, y)
    there = best(find_crops(gray(middle)), (box[0] + 250 - x, box[1] + 150 - y, *box[2:]))
    here = best(find_crops(gray(moved)), box)
    assert np.allclose(here.box, box, atol=3)
    assert np.abs(here.image.astype(int) - there.image).mean() < 6


@pytest.mark.parametrize("value", range(10))
def test_dark_on_light_and_light_on_dark_are_found_alike(value: int) -> None:
    paper = blank(tone=200)
    box = write(paper, digit(value), 250, 150, tone=60)
    pen, chalk = (best(find_crops(frame), box) for frame in (gray(paper), 255 - gray(paper)))
    assert pen.dark and not chalk.dark
    assert np.allclose(pen.box, chalk.box, atol=2)
    near = [cv2.GaussianBlur(one.image, (0, 0), 1.5).ravel() for one in (pen, chalk)]  # to within a pixel
    assert np.corrcoef(*near)[0, 1] > 0.8


@pytest.mark.parametrize("paper_tone", [90, 150, 250])
@pytest.mark.parametrize("contrast", [0.25, 0.5, 0.9])
def test_grey_paper_and_pale_pens_do(paper_tone: int, contrast: float) -> None:
    paper = blank(tone=paper_tone)
    box = write(paper, digit(3), 250, 150, tone=paper_tone * (1 - contrast))
    found = best(whole(find_crops(gray(paper, noise=2))), box)
    assert found.dark and overlap(found.box, box) > 0.9


def with_shadow(paper: Ink, slope: float, depth: float, at: float) -> Ink:
    rows, columns = np.mgrid[: paper.shape[0], : paper.shape[1]]
    return paper * np.where(columns + slope * (rows - 240) > at, 1 - depth, 1).astype(np.float32)


@pytest.mark.parametrize("depth", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("slope", [0.0, 0.3, -0.8])
def test_a_digit_that_crosses_the_hard_edge_of_a_shadow_is_one_crop(slope: float, depth: float) -> None:
    paper = blank()
    box = write(paper, digit(3), 280, 180)
    found = find_crops(gray(with_shadow(paper, slope, depth, 320), noise=1))
    assert overlap(best(whole(found), box).box, box) > 0.9


@pytest.mark.parametrize("depth", [0.3, 0.7])
@pytest.mark.parametrize("slope", [0.0, 0.3, -0.8, 1.5])
@pytest.mark.parametrize("left_is_dark", [False, True])
def test_the_edge_of_a_shadow_alone_is_no_digit(slope: float, depth: float, left_is_dark: bool) -> None:
    frame = gray(with_shadow(blank(), slope, depth, 320))
    assert [crop.box for crop in find_crops(frame[:, ::-1] if left_is_dark else frame)] == []


@pytest.mark.parametrize("soft", [3, 15, 60])
def test_the_soft_edge_of_a_shadow_is_no_digit_either(soft: float) -> None:
    frame = cv2.GaussianBlur(with_shadow(blank(), 0.3, 0.5, 320), (0, 0), soft)
    assert [crop.box for crop in find_crops(gray(frame))] == []


@pytest.mark.parametrize("x", [20, 250, 540])
@pytest.mark.parametrize("darkest", [0.6, 0.3])
def test_a_lamp_at_one_side_does(x: int, darkest: float) -> None:
    paper = blank()
    box = write(paper, digit(5), x, 150)
    frame = gray(paper * np.linspace(1, darkest, 640, dtype=np.float32), noise=1)
    assert overlap(best(whole(find_crops(frame)), box).box, box) > 0.9


@pytest.mark.parametrize("gap", [0.03, 0.1, 0.2])
def test_the_detached_bar_of_a_five_is_offered_together_with_it(gap: float) -> None:
    body = [(0.2, 0.05), (0.15, 0.45), (0.15, 0.45), (0.55, 0.4), (0.9, 0.65), (0.6, 1.0), (0.05, 0.92)]
    bar = [(0.3, -gap), (0.95, -gap - 0.03)]
    paper = blank()
    box = write(paper, draw([np.array(body, np.float32), np.array(bar, np.float32)], 150, 9), 250, 150)
    crops = find_crops(gray(paper, noise=1))
    together = best(crops, box)
    assert overlap(together.box, box) > 0.95
    assert together.stroke_count == (2 if gap > 0.1 else together.stroke_count)
    rows = np.flatnonzero(together.image.max(axis=1))
    assert rows[-1] - rows[0] + 1 == 20


@pytest.mark.parametrize(("one", "other"), [(3, 6), (2, 8), (0, 0), (6, 3)])
def test_touching_digits_are_offered_both_together_and_apart(one: int, other: int) -> None:
    paper = blank()
    left, right = write_touching(paper, digit(one), digit(other), 200, 150)
    crops = find_crops(gray(paper))
    crops += [part for crop in crops for part in take_apart(crop)]
    both = left[0], 151, right[0] + right[2] - left[0], max(left[3], right[3])
    assert overlap(best(crops, both).box, both) > 0.95
    pairs = [(a, b) for a in crops for b in crops if a.row == b.row and a.past == b.first]
    assert max(min(overlap(a.box, left), overlap(b.box, right)) for a, b in pairs) > 0.7


def lined(paper: Ink, down: bool, strength: float, pitch: int = 40) -> Ink:
    paper[pitch // 2 :: pitch] *= 1 - strength
    if down:
        paper[:, pitch // 2 :: pitch] *= 1 - strength
    return paper


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("strength", [0.1, 0.2, 0.35])
def test_the_lines_of_paper_are_not_offered(down: bool, strength: float) -> None:
    frame = gray(lined(blank(), down, strength), noise=2)
    assert [crop.box for crop in find_crops(frame)] == []


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("strength", [0.1, 0.2, 0.35])
def test_a_digit_on_lined_paper_is_offered_without_the_lines(down: bool, strength: float) -> None:
    paper = lined(blank(), down, strength)
    box = write(paper, digit(3), 250, 150, tone=30)
    crops = find_crops(gray(paper, noise=2))
    assert overlap(best(whole(crops), box).box, box) > 0.85


@pytest.mark.parametrize("pitch", [40, 60])
@pytest.mark.parametrize("strength", [0.2, 0.3])
def test_a_one_that_is_written_right_along_a_line_of_the_paper_is_offered(
    strength: float, pitch: int
) -> None:
    paper = blank()
    for thick in range(3):
        lined(paper[thick:, thick:], True, strength, pitch)
    left = pitch // 2 + 6 * pitch - 1
    paper[160:230, left : left + 5] = 30
    box = (left, 160, 5, 70)
    assert overlap(best(whole(find_crops(gray(paper, noise=2))), box).box, box) > 0.6


def test_two_rows_are_given_in_reading_order() -> None:
    paper = blank()
    places = [(9, 60, 80), (4, 200, 90), (7, 340, 75), (3, 80, 300), (2, 220, 290)]
    boxes = [write(paper, digit(value), x, y) for value, x, y in places]
    found = [crop for crop in find_crops(gray(paper, noise=1)) if crop.stroke_count == 1 and crop.dark]
    assert [overlap(crop.box, box) > 0.9 for crop, box in zip(found, boxes, strict=True)] == [True] * 5
    assert [crop.row for crop in found] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("tone", [20, 120, 240])
@pytest.mark.parametrize("level", [0, 4, 12])
def test_a_blank_frame_gives_nothing(tone: int, level: float) -> None:
    assert find_crops(gray(blank(tone=tone), noise=level)) == []


def test_a_page_of_small_print_is_bounded_and_the_large_digit_on_it_still_offered() -> None:
    paper = blank()
    for y in range(10, 470, 18):
        cv2.putText(paper, "WHATEVER STANDS HERE IN PRINT " * 3, (5, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 40.0)
    assert len(find_crops(gray(paper))) < 200
    paper[140:360, 240:420] = 220
    box = write(paper, digit(3, 180, 18), 260, 160)
    crops = find_crops(gray(paper))
    assert len(crops) < 200
    assert overlap(best(crops, box).box, box) > 0.9


@pytest.mark.parametrize(("rows", "offered"), [(1, True), (6, False)])
def test_a_page_of_narrow_bars_offers_nothing_and_a_row_of_them_does(rows: int, offered: bool) -> None:
    """Each bar may be a digit, or two or three of them: of six rows, that is more than can be judged."""
    paper = blank()
    for row, column in product(range(rows), range(10)):
        cv2.rectangle(paper, (20 + 8 * column, 20 + 70 * row), (22 + 8 * column, 60 + 70 * row), 40.0, -1)
    assert bool(find_crops(gray(paper))) is offered


@pytest.mark.parametrize(("size", "counts"), [(80, True), (180, False)])
def test_a_number_beside_print_that_there_is_no_time_for_is_offered(size: int, counts: bool) -> None:
    """Print of nearly half its height counts as something else, and small print does not."""
    paper = blank()
    for row, column in product(range(6), range(10)):
        cv2.rectangle(paper, (20 + 8 * column, 20 + 45 * row), (22 + 8 * column, 50 + 45 * row), 40.0, -1)
    box = write(paper, digit(3, size), 300, 295)
    crops = find_crops(gray(paper))
    assert not best(crops, box).left_out
    left_out = [crop for crop in crops if crop.left_out]
    assert bool(left_out) is counts
    assert all(crop.is_whole and overlap(crop.box, box) == 0 for crop in left_out)
    assert sum(not crop.left_out for crop in crops) <= MOST_CROPS


def test_what_only_counts_as_one_of_many_takes_no_time_from_a_taller_number() -> None:
    paper = blank()
    for row, column in product(range(4), range(25)):
        left, top = 20 + 24 * column, 160 + 56 * row
        cv2.rectangle(paper, (left, top), (left + 10, top + 34), 40.0, 2)
        cv2.line(paper, (left, top), (left + 10, top + 34), 40.0, 2)
    boxes = [write(paper, digit(value, 60, 6), x, 40) for value, x in ((4, 250), (7, 310))]
    crops = find_crops(gray(paper))
    assert not any(best(crops, box).left_out for box in boxes)
    assert min(overlap(best(crops, box).box, box) for box in boxes) > 0.9


def barred(tone: float) -> Ink:
    """More bars, about as tall as a digit, than can be judged."""
    paper = blank()
    for row, column in product(range(6), range(30)):
        cv2.rectangle(paper, (20 + 20 * column, 20 + 70 * row), (24 + 20 * column, 70 + 70 * row), tone, -1)
    return paper


def test_of_a_texture_of_pale_bars_nothing_is_offered_but_the_digit_written_on_it() -> None:
    paper = barred(190)
    paper[140:360, 240:420] = 220
    box = write(paper, digit(3, 90, 10), 280, 200)
    (three,) = (crop for crop in find_crops(gray(paper)) if crop.dark)
    assert overlap(three.box, box) > 0.9


def test_what_is_half_as_pale_joins_no_texture_of_pale_bars_to_the_digit_beside_it() -> None:
    """As a finger's shadow, beside which there is a larger one, does with the lines of the paper."""
    paper = blank()
    for x, height in zip(range(440, 630, 9), cycle((50, 28)), strict=False):
        cv2.rectangle(paper, (x, 220), (x + 3, 220 + height), 190.0, -1)
    box = write(paper, digit(3, 90, 10), 260, 200)
    cv2.circle(paper, (395, 245), 25, 130.0, 14)
    cv2.circle(paper, (110, 370), 80, 130.0, 14)
    assert not best(find_crops(gray(paper)), box).left_out


def test_among_too_many_bars_that_stand_in_its_row_a_far_stronger_digit_is_still_offered() -> None:
    paper = barred(150)
    paper[190:300, 270:370] = 220
    box = write(paper, digit(3, 90, 10), 280, 200)
    assert overlap(best(find_crops(gray(paper)), box).box, box) > 0.9


def test_how_light_something_is_tells_how_much_lighter_than_its_board_chalk_is() -> None:
    board = blank(tone=50)
    wiped, written = (write(board, digit(8), x, 150, tone) for x, tone in ((120, 75), (400, 230)))
    faint, clear = (best(find_crops(gray(board)), box) for box in (wiped, written))
    assert faint.peak > 0.3 * clear.peak
    assert faint.contrast < 0.3 * clear.contrast
    paper = blank()
    box = write(paper, digit(8), 250, 150)
    pen = best(find_crops(gray(paper)), box)
    assert pen.contrast == pen.peak


@pytest.mark.parametrize("tone", [60, 150, 255])
def test_the_paper_between_the_digits_of_a_full_page_is_not_offered(tone: int) -> None:
    paper = blank(tone=tone)
    boxes = [
        write(paper, digit(value, 100), 60 + 130 * column, 30 + 150 * row, 0.3 * tone)
        for row, (column, value) in product(range(3), enumerate((2, 3, 5, 7)))
    ]
    crops = find_crops(gray(paper, noise=1))
    assert all(overlap(best(whole(crops), box).box, box) > 0.9 for box in boxes)
    assert [crop.box for crop in crops if not crop.dark] == []


def test_specks_give_nothing_and_spoil_nothing() -> None:
    paper = blank()
    rng = np.random.default_rng(0)
    for y, x in rng.integers(10, 470, (60, 2)):
        paper[y : y + 2, x : x + 2] = 40
    assert find_crops(gray(paper)) == []
    box = write(paper, digit(8), 250, 150)
    assert overlap(best(find_crops(gray(paper)), box).box, box) > 0.9


@pytest.mark.parametrize(("left", "at_edge"), [(250, False), (4, False), (0, True)])
def test_a_crop_knows_whether_the_frames_edge_may_have_cut_it_off(left: int, at_edge: bool) -> None:
    paper = blank()
    box = write(paper, digit(8), left, 150)
    assert best(find_crops(gray(paper)), box).at_edge is at_edge


def test_the_edges_of_a_sheet_are_not_offered_and_the_digit_on_it_is() -> None:
    paper = blank(tone=80)
    corners = np.array([[90, 40], [560, 70], [540, 450], [70, 430]], np.int32)
    cv2.fillPoly(paper, [corners], 225.0, cv2.LINE_AA)
    box = write(paper, digit(2), 280, 180)
    crops = find_crops(gray(paper, noise=1))
    assert overlap(best(crops, box).box, box) > 0.9
    assert [crop.box for crop in crops if crop.box[2] > 300 or crop.box[3] > 300] == []


def test_what_it_is_does_not_matter_here() -> None:
    """A letter is offered like a digit: only the network knows better."""
    paper = blank()
    box = write(paper, mark("A"), 250, 150)
    assert overlap(best(find_crops(gray(paper)), box).box, box) > 0.9
