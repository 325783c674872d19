"""Layout: strokes become rows in reading order, and every sensible grouping of them is proposed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.vision.box import Box
from appliance.vision.layout import Hypothesis, Row, find_rows, hypotheses
from appliance.vision.stroke import Stroke, around

FRAME = (480, 640)


def stroke(x: int, y: int, width: int, height: int) -> Stroke:
    """A stroke that has ink at the sides of its box and across its middle, as an H has."""
    ink = np.zeros((height, width), np.uint8)
    pen = max(1, min(width, height) // 6)
    ink[:, :pen] = ink[:, -pen:] = ink[(height - pen) // 2 : (height + pen) // 2] = 255
    return Stroke((x, y, width, height), ink, 150.0)


def rows(*strokes: Stroke) -> list[Row]:
    return find_rows(strokes, FRAME)


def boxes(row: Row) -> list[Box]:
    return [stroke.box for stroke in row.strokes]


def proposed(row: Row) -> list[Box]:
    return [around(one.strokes) for one in hypotheses(row)]


def only(found: list[Row]) -> Row:
    assert len(found) == 1, [boxes(row) for row in found]
    return found[0]


# --- rows ---


def test_strokes_side_by_side_are_a_row_from_left_to_right() -> None:
    row = only(rows(stroke(300, 100, 50, 90), stroke(100, 105, 50, 90), stroke(200, 95, 50, 90)))
    assert boxes(row) == [(100, 105, 50, 90), (200, 95, 50, 90), (300, 100, 50, 90)]
    assert row.height == 90


def test_a_four_of_two_strokes_does_not_tilt_its_row() -> None:
    two, bar, stem = stroke(99, 80, 118, 117), stroke(269, 78, 55, 70), stroke(327, 80, 24, 120)
    row = only(rows(stem, two, bar))
    assert boxes(row) == [two.box, bar.box, stem.box]
    assert row.slope == 0


def test_rows_go_from_top_to_bottom() -> None:
    found = rows(
        stroke(100, 300, 50, 90), stroke(100, 100, 50, 90), stroke(200, 310, 50, 90), stroke(200, 90, 50, 90)
    )
    assert [boxes(row) for row in found] == [
        [(100, 100, 50, 90), (200, 90, 50, 90)],
        [(100, 300, 50, 90), (200, 310, 50, 90)],
    ]


def test_a_number_written_uphill_is_one_row() -> None:
    only(rows(*(stroke(60 + 90 * place, 300 - 40 * place, 50, 90) for place in range(5))))


def sloping(x: int, y: int, degrees: float, count: int, pitch: float) -> list[Stroke]:
    """A number's strokes, 50 by 90 pixels, so many pixels apart from middle to middle."""
    way = pitch * np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    return [stroke(x + round(place * way[0]), y + round(place * way[1]), 50, 90) for place in range(count)]


@pytest.mark.parametrize("degrees", [-30, -25, -12, 12, 25, 30])
@pytest.mark.parametrize(("count", "pitch"), [(2, 80), (2, 130), (3, 120), (8, 70)])
def test_a_number_written_at_a_slope_is_one_row_in_reading_order(
    degrees: float, count: int, pitch: float
) -> None:
    number = sloping(40, 40 if degrees > 0 else 330, degrees, count, pitch)
    row = only(rows(*number))
    assert boxes(row) == [one.box for one in number]
    assert row.slope == pytest.approx(np.tan(np.deg2rad(degrees)), abs=0.03)


def test_a_row_that_hardly_rises_is_level() -> None:
    assert only(rows(*sloping(40, 200, -5, 5, 80))).slope == 0
    assert only(rows(stroke(100, 100, 50, 90))).slope == 0


@pytest.mark.parametrize("degrees", [-25, 0, 25])
def test_lines_written_at_a_slope_stay_lines_from_top_to_bottom(degrees: float) -> None:
    top = 10 if degrees >= 0 else 170
    lines = [sloping(60 + 20 * place, top + 150 * place, degrees, 4, 85) for place in range(2)]
    assert [boxes(row) for row in rows(*lines[1], *lines[0])] == [[one.box for one in line] for line in lines]


def test_a_digit_under_another_is_a_line_of_its_own() -> None:
    assert len(rows(stroke(100, 100, 50, 90), stroke(120, 250, 50, 90))) == 2
    assert len(rows(stroke(100, 100, 50, 90), stroke(190, 100, 50, 90), stroke(180, 240, 50, 90))) == 2


def test_far_apart_strokes_are_not_one_number() -> None:
    assert len(rows(stroke(10, 100, 20, 40), stroke(550, 100, 20, 40))) == 2


def test_large_and_far_smaller_writing_are_not_one_number() -> None:
    assert len(rows(stroke(100, 100, 100, 200), stroke(220, 180, 15, 25))) == 2


def test_what_is_far_paler_was_not_written_by_the_same_pen() -> None:
    digit, beside = stroke(100, 100, 60, 100), stroke(180, 105, 60, 95)
    assert len(rows(digit, beside)) == 1
    assert len(rows(digit, replace(beside, peak=0.25 * digit.peak))) == 2
    bar = stroke(165, 100, 40, 8)
    assert len(only(rows(digit, bar)).strokes) == 2
    assert len(only(rows(digit, replace(bar, peak=0.25 * digit.peak))).strokes) == 1


def test_no_strokes_give_no_rows() -> None:
    assert rows() == []


@pytest.mark.parametrize(
    "line",
    [stroke(0, 240, 640, 3), stroke(0, 0, 640, 480), stroke(20, 200, 600, 100)],
    ids=lambda s: str(s.box),
)
def test_what_crosses_the_whole_frame_is_left_out(line: Stroke) -> None:
    assert rows(line) == []
    assert boxes(only(rows(line, stroke(200, 180, 50, 90)))) == [(200, 180, 50, 90)]


@pytest.mark.parametrize(
    "digit",
    [stroke(300, 4, 60, 472), stroke(10, 0, 440, 477), stroke(10, 23, 590, 413)],
)
def test_a_digit_as_large_as_the_frame_is_kept(digit: Stroke) -> None:
    assert len(rows(digit)) == 1


@pytest.mark.parametrize("edge", [stroke(0, 100, 8, 300), stroke(632, 100, 8, 300), stroke(300, 0, 8, 300)])
def test_a_bare_line_that_leaves_the_frame_is_the_edge_of_something(edge: Stroke) -> None:
    assert rows(edge) == []


@pytest.mark.parametrize("one", [stroke(0, 105, 18, 90), stroke(54, 390, 18, 90)])
def test_a_bare_line_at_the_edge_is_a_one_beside_what_is_as_tall(one: Stroke) -> None:
    digit = stroke(100, one.top - 5, 50, 90)
    assert boxes(only(rows(one, digit))) == [one.box, digit.box]


@pytest.mark.parametrize(
    "line",
    [
        stroke(0, 60, 18, 180),
        stroke(0, 160, 16, 60),
        stroke(0, 180, 18, 90),
        stroke(0, 105, 10, 50),
        replace(stroke(0, 105, 18, 90), peak=70.0),
    ],
)
def test_it_is_an_edge_still_beside_what_is_not(line: Stroke) -> None:
    digit = stroke(60, 100, 50, 90)
    assert boxes(only(rows(line, digit))) == [digit.box]
    assert boxes(only(rows(stroke(0, 105, 18, 90), replace(digit, box=(120, 100, 50, 90))))) == [
        (120, 100, 50, 90)
    ]


def corner(width: int, height: int, pen: int) -> Stroke:
    """The upper left corner of something, drawn with a line so broad."""
    ink = np.zeros((height, width), np.uint8)
    ink[:pen] = ink[:, :pen] = 255
    return Stroke((100, 60, width, height), ink, 150.0)


def test_a_line_too_thin_for_any_pen_is_the_outline_of_something() -> None:
    assert rows(corner(200, 300, 3)) == []
    assert only(rows(corner(200, 300, 8))).height == 300


def test_dashes_and_specks_alone_are_no_rows() -> None:
    assert rows(stroke(100, 100, 60, 8), stroke(300, 200, 4, 4)) == []


def test_the_bar_of_a_five_belongs_to_it_though_it_slants() -> None:
    body, bar = stroke(511, 183, 63, 81), stroke(533, 158, 56, 29)
    assert around([body, bar]) in proposed(only(rows(body, bar)))


def test_a_bar_beside_a_digit_belongs_to_its_row_and_a_far_one_does_not() -> None:
    body, bar, far = stroke(100, 110, 60, 100), stroke(110, 98, 55, 8), stroke(110, 300, 55, 8)
    assert sorted(boxes(only(rows(body, bar, far)))) == sorted([body.box, bar.box])


def test_specks_beside_a_digit_are_not_part_of_it() -> None:
    body, speck = stroke(100, 110, 60, 100), stroke(165, 150, 5, 5)
    assert boxes(only(rows(body, speck))) == [body.box]


# --- hypotheses ---


def test_a_stroke_of_ordinary_width_is_one_hypothesis() -> None:
    row = only(rows(stroke(100, 100, 50, 90)))
    (one,) = hypotheses(row)
    assert (one.first, one.past) == (0, 1)
    assert around(one.strokes) == (100, 100, 50, 90)


def test_the_detached_bar_of_a_five_is_offered_together_with_its_body() -> None:
    body, bar = stroke(100, 110, 60, 100), stroke(110, 98, 55, 8)
    row = only(rows(body, bar))
    together = [one for one in hypotheses(row) if len(one.strokes) == 2]
    assert [around(one.strokes) for one in together] == [(100, 98, 65, 112)]
    assert body.box in proposed(row)


def test_so_is_a_large_bar_that_hangs_above_its_body() -> None:
    body, bar = stroke(167, 174, 176, 200), stroke(266, 118, 113, 42)
    assert (167, 118, 212, 256) in proposed(only(rows(body, bar)))


def test_digits_that_all_touch_are_a_row_though_they_lie_flat() -> None:
    assert proposed(only(rows(stroke(100, 100, 300, 90)))) == [(100, 100, 300, 90)]
    assert len(only(rows(stroke(100, 100, 50, 90), stroke(200, 100, 300, 90))).strokes) == 2


def test_a_digit_in_three_pieces_is_offered_whole() -> None:
    pieces = stroke(100, 100, 20, 90), stroke(125, 120, 18, 70), stroke(148, 100, 20, 90)
    assert (100, 100, 68, 90) in proposed(only(rows(*pieces)))


def test_what_would_reach_around_the_next_digit_is_not_offered_together() -> None:
    """As a one and the line that is drawn under it and the eight beside it."""
    one, eight, underline = stroke(547, 239, 91, 235), stroke(661, 265, 161, 237), stroke(482, 495, 344, 91)
    row = only(find_rows([one, eight, underline], (720, 1280)))
    assert {one.box, eight.box} <= set(proposed(row))
    assert not any({*each.strokes} == {one, underline} for each in hypotheses(row))
    left, cross, stem = stroke(185, 231, 46, 104), stroke(210, 287, 83, 97), stroke(250, 288, 9, 94)
    four = Row((left, cross, stem), 104, 0.0)
    assert around([left, cross]) in proposed(four), "its stem was seen twice"


def test_neighbours_that_stand_apart_are_not_offered_together() -> None:
    row = only(rows(stroke(100, 100, 40, 90), stroke(190, 100, 40, 90)))
    assert proposed(row) == [(100, 100, 40, 90), (190, 100, 40, 90)]


def test_a_circle_is_not_offered_together_with_what_is_written_in_it() -> None:
    circle, digit, dirt = (stroke(100, 100, 200, 200), stroke(160, 150, 60, 100), stroke(165, 160, 60, 80))
    assert proposed(only(rows(circle, digit))) == [digit.box, circle.box]
    assert proposed(only(rows(circle, dirt))) == [dirt.box, circle.box, circle.box], (
        "alone, and with its dirt"
    )


def test_no_more_is_offered_together_than_a_digit_is_wide() -> None:
    row = only(rows(*(stroke(100 + 55 * place, 100, 50, 90) for place in range(6))))
    assert max(box[2] for box in proposed(row)) < 1.5 * 90


def covered(one: Hypothesis, row: Row) -> bool:
    return one.strokes == row.strokes[one.first : one.past]


strokes_of_a_frame = st.lists(
    st.builds(
        lambda x, y, width, height: stroke(x, y, min(width, 640 - x), min(height, 480 - y)),
        st.integers(0, 620),
        st.integers(0, 460),
        st.integers(3, 300),
        st.integers(3, 300),
    ),
    max_size=12,
)


@given(strokes_of_a_frame)
@settings(max_examples=60, deadline=None)
def test_whatever_strokes_a_frame_holds_their_rows_and_hypotheses_are_in_order(found: list[Stroke]) -> None:
    for row in find_rows(found, FRAME):
        middles = [2 * x + width for x, _, width, _ in boxes(row)]
        assert middles == sorted(middles)
        offered = list(hypotheses(row))
        assert all(covered(one, row) for one in offered)
        assert len({(one.first, one.past) for one in offered}) == len(offered), "none is offered twice"
        wholes = [one.strokes[0].box for one in offered if len(one.strokes) == 1]
        assert [box for box in boxes(row) if box[3] > max(20, box[2]) and box not in wholes] == []


@given(strokes_of_a_frame, st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_in_which_strokes_were_found_does_not_matter(found: list[Stroke], random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)

    def described(strokes: list[Stroke]) -> list[list[Box]]:
        return sorted(sorted(boxes(row)) for row in find_rows(strokes, FRAME))

    assert described(found) == described(shuffled)
