"""From judged crops to digits: made-up rows, where it is clear what a person would read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.reading import evidence
from appliance.reading.credible import credible
from appliance.reading.digits import digits_of
from appliance.reading.explanation import best_explanation
from appliance.reading.judged import Judged
from appliance.reading.words import _TRUSTED
from appliance.vision import Box, Crop

NONE = 10
"""Stands for "no digit" in what a crop is said to be."""


@dataclass
class Row:
    """Crops side by side, each part 60 pixels wide, with how likely each is which digit, or none."""

    y: int = 100
    height: int = 100
    dark: bool = True
    slope: float = 0.0
    judged: list[Judged] = field(default_factory=list)

    def add(self, first: int, past: int, says: dict[int, float], strokes: int = 1) -> "Row":
        rest = (1 - sum(says.values())) / max(1, 11 - len(says))
        likely = [says.get(value, rest) for value in range(11)]
        box = (60 * first + 10, self.y, 60 * (past - first) - 10, self.height)
        ink = np.zeros(box[:1:-1], np.uint8)
        crop = Crop(box, 0, first, past, strokes, self.dark, 100.0, self.slope, ink)
        self.judged.append(Judged(crop, np.array(likely[:10], np.float32), likely[NONE]))
        return self

    def part(self, first: int, past: int, says: dict[int, float]) -> "Row":
        """What a stroke was cut into."""
        return self.add(first, past, says, strokes=0)


def explained(*rows: Row, threshold: float = 0.5) -> tuple[list[Judged], list[Judged]]:
    """The digits of a frame with these rows, and all that was judged."""
    judged = [
        replace(one, crop=replace(one.crop, row=number))
        for number, row in enumerate(rows)
        for one in row.judged
    ]
    network = {id(one.crop): one for one in judged}
    crops = [one.crop for one in judged]
    return digits_of(crops, lambda asked: [network[id(crop)] for crop in asked], threshold)


def found(*rows: Row, threshold: float = 0.5) -> list[Judged]:
    return explained(*rows, threshold=threshold)[0]


def read(*rows: Row, threshold: float = 0.5) -> str:
    return "".join(str(one.value) for one in found(*rows, threshold=threshold))


# --- in order ---


def test_digits_in_a_row_tell_how_it_falls_and_digits_in_none_do_not() -> None:
    far, near = Row(slope=0.9).add(4, 5, {3: 0.99}), Row(y=140, slope=0.9).add(0, 1, {8: 0.99})
    assert read(far, near) == "83"
    one = Row(slope=0.9).add(0, 1, {1: 0.99})
    one.y = 208
    one.add(2, 3, {2: 0.99})
    assert read(one, Row(y=240).add(0, 1, {3: 0.99})) == "123"


def test_nothing_is_made_of_nothing() -> None:
    assert explained() == ([], [])


def test_a_row_is_read_from_left_to_right_and_rows_from_top_to_bottom() -> None:
    top, bottom = Row(50).add(0, 1, {4: 0.99}).add(1, 2, {2: 0.99}), Row(250).add(0, 1, {7: 0.99})
    assert read(top, bottom) == "427"


def test_what_stands_far_right_of_a_row_is_read_after_it_though_it_stands_a_little_higher() -> None:
    right, left = Row(90).add(20, 21, {7: 0.99}), Row(110).add(0, 1, {4: 0.99}).add(1, 2, {2: 0.99})
    assert read(right, left) == "427"


def test_what_stands_clearly_higher_is_read_first_wherever_it_stands() -> None:
    right, left = Row(20).add(20, 21, {7: 0.99}), Row(110).add(0, 1, {4: 0.99}).add(1, 2, {2: 0.99})
    assert read(right, left) == "742"


def test_lines_that_something_tall_joined_to_one_row_are_lines_still() -> None:
    upper, lower = Row(50).add(0, 1, {4: 0.99}).add(2, 3, {2: 0.99}), Row(200)
    lower.add(1, 2, {7: 0.99}).add(3, 4, {1: 0.99})
    joined = Row(judged=sorted([*upper.judged, *lower.judged], key=lambda one: one.crop.first))
    assert read(joined) == "4271"


def test_lines_of_cells_with_gaps_are_each_read_to_their_end() -> None:
    upper_right, upper = Row(0, 80).add(20, 21, {2: 0.99}), Row(20, 80).add(0, 1, {1: 0.99})
    lower_right, lower = Row(120, 80).add(30, 31, {4: 0.99}), Row(140, 80).add(0, 1, {3: 0.99})
    assert read(upper_right, upper, lower_right, lower) == "1234"


def test_a_digit_comes_with_its_value_and_how_likely_that_is() -> None:
    (one,) = found(Row().add(0, 1, {7: 0.9, 1: 0.06}))
    assert (one.value, one.is_digit) == (7, True)
    assert one.confidence == pytest.approx(0.9)


# --- the best explanation ---


def test_touching_digits_are_read_apart_where_that_explains_them_better() -> None:
    for whole in ({NONE: 0.7}, {8: 0.6}):
        row = Row().add(0, 2, whole).part(0, 1, {4: 0.97}).part(1, 2, {2: 0.97})
        assert read(row) == "42"


def test_of_digits_cut_apart_one_may_lie_within_the_bounds_of_the_other() -> None:
    """As a one against which the foot of a two leans."""
    row = Row().add(0, 2, {NONE: 0.97}).part(0, 1, {1: 0.99}).part(1, 2, {2: 0.99})
    whole, one, two = row.judged
    row.judged = [whole, one, replace(two, crop=replace(two.crop, box=whole.crop.box))]
    assert read(row) == "12"


def test_and_a_wide_digit_is_read_whole_where_its_parts_are_worse() -> None:
    assert read(Row().add(0, 2, {0: 0.95}).part(0, 1, {6: 0.7}).part(1, 2, {7: 0.7})) == "0"


def test_digits_that_touch_are_none_together_and_read_apart() -> None:
    assert read(Row().add(0, 2, {NONE: 0.98}).part(0, 1, {6: 0.9}).part(1, 2, {7: 0.9})) == "67"


def test_a_scribble_is_none_though_its_parts_might_be_something() -> None:
    assert read(Row().add(0, 2, {NONE: 0.9}).part(0, 1, {6: 0.7}).part(1, 2, {7: 0.7})) == ""


def pair(says: dict[int, float], row: int = 0, height: int = 100) -> Judged:
    """Two strokes with a bridge between them, judged as one."""
    ink = np.zeros((height, height), np.uint8)
    ink[:, : height // 6] = ink[:, -height // 6 :] = ink[height // 2 : height // 2 + height // 12] = 255
    made = Row(height=height).add(0, 1, says).judged[0]
    return replace(made, crop=replace(made.crop, box=(10, 100, height, height), ink=ink, row=row))


def test_what_begins_with_no_digit_is_not_several() -> None:
    stroke = pair({NONE: 0.99})

    def parts(left: float) -> list[Judged]:
        def judge(crops: Sequence[Crop]) -> list[Judged]:
            part = Row().part(0, 1, {1: left, NONE: 1 - left}).judged[0]
            return [stroke if crop is stroke.crop else replace(part, crop=crop) for crop in crops]

        _, judged = digits_of([stroke.crop], judge, 0.5)
        return [one for one in judged if one.crop.is_part]

    assert parts(0.2) == []
    assert {one.crop.begins_stroke for one in parts(0.6)} == {True, False}


def test_only_right_of_what_may_be_a_digit_is_another_sought() -> None:
    stroke = pair({NONE: 0.99})
    asked: list[Crop] = []

    def judge(crops: Sequence[Crop]) -> list[Judged]:
        asked.extend(crops)
        digit, none = Row().part(0, 1, {1: 0.97}).part(0, 1, {NONE: 0.97}).judged
        clear = {crop.past for crop in asked if crop.is_part} - {1.0}
        told = [digit if crop.past == min(clear, default=0.0) else none for crop in crops]
        return [
            stroke if crop is stroke.crop else replace(one, crop=crop)
            for one, crop in zip(told, crops, strict=True)
        ]

    digits_of([stroke.crop], judge, 0.5)
    lefts = {crop.past for crop in asked if crop.is_part and crop.begins_stroke}
    begun = {crop.first for crop in asked if crop.is_part and not crop.begins_stroke}
    assert len(lefts) > 1
    assert begun == {min(lefts)}


def asked_for(*strokes: Judged) -> list[Crop]:
    """The parts that the network is asked for beside these strokes, all of them taken for ones."""
    asked: list[Crop] = []

    def judge(crops: Sequence[Crop]) -> list[Judged]:
        asked.extend(crops)
        whole = {id(one.crop): one for one in strokes}
        one = Row().part(0, 1, {1: 0.97}).judged[0]
        return [whole.get(id(crop), replace(one, crop=crop)) for crop in crops]

    digits_of([one.crop for one in strokes], judge, 0.5)
    return [crop for crop in asked if crop.is_part]


def test_the_wider_a_stroke_the_more_digits_may_touch_in_it() -> None:
    def touching(count: int) -> str:
        row = Row().add(0, 2 * count, {NONE: 0.98})
        for place in range(count):
            row.part(2 * place, 2 * place + 2, {place + 4: 0.65})
        return read(row)

    assert [touching(count) for count in (2, 3)] == ["45", "456"]


def test_only_what_is_in_doubt_is_taken_apart() -> None:
    assert asked_for(pair({8: 0.99})) == []
    left, right = asked_for(pair({NONE: 0.99}))[0], asked_for(pair({8: 0.6}))[-1]
    assert left.first == 0 and left.box[:2] == (10, 100) and left.box[2] < 60
    assert right.past == 1 and right.box[0] + right.box[2] == 110


def test_nor_is_a_box_that_the_frame_cuts_off_around_a_digit() -> None:
    box, digit = pair({NONE: 0.99}), Row().add(1, 2, {4: 0.99}).judged[0]
    inside, beside = (replace(digit, crop=replace(digit.crop, box=(x, 140, 40, 40))) for x in (30, 130))
    assert asked_for(box, inside) == []
    assert asked_for(box, beside)


def test_dirt_beside_a_number_is_not_taken_apart_nor_a_page_of_print() -> None:
    large, small = pair({NONE: 0.99}), pair({NONE: 0.99}, row=1, height=40)
    assert {part.row for part in asked_for(large, small)} == {0}
    assert asked_for(*(pair({NONE: 0.99}, row) for row in range(20))) == []


def test_three_digits_that_touch_are_read_where_two_cuts_are_right_and_others_are_not() -> None:
    row = Row().add(0, 4, {NONE: 0.8})
    for first in range(4):
        row.part(first, first + 1, {NONE: 0.8, 1: 0.15})
    row.part(0, 1, {1: 0.98}).part(1, 3, {0: 0.98}).part(3, 4, {1: 0.97})
    row.part(0, 2, {6: 0.5}).part(2, 4, {3: 0.5})
    assert read(row) == "101"


def test_a_bar_and_a_body_are_read_as_the_five_that_they_are_together() -> None:
    row = Row().add(0, 1, {NONE: 0.6, 5: 0.3}).add(1, 2, {NONE: 0.9}).add(0, 2, {5: 0.98}, strokes=2)
    (five,) = found(row)
    assert five.value == 5
    assert five.crop.box == row.judged[-1].crop.box


def test_a_hook_and_a_bar_are_the_four_that_they_might_be_rather_than_a_one_and_nothing() -> None:
    hook_and_bar = Row().add(0, 1, {NONE: 0.99}).add(1, 2, {1: 0.95})
    assert read(hook_and_bar.add(0, 2, {4: 0.9}, strokes=2)) == "4"


def test_two_good_digits_are_not_read_as_one_bad_one() -> None:
    assert read(Row().add(0, 1, {7: 0.98}).add(1, 2, {3: 0.98}).add(0, 2, {4: 0.7}, strokes=2)) == "73"


def test_a_part_that_nothing_explains_is_ignored() -> None:
    """A stroke's serif, too small to be offered alone, with what is left of the stroke two good digits."""
    assert read(Row().add(0, 3, {NONE: 0.6}).part(0, 1, {7: 0.97}).part(2, 3, {2: 0.97})) == "72"


def test_a_speck_beside_a_digit_costs_it_nothing() -> None:
    """Strokes 0 and 2 were too small to be offered by themselves."""
    row = Row().add(1, 2, {6: 0.97}).add(0, 2, {6: 0.5}, strokes=2).add(1, 3, {8: 0.4}, strokes=2)
    (alone,) = best_explanation(row.judged)
    assert (alone.crop.first, alone.crop.past, alone.value) == (1, 2, 6)


@pytest.mark.parametrize("digit", [0, 1])
def test_a_speck_is_ignored_on_either_side(digit: int) -> None:
    row = Row().add(digit, digit + 1, {4: 0.97}).add(0, 2, {7: 0.3, NONE: 0.6}, strokes=2)
    (alone,) = best_explanation(row.judged)
    assert (alone.crop.first, alone.value) == (digit, 4)


likelihoods = st.lists(st.floats(0, 1), min_size=11, max_size=11)


@st.composite
def rows_of_strokes(draw: st.DrawFn) -> Row:
    """Up to five strokes, each whole, some in two parts, some joined with their neighbour."""

    def says() -> dict[int, float]:
        likely = np.array(draw(likelihoods)) + 1e-3
        return dict(enumerate((likely / likely.sum()).tolist()))

    row, starts = Row(), [0]
    for _ in range(draw(st.integers(1, 5))):
        parts = draw(st.integers(1, 2))
        row.add(starts[-1], starts[-1] + parts, says())
        if parts == 2:
            row.part(starts[-1], starts[-1] + 1, says()).part(starts[-1] + 1, starts[-1] + 2, says())
        if len(starts) > 1 and draw(st.booleans()):
            row.add(starts[-2], starts[-1] + parts, says(), strokes=2)
        starts.append(starts[-1] + parts)
    return row


@given(rows_of_strokes())
@settings(max_examples=100, deadline=None)
def test_an_explanation_uses_no_part_twice_and_leaves_none_out(row: Row) -> None:
    chosen = best_explanation(row.judged)
    assert all(left.crop.past == right.crop.first for left, right in pairwise(chosen))
    assert chosen[0].crop.first == 0
    assert chosen[-1].crop.past == max(one.crop.past for one in row.judged)


@given(rows_of_strokes(), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_whatever_is_found_is_sure_enough_and_in_order(row: Row, threshold: float) -> None:
    digits = found(row, threshold=threshold)
    assert all(one.confidence >= _TRUSTED * threshold and one.is_digit for one in digits)
    assert all(left.crop.past <= right.crop.first for left, right in pairwise(digits))


# --- what is none ---


def test_a_whole_stroke_that_is_rather_none_is_not_read() -> None:
    assert read(Row().add(0, 1, {NONE: 0.6, 3: 0.4}), threshold=0.0) == ""
    assert read(Row().add(0, 1, {NONE: 0.3, 3: 0.7}), threshold=0.0) == "3"


def test_what_is_less_sure_than_the_threshold_is_not_read() -> None:
    row = Row().add(0, 1, {3: 0.7, 8: 0.29})
    assert (read(row, threshold=0.65), read(row, threshold=0.75)) == ("3", "")


def test_in_a_row_of_digits_a_less_sure_one_is_read_as_well() -> None:
    doubtful = {5: 0.4, NONE: 0.05}
    assert read(Row().add(0, 1, {8: 0.99}).add(1, 2, doubtful).add(2, 3, {6: 0.99})) == "856"
    beside = Row().add(0, 1, {8: 0.99}).add(1, 2, doubtful).add(2, 3, {6: 0.99}).add(3, 4, {NONE: 0.99})
    assert read(beside) == "86"
    assert read(Row().add(0, 1, doubtful)) == ""
    assert read(Row().add(0, 1, {8: 0.95}).add(1, 2, {6: 0.95}), threshold=0.99) == ""


def test_a_none_beside_digits_is_left_out() -> None:
    assert read(Row().add(0, 1, {2: 0.99}).add(1, 2, {NONE: 0.98}).add(2, 3, {6: 0.99})) == "26"


def test_of_ways_as_likely_the_one_that_leaves_nothing_over_is_taken() -> None:
    """A five is a five without its bar, but the bar is something then."""
    row = Row().add(0, 1, {5: 0.989}).add(0, 2, {5: 0.999}, strokes=2).add(1, 2, {NONE: 0.997})
    bar = row.judged.pop()
    row.judged.append(replace(bar, crop=replace(bar.crop, box=(70, 100, 50, 20))))
    assert [(one.value, one.crop.past) for one in found(row)] == [(5, 2)]


def test_a_digit_among_letters_is_a_letter() -> None:
    row = Row()
    for place, says in enumerate(({NONE: 0.97}, {NONE: 0.95}, {5: 0.9}, {NONE: 0.96})):
        row.add(place, place + 1, says)
    assert read(row) == ""


def test_a_digit_surer_than_letters_ever_look_is_read_beside_one_but_not_beside_two() -> None:
    row = Row().add(0, 1, {NONE: 0.97}).add(1, 2, {5: 0.999})
    assert read(row) == "5"
    assert read(row.add(2, 3, {NONE: 0.97})) == ""


@pytest.mark.parametrize(("sure", "at_edge", "text"), [(0.98, False, ""), (0.98, True, "5"), (0.9, True, "")])
def test_what_the_frames_edge_cuts_off_is_no_letter_beside_a_digit_beyond_doubt(
    sure: float, at_edge: bool, text: str
) -> None:
    letter = changed(Row().add(0, 1, {NONE: 0.97}), at_edge=at_edge)
    assert read(letter.add(1, 2, {5: sure})) == text


@pytest.mark.parametrize("gap, text", [(40, "57"), (60, "7")])
def test_digits_stand_farther_apart_than_letters_and_still_are_one_number(gap: int, text: str) -> None:
    """So that it is not torn where its first digit stands close to a sign."""
    row = Row().add(0, 1, {NONE: 0.97}).add(1, 2, {5: 0.97}).add(2, 3, {7: 0.97})
    *others, last = row.judged
    x, y, width, height = last.crop.box
    row.judged = [*others, replace(last, crop=replace(last.crop, box=(x + gap - 10, y, width, height)))]
    assert read(row) == text


def test_a_dash_is_no_letter_however_long() -> None:
    row = Row().add(0, 1, {NONE: 0.97}).add(1, 2, {5: 0.97})
    letter, digit = row.judged
    assert read(row) == ""
    row.judged = [replace(letter, crop=replace(letter.crop, box=(0, 140, 60, 20))), digit]
    assert read(row) == "5"


def test_what_stands_in_brackets_is_read_without_them() -> None:
    row = Row(height=120).add(0, 1, {1: 0.99}).add(1, 2, {5: 0.99}).add(2, 3, {1: 0.99})
    assert read(row) == "151"
    y, x = np.mgrid[:120, :40]
    arc = np.uint8(255) * (np.abs(x - 30 + 25 * (1 - (y / 60 - 1) ** 2)) < 5)
    opens, digit, closes = row.judged
    opens = replace(opens, crop=replace(opens.crop, ink=arc))
    closes = replace(closes, crop=replace(closes.crop, ink=arc[:, ::-1]))
    row.judged = [opens, digit, closes]
    assert read(row) == "5"


def test_what_is_far_paler_than_a_digit_is_no_letter_beside_it() -> None:
    """The rest of a shadow, say."""
    row = Row().add(0, 1, {NONE: 0.97}).add(1, 2, {5: 0.995})
    assert read(row) == ""
    beside, digit = row.judged
    row.judged = [replace(beside, crop=replace(beside.crop, peak=50.0)), digit]
    assert read(row) == "5"


@pytest.mark.parametrize(
    ("place", "height", "thick", "sure", "text"),
    [
        (9, 150, 30, 0.9, "42"),
        (9, 100, 12, 0.9, "427"),
        (9, 190, 12, 0.9, "427"),
        (9, 150, 30, 0.995, "427"),
        (2, 150, 30, 0.9, "427"),
    ],
    ids=["a thing", "as all others", "only taller", "clear", "beside the others"],
)
def test_what_lies_apart_and_is_of_another_size_and_pen_is_no_digit(
    place: int, height: int, thick: int, sure: float, text: str
) -> None:
    number = Row().add(0, 1, {4: 0.997}).add(1, 2, {2: 0.997})
    thing = Row(height=height).add(place, place + 1, {7: sure})
    for one, broad in zip((*number.judged, *thing.judged), (12, 12, thick), strict=True):
        one.crop.ink[:, :broad] = 255
    assert read(number, thing) == text


@pytest.mark.parametrize(("y", "height", "text"), [(100, 100, "421"), (100, 170, "42"), (240, 100, "42")])
def test_what_is_level_with_a_clear_digit_and_as_tall_belongs_to_it_however_thin(
    y: int, height: int, text: str
) -> None:
    number = Row().add(0, 1, {4: 0.997}).add(1, 2, {2: 0.997})
    one = Row(y, height).add(4, 5, {1: 0.9})
    for digit, broad in zip((*number.judged, *one.judged), (12, 12, 6), strict=True):
        digit.crop.ink[:, :broad] = 255
    assert read(number, one) == text


@pytest.mark.parametrize(("height", "text"), [(50, "52"), (80, "952")])
def test_a_label_far_lower_than_the_number_beside_it_is_print_though_it_holds_a_digit(
    height: int, text: str
) -> None:
    row = Row().add(0, 1, {NONE: 0.97}).add(1, 2, {9: 0.999}).add(5, 6, {5: 0.99}).add(6, 7, {2: 0.99})
    for place, one in enumerate(row.judged[:2]):
        box, ink = (*one.crop.box[:3], height), one.crop.ink[:height]
        row.judged[place] = replace(one, crop=replace(one.crop, box=box, ink=ink))
    assert read(row) == text


@pytest.mark.parametrize(("sure", "text"), [(0.45, "68"), (0.97, "08")])
def test_what_is_doubtful_around_a_clear_digit_is_none(sure: float, text: str) -> None:
    """Such as chalk dust that a digit touches."""
    around, number = Row(90, 120).add(0, 2, {0: sure}), Row().add(0, 1, {6: 0.99}).add(2, 3, {8: 0.99})
    around.judged[0].crop.ink[40:80, 40:80] = 255
    assert read(around, number, threshold=0.4) == text


def test_what_is_far_thicker_than_a_digit_is_no_letter_beside_it() -> None:
    """The corner of a shadow, say."""
    row = Row().add(0, 1, {NONE: 0.97}).add(1, 2, {5: 0.995})
    assert read(row) == ""
    for one, thickness in zip(row.judged, (40, 12), strict=True):
        one.crop.ink[:, :thickness] = 255
    assert read(row) == "5"
    row.judged[0].crop.ink[:, 20:] = 0
    assert read(row) == ""


def test_more_ones_in_a_row_than_anyone_writes_are_a_fence_whatever_stands_elsewhere() -> None:
    number, ones = Row(50).add(0, 1, {4: 0.99}).add(1, 2, {2: 0.99}), Row(300)
    for place in range(4):
        ones.add(place, place + 1, {1: 0.99})
    assert read(number, ones) == "421111"
    fence = ones.add(4, 5, {1: 0.99})
    assert read(fence) == ""
    assert read(number, fence) == "42"


@pytest.mark.parametrize(("ones", "text"), [(8, "711111111"), (9, "")])
def test_nor_does_one_digit_among_very_many_ones_make_a_number(ones: int, text: str) -> None:
    """Some gap between the keys of a keyboard looks like one."""
    row = Row().add(0, 1, {7: 0.999})
    for place in range(1, ones + 1):
        row.add(place, place + 1, {1: 0.999})
    assert read(row) == text


def test_a_word_before_a_number_is_not_read_with_it() -> None:
    """Of "Total: 42" the o and the l look like digits, and stand in one row with those."""
    row = Row()
    for place, says in enumerate(({NONE: 0.99}, {0: 0.99}, {NONE: 0.99}, {NONE: 0.97}, {1: 0.98})):
        row.add(place, place + 1, says)
    assert read(row) == ""
    assert read(row.add(6, 7, {4: 0.999}).add(7, 8, {2: 0.999})) == "42"


def test_a_frame_full_of_other_things_shows_no_number() -> None:
    clutter = Row(250)
    for place in range(10):
        clutter.add(place, place + 1, {NONE: 0.97})
    number = Row(50).add(0, 1, {5: 0.95})
    assert (read(number), read(number, clutter)) == ("5", "")


def test_the_more_lies_about_the_surer_a_digit_has_to_be() -> None:
    def among(others: int, confidence: float) -> str:
        clutter = Row(250)
        for place in range(others):
            clutter.add(place, place + 1, {NONE: 0.97})
        return read(Row(50).add(0, 1, {5: confidence}), clutter)

    assert [among(others, 0.9) for others in (1, 3)] == ["5", ""]
    assert [among(others, 0.999) for others in (3, 10, 60)] == ["5", "5", ""]


def test_a_large_number_stands_out_from_small_print_but_not_from_as_much_that_is_as_large() -> None:
    def among(height: int) -> str:
        clutter = Row(250, height)
        for place in range(30):
            clutter.add(place, place + 1, {NONE: 0.97})
            box = (height * place, 250, height // 2, height)
            clutter.judged[-1] = replace(clutter.judged[-1], crop=replace(clutter.judged[-1].crop, box=box))
        return read(Row(0, 200).add(0, 3, {5: 0.997}), clutter)

    assert [among(height) for height in (40, 200)] == ["5", ""]


@pytest.mark.parametrize("in_a_row, text", [(12, "5"), (3, "")])
def test_a_number_stands_out_from_lines_of_print_that_scattered_things_of_that_size_would_silence(
    in_a_row: int, text: str
) -> None:
    print_ = [Row(250 + 60 * row, 80) for row in range(36 // in_a_row)]
    for row, place in product(print_, range(in_a_row)):
        row.add(place, place + 1, {NONE: 0.97})
        row.judged[-1] = placed(row.judged[-1], (50 * place, row.y, 40, 80))
    assert read(Row(0, 200).add(0, 3, {5: 0.998}), *print_) == text


def test_strong_ink_stands_out_from_much_that_silences_what_is_pale() -> None:
    def among_as_much(peak: float, others: int) -> str:
        clutter = Row(250)
        for place in range(others):
            clutter.add(place, place + 1, {NONE: 0.97})
        number = Row(50).add(0, 1, {5: 0.998}).add(1, 2, {8: 0.998})
        return read(changed(number, peak=peak), changed(clutter, peak=peak))

    assert [among_as_much(peak, 30) for peak in (180.0, 100.0)] == ["58", ""]
    assert among_as_much(180.0, 180) == "", "but not from anything"


def test_among_much_else_one_doubtful_digit_makes_a_number_doubtful() -> None:
    clutter = Row(250)
    for place in range(4):
        clutter.add(place, place + 1, {NONE: 0.97})
    sure, less_sure = Row(50).add(0, 1, {5: 0.999}), Row(50).add(0, 1, {5: 0.999})
    sure.add(1, 2, {8: 0.999})
    less_sure.add(1, 2, {8: 0.9})
    assert (read(sure, clutter), read(less_sure, clutter)) == ("58", "")


def test_what_one_digit_lacks_another_beyond_doubt_makes_up_for() -> None:
    clutter = Row(250)
    for place in range(4):
        clutter.add(place, place + 1, {NONE: 0.97})
    number = Row(50).add(0, 1, {5: 1 - 1e-6}).add(1, 2, {8: 0.9})
    assert (read(number, clutter), read(Row(50).add(0, 1, {8: 0.9}), clutter)) == ("58", "")


def test_the_paler_what_lies_about_the_less_it_matters() -> None:
    def among(peak: float) -> str:
        clutter = Row(250)
        for place in range(6):
            clutter.add(place, place + 1, {NONE: 0.97})
            clutter.judged[-1] = replace(clutter.judged[-1], crop=replace(clutter.judged[-1].crop, peak=peak))
        return read(Row(50).add(0, 1, {5: 0.985}), clutter)

    assert [among(peak) for peak in (40, 100, 200)] == ["5", "", ""]


def test_paper_between_strokes_is_nothing_else_beside_several_digits() -> None:
    def among(clutter: Row, *values: int) -> str:
        number = Row(50)
        for place, value in enumerate(values):
            number.add(place, place + 1, {value: 0.98})
        for place in range(6):
            clutter.add(place, place + 1, {NONE: 0.97})
        return read(number, clutter)

    assert among(Row(250, dark=False), 5, 8) == "58"
    assert among(Row(250), 5, 8) == "", "strokes are something else"
    assert among(Row(250, dark=False), 5) == "", "what looks like one digit may be paper itself"
    assert among(Row(250, dark=False), 5, 1) == "", "and a one beside it a bare stroke"


def changed(row: Row, **changes: Any) -> Row:
    """The same, but for something about its crops."""
    judged = [replace(one, crop=replace(one.crop, **changes)) for one in row.judged]
    return replace(row, judged=judged)


@pytest.mark.parametrize("others", [0, 2])
def test_the_paler_a_digit_is_the_surer_it_has_to_be(others: int) -> None:
    clutter = Row(250)
    for place in range(others):
        clutter.add(place, place + 1, {NONE: 0.97})
    number = Row(50).add(0, 1, {5: 0.98 if others else 0.6})
    read_at = [read(changed(number, peak=peak), changed(clutter, peak=peak)) for peak in (200.0, 100.0, 12.0)]
    assert read_at == ["5", "5", ""]


def test_what_the_frames_edge_may_have_cut_off_has_to_be_surer() -> None:
    def at_edge(confidence: float, **beside: float) -> str:
        row = changed(Row().add(0, 1, {5: confidence}), at_edge=True)
        for value, likely in beside.items():
            row.add(1, 2, {int(value[1:]): likely})
        return read(row)

    assert read(Row().add(0, 1, {5: 0.9})) == "5"
    assert [at_edge(0.9), at_edge(0.99)] == ["", "5"]
    assert at_edge(0.9, d8=0.9) == "58", "beside what is whole, it is but half the doubt"


def test_ones_alone_in_a_row_have_to_stand_out_by_themselves() -> None:
    """As the edge of a sheet does not, however sure the number on it is."""
    number = Row(50).add(0, 1, {4: 0.9999}).add(1, 2, {2: 0.9999})
    others = Row(400).add(0, 1, {NONE: 0.97}).add(1, 2, {NONE: 0.97})
    edge, below = Row(200).add(4, 5, {1: 0.98}), Row(200).add(4, 5, {7: 0.98})
    assert read(number, edge, others) == "42"
    assert read(number, edge) == "421", "with nothing else about"
    assert read(number, below, others) == "427", "with a shape of its own"
    assert read(number, changed(edge, box=(250, 60, 50, 100)), others) == "421", "level with them"


def test_a_pale_shadow_does_not_make_digits_small() -> None:
    """What is read in ink of their own strength says how high digits are."""
    number, shadow = Row(200, 30), Row(50, 400)
    number.add(0, 1, {4: 0.99}).add(1, 2, {2: 0.99}).add(2, 3, {8: 0.99})
    assert read(number, changed(shadow.add(6, 8, {1: 0.8}), peak=30.0)) == "428"


def test_what_is_no_digit_at_all_does_not_stand_out_though_anything_is_sure_enough() -> None:
    impossible = Row().add(0, 2, {NONE: 1.0}, strokes=2)
    with np.errstate(all="raise"):
        assert read(impossible, Row(250).add(0, 1, {NONE: 0.97}), threshold=0.0) == ""


def test_what_digits_that_touch_are_together_is_nothing_else() -> None:
    row = Row().add(0, 2, {NONE: 0.6}).part(0, 1, {5: 0.75}).part(1, 2, {8: 0.75})
    beside = Row(100).add(3, 4, {NONE: 0.97})
    assert (read(row), read(row, beside)) == ("58", "")


def test_what_a_broad_pen_leaves_within_a_digit_does_not_speak_against_it() -> None:
    digit = Row(50, 400).add(0, 2, {8: 0.99})
    pieces = Row(150, 250).add(0, 1, {NONE: 0.97}), Row(180, 220).add(0, 1, {NONE: 0.97})
    inside = Row(50, 400)
    for one in (*digit.judged, *(piece.judged[0] for piece in pieces)):
        crop = replace(one.crop, first=len(inside.judged), past=len(inside.judged) + 1)
        inside.judged.append(replace(one, crop=crop))
    assert read(inside) == "8"


def test_small_dirt_does_not_make_a_frame_full() -> None:
    dirt = Row(300, 10)
    for place in range(10):
        dirt.judged.append(Row(300, 10).add(0, 1, {NONE: 0.97}).judged[0])
        crop = replace(dirt.judged[-1].crop, box=(30 * place, 300, 10, 10), first=place, past=place + 1)
        dirt.judged[-1] = replace(dirt.judged[-1], crop=crop)
    assert read(Row(50, 150).add(0, 1, {5: 0.95}), dirt) == "5"


def test_small_dirt_beside_large_digits_is_not_read() -> None:
    large, dirt = Row(50, 200).add(0, 1, {8: 0.99}), Row(300, 20).add(0, 1, {3: 0.99})
    assert (read(large, dirt), read(dirt)) == ("8", "3")


def test_a_bare_stroke_is_a_one_beside_a_digit_and_nothing_by_itself() -> None:
    doubtful = {NONE: 0.7, 1: 0.29}
    assert read(Row().add(0, 1, doubtful)) == ""
    assert read(Row().add(0, 1, doubtful).add(1, 2, {8: 0.99})) == "18"
    assert read(Row().add(0, 1, doubtful).add(1, 2, {NONE: 0.99})) == ""


def test_what_stands_beside_a_digit_beyond_doubt_is_hardly_nothing() -> None:
    doubtful = {NONE: 0.7, 4: 0.29}
    assert read(Row().add(0, 1, doubtful)) == ""
    assert read(Row().add(0, 1, doubtful).add(1, 2, {8: 0.99})) == "48"


@pytest.mark.parametrize(("value", "at_edge", "text"), [(1, False, "81"), (1, True, "8"), (7, True, "87")])
def test_unless_it_is_a_bare_stroke_that_the_frames_edge_cuts_off(
    value: int, at_edge: bool, text: str
) -> None:
    beside = changed(Row().add(1, 2, {value: 0.3, NONE: 0.65}), at_edge=at_edge).judged
    row = Row().add(0, 1, {8: 0.999})
    row.judged += beside
    assert read(row) == text


@pytest.mark.parametrize(("place", "text"), [(3, "48"), (9, "4")])
def test_unless_it_stands_far_away(place: int, text: str) -> None:
    row = Row().add(0, 1, {4: 0.99}).add(place, place + 1, {NONE: 0.7, 8: 0.29})
    row.judged[1] = replace(row.judged[1], crop=replace(row.judged[1].crop, first=1, past=2))
    assert read(row) == text


@pytest.mark.parametrize(("height", "text"), [(140, "487"), (160, "87")])
def test_unless_it_is_far_taller(height: int, text: str) -> None:
    """As what stands on a shelf behind the sheet that a number is written on."""
    row = Row(height=height).add(0, 1, {NONE: 0.7, 4: 0.29})
    row.height = 100
    assert read(row.add(1, 2, {8: 0.99}).add(2, 3, {7: 0.99})) == text


@pytest.mark.parametrize(("likely", "text"), [(0.04, "287"), (0.01, "87")])
def test_unless_it_is_next_to_nothing_by_itself(likely: float, text: str) -> None:
    row = Row().add(0, 1, {NONE: 0.99 - likely, 2: likely})
    assert read(row.add(1, 2, {8: 0.99}).add(2, 3, {7: 0.99})) == text


@pytest.mark.parametrize(("likely", "text"), [(0.05, "73"), (0.015, "7")])
def test_what_is_next_to_certainly_none_is_no_digit_beside_one_nor_are_its_parts(
    likely: float, text: str
) -> None:
    row = Row().add(0, 1, {7: 0.999}).add(1, 3, {NONE: 0.95, 3: likely})
    assert read(row.part(1, 2, {NONE: 0.94, 6: 0.05}).part(2, 3, {NONE: 0.94, 4: 0.05})) == text


def test_in_company_a_network_of_ten_classes_is_no_surer_than_it_was_which_digit_it_is() -> None:
    """It knows no "none": what its likeliest digit lacks counts as that, and the digits alone make up 1."""
    row = Row().add(0, 1, {3: 0.6, 8: 0.4}).add(1, 2, {7: 0.99})
    row.judged[0] = replace(row.judged[0], none=0.4)
    doubtful, _ = found(row)
    assert doubtful.value == 3
    assert 0.5 < doubtful.confidence <= 0.6
    assert doubtful.probabilities.sum() + doubtful.none == pytest.approx(1)


@pytest.mark.parametrize(("past", "text"), [(0.75, "834"), (0.5, "34")])
def test_a_loop_of_a_word_that_is_written_in_one_go_is_no_digit(past: float, text: str) -> None:
    """The rest of it would be nothing; of digits that touch less is none."""
    row = Row().add(0, 1, {NONE: 0.9})
    (one,) = Row().part(0, 1, {8: 0.99}).judged
    part = replace(one.crop, box=(10, 100, int(60 * past) - 10, 100), past=past)
    row.judged.append(replace(one, crop=part))
    assert read(row.add(1, 2, {3: 0.999}).add(2, 3, {4: 0.999})) == text


def test_a_digit_is_no_company_for_its_own_strokes() -> None:
    """An open four is a hook and a bar, and the bar no one beside the four."""
    for neighbour in ({}, {8: 0.99}):
        row = Row().add(0, 1, {NONE: 0.98}).add(1, 2, {NONE: 0.56, 1: 0.43}).add(0, 2, {4: 0.99}, strokes=2)
        if neighbour:
            row.add(2, 3, neighbour)
        assert read(row) == ("48" if neighbour else "4")


def test_what_is_far_paler_than_the_digits_is_in_the_paper() -> None:
    clutter = Row(250)
    for place in range(10):
        clutter.add(place, place + 1, {NONE: 0.97})
    pale = [replace(one, crop=replace(one.crop, peak=25.0)) for one in clutter.judged]
    number = Row(50).add(0, 1, {5: 0.95})
    assert read(number, clutter) == ""
    assert read(number, replace(clutter, judged=pale)) == "5"


def test_what_shows_through_from_the_other_side_is_not_read_though_it_is_more() -> None:
    behind = Row(250).add(0, 1, {2: 0.99}).add(1, 2, {6: 0.99}).add(2, 3, {8: 0.99})
    faint = [replace(one, crop=replace(one.crop, peak=25.0)) for one in behind.judged]
    assert read(behind) == read(replace(behind, judged=faint)) == "268"
    for front in ({7: 0.99}, {1: 0.99}):
        assert read(Row(50).add(0, 1, front), replace(behind, judged=faint)) == str(*front)


def test_ink_that_fades_from_line_to_line_is_read() -> None:
    """As behind haze on the lens: each is to be compared with what stands beside it."""
    lines = [Row(50).add(0, 1, {7: 0.999}).add(1, 2, {3: 0.999}), Row(250).add(0, 1, {2: 0.999})]
    for line, peaks in zip(lines, ((40.0, 80.0), (160.0,)), strict=True):
        line.judged = [
            replace(one, crop=replace(one.crop, peak=peak))
            for one, peak in zip(line.judged, peaks, strict=True)
        ]
    assert read(*lines) == "732"
    assert read(replace(lines[0], judged=lines[0].judged[:1]), lines[1]) == "2"


@pytest.mark.parametrize(("sure", "text"), [(0.97, "38"), (0.999, "738")])
def test_what_is_paler_than_the_digits_has_to_be_surer_than_a_finger_may_be(sure: float, text: str) -> None:
    row = Row().add(0, 1, {7: sure, 1: 0.999 - sure}).add(1, 2, {3: 0.999}).add(2, 3, {8: 0.999})
    row.judged[0] = replace(row.judged[0], crop=replace(row.judged[0].crop, peak=45.0))
    assert read(row) == text


def test_chalk_that_was_wiped_off_is_not_read_beside_what_is_written() -> None:
    """Light ink nears 255: what is a third of that is not a tenth as much lighter than its board."""
    board = Row(dark=False).add(0, 1, {4: 0.99}).add(1, 2, {9: 0.99})
    written, wiped = (
        replace(one, crop=replace(one.crop, peak=peak))
        for one, peak in zip(board.judged, (230.0, 90.0), strict=True)
    )
    assert read(replace(board, judged=[written, wiped])) == "4"
    assert (
        read(replace(board, judged=[replace(written, crop=replace(written.crop, peak=150.0)), wiped])) == "49"
    )


def test_what_is_far_paler_than_the_digits_beside_it_is_a_line_of_the_paper() -> None:
    row = Row().add(0, 1, {1: 0.9}).add(1, 2, {5: 0.99})
    assert read(row) == "15"
    row.judged[0] = replace(row.judged[0], crop=replace(row.judged[0].crop, peak=25.0))
    assert read(row) == "5"
    assert read(Row(judged=row.judged[:1])) == "1", "written in pencil, it is one by itself"


def test_a_short_stroke_beside_a_digit_is_no_one() -> None:
    row = Row().add(0, 1, {NONE: 0.7, 1: 0.29}).add(1, 2, {8: 0.99})
    dash = row.judged[0]
    row.judged[0] = replace(dash, crop=replace(dash.crop, box=(10, 130, 8, 30)))
    assert read(row) == "8"


def test_a_lone_bare_stroke_is_a_one_only_where_nothing_else_lies_about() -> None:
    one, other = Row(50).add(0, 1, {1: 0.9}), Row(250).add(0, 1, {NONE: 0.97})
    assert (read(one), read(one, other)) == ("1", "")


# --- what fell apart ---


def test_a_digit_that_fell_apart_is_read_and_its_pieces_are_not() -> None:
    pieces = Row(100, 40).add(0, 1, {NONE: 0.97}).add(1, 2, {1: 0.6, NONE: 0.3})
    whole = Row(100, 100).add(0, 2, {2: 0.98}, strokes=2)
    assert read(pieces, whole) == "2"


@pytest.mark.parametrize("surest", [0, 1])
def test_a_digit_that_is_there_twice_is_read_once(surest: int) -> None:
    rows = [
        Row().add(0, 1, {value: 0.99 if number == surest else 0.9}) for number, value in enumerate((3, 8))
    ]
    assert read(*rows) == "38"[surest]


def test_what_fell_apart_and_is_no_digit_is_nothing_else_either() -> None:
    """As the shade of a hand, before it was taken off what is written in it and beside it."""
    written = Row(100, 100).add(6, 7, {4: 0.7})
    assert read(written, Row(20, 300).add(0, 3, {NONE: 0.99}, strokes=2)) == "4"
    assert read(written, Row(20, 300).add(0, 3, {NONE: 0.99})) == ""


def test_a_small_piece_of_its_own_ink_hides_no_digit() -> None:
    """As a speckle of a dry pen that looks like a six; in a ring, as on a badge, it is written on it."""
    piece = Row(140, 20).add(0, 1, {6: 0.99})
    whole = Row(100, 100).add(0, 2, {3: 0.9}, strokes=2)
    assert read(piece, whole) == "6"
    (one,) = whole.judged
    whole.judged = [replace(one, crop=replace(one.crop, ink=np.full_like(one.crop.ink, 255)))]
    assert read(piece, whole) == "3"


def test_nor_does_a_large_one_though_it_is_as_sure() -> None:
    """As the lower ring of an eight that is drawn with two."""
    (eight,) = Row(100, 200).add(0, 2, {8: 0.97}, strokes=2).judged
    ring, ink = Row(200, 100).add(0, 1, {0: 0.99}), np.zeros_like(eight.crop.ink)
    ink[:, 45:65] = 255
    assert read(ring, Row(judged=[eight])) == "0"
    assert read(ring, Row(judged=[replace(eight, crop=replace(eight.crop, ink=ink))])) == "8"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("y", [92, 140, 178])
def test_such_a_piece_may_stick_out_of_it(y: int) -> None:
    piece = Row(y, 20).add(0, 1, {6: 0.99})
    (one,) = Row(95, 100).add(0, 2, {3: 0.9}, strokes=2).judged
    crop = replace(one.crop, box=(15, *one.crop.box[1:]), ink=np.full_like(one.crop.ink, 255))
    assert read(piece, Row(judged=[replace(one, crop=crop)])) == "3"


# --- pen and chalk ---


def of_tone(row: Row, dark: bool, height: int) -> Row:
    """A row so tall, of which the network is surer."""
    for at, one in enumerate(row.judged):
        likely = np.append(one.probabilities, one.none) ** 20
        likely /= likely.sum()
        crop = replace(one.crop, dark=dark, box=(*one.crop.box[:3], height))
        row.judged[at] = Judged(crop, likely[:10].astype(np.float32), float(likely[10]))
    return row


tones = st.builds(of_tone, rows_of_strokes(), st.booleans(), st.sampled_from([20, 100, 300]))


def test_a_page_has_one_tone_the_one_in_which_more_is_read() -> None:
    dark = Row(50).add(0, 1, {8: 0.99}).add(1, 2, {6: 0.99})
    hole = Row(60, 30, dark=False).add(0, 1, {0: 0.95})
    assert (read(dark), read(hole)) == ("86", "0")
    assert read(dark, hole) == "86"
    edges = Row(30, 90, dark=False).add(0, 1, {1: 0.99}).add(1, 2, {1: 0.99}).add(2, 3, {1: 0.99})
    assert read(Row(50).add(0, 1, {0: 0.99}), edges) == "0"
    chalk, shade = Row(50, dark=False).add(0, 1, {3: 0.99}), Row(60, 20).add(0, 1, {8: 0.99})
    assert read(shade, chalk) == "3"


def test_of_two_tones_that_weigh_the_same_the_dark_one_counts() -> None:
    dark, light = Row().add(0, 1, {3: 0.999}), Row(300, dark=False).add(0, 1, {8: 0.999})
    assert read(dark, light) == "3"
    assert read(dark, light.add(1, 2, {NONE: 0.99})) == "3", "though the light one is judged first"


def test_a_tone_that_cannot_outweigh_the_other_is_not_judged() -> None:
    number = Row().add(0, 1, {4: 0.99}).add(1, 2, {2: 0.99})
    hole = Row(130, 40, dark=False).add(0, 1, {NONE: 0.9})
    larger = Row(50, 300, dark=False).add(0, 1, {8: 0.99})
    assert [one.crop.dark for one in explained(hole, number)[1]] == [True, True]
    assert [one.crop.dark for one in explained(number, larger)[1]] == [False]
    doubtful = Row().add(0, 1, {4: 0.5, NONE: 0.5})
    assert {one.crop.dark for one in explained(doubtful, hole)[1]} == {True, False}


@pytest.mark.parametrize(("value", "height", "is_ground"), [(2, 150, True), (0, 150, False), (2, 200, False)])
def test_the_outline_of_what_a_digit_of_the_other_tone_is_painted_on_is_no_zero(
    value: int, height: int, is_ground: bool
) -> None:
    """The hole of a zero is taller, or looks like one itself."""
    stone = Row(50, 300).add(0, 6, {0: 0.99})
    painted = Row(80, height, dark=False).add(2, 4, {value: 0.99})
    (one,) = found(stone, painted)
    assert (one.value, one.crop.dark) == ((value, False) if is_ground else (0, True))


@given(st.lists(tones, max_size=4))
@settings(max_examples=200, deadline=None)
def test_what_is_not_judged_would_change_nothing(rows: list[Row]) -> None:
    """But that it is not among what else lies about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "_how_much_else", lambda digits, none: 0.0)
        digits = found(*rows)
        patch.setattr(
            "appliance.reading.tones._greatest_weight", lambda crops: inf
        )  # so that both tones are judged
        assert len(explained(*rows)[1]) == sum(len(row.judged) for row in rows)
        assert [one.crop.box for one in found(*rows)] == [one.crop.box for one in digits]


@pytest.mark.parametrize(("height", "text"), [(100, "18"), (180, "18"), (220, "8")])
def test_a_one_that_towers_above_all_other_digits_is_an_edge(height: int, text: str) -> None:
    """As the gaps between the keys of a keyboard, of which some letters look like digits."""
    row = Row(200).add(0, 1, {1: 0.99}).add(1, 2, {8: 0.99})
    edge = row.judged[0]
    row.judged[0] = replace(edge, crop=replace(edge.crop, box=(10, 250 - height // 2, 20, height)))
    assert read(row) == text
    assert read(Row(judged=row.judged[:1])) == "1"


@pytest.mark.parametrize("height, text", [(190, "054"), (210, "54")])
def test_a_zero_that_towers_above_all_other_digits_is_a_cup(height: int, text: str) -> None:
    cup, number = Row(50, height).add(6, 8, {0: 0.99}), Row(300).add(0, 1, {5: 0.99}).add(1, 2, {4: 0.99})
    assert read(cup, number) == text
    assert read(cup, Row(300).add(0, 1, {1: 0.99})) == "01", "beside a bare stroke it is not"


def left_of(*lines: tuple[Row, bool], darker: float = 1.0, place: int = 8) -> str:
    """What is left of digits in one row, from a place on, with a figure up to the eighth that is none.

    Each is one of its lines if so said, and otherwise ink of its own; so many times as dark as the figure.
    """
    (figure,) = Row(100, 200).add(0, 8, {NONE: 0.99}).judged
    digits = []
    for number, (row, is_line) in enumerate(lines, place):
        (one,) = row.judged
        left, top, width, height = one.crop.box
        if is_line:
            figure.crop.ink[top - 100 : top - 100 + height, left - 10 : left - 10 + width] = 255
        full = np.full((height, width), 255, np.uint8)
        crop = replace(one.crop, first=number, past=number + 1, ink=full, peak=100 * darker)
        digits.append(replace(one, crop=crop))
    return "".join(str(one.value) for one in credible(digits, [figure, *digits]))


def line(place: int, value: int = 1, top: int = 160, height: int = 130, strokes: int = 1) -> Row:
    return Row(top, height).add(place, place + 1, {value: 0.99}, strokes)


def test_what_is_drawn_with_the_walls_of_a_house_is_no_number() -> None:
    walls, door = (line(1), line(5)), line(3, 7, 190, 90)
    house = [(part, True) for part in (walls[0], door, walls[1])]
    assert left_of(*house) == ""
    assert left_of(*((part, False) for part, _ in house)) == "171", "a number in a frame"
    assert left_of(*house, darker=1.3) == "171", "a number on printed lines that it touches"
    pieces = [(line(place, value, 150, 100, strokes=0), True) for place, value in ((1, 1), (2, 7), (3, 1))]
    assert left_of(*pieces, place=0) == "171", "digits that touch, cut from one stroke"
    assert left_of(*pieces) == "", "the door, cut apart"


def test_what_a_house_with_a_window_and_its_door_are_cut_into_is_no_number() -> None:
    def cut(whole: Judged, first: int) -> tuple[Judged, list[Judged]]:
        """A stroke as the one at that place of its row, and a one and a seven that it was cut into."""
        at = replace(whole.crop, first=first, past=first + 1)
        left, top, width, height = at.box
        half = width // 2
        boxes = ((left + after * half, top, half, height) for after in (0, 1))
        parts = (
            replace(at, first=first + after / 2, box=box, stroke_count=0) for after, box in enumerate(boxes)
        )
        digits = (line(0, value).judged[0] for value in (1, 7))
        return replace(whole, crop=at), [
            replace(digit, crop=part) for digit, part in zip(digits, parts, strict=True)
        ]

    def drawn(first: int, past: int, top: int, height: int) -> Judged:
        return Row(top, height).add(first, past, {NONE: 0.99}).judged[0]

    house, walls = cut(drawn(0, 4, 100, 200), 0)
    door, leaves = cut(drawn(2, 3, 200, 95), 1)
    window = drawn(1, 2, 150, 60)
    assert credible([*walls, *leaves], [house, door, window, *walls, *leaves]) == []
    assert credible(walls, [house, *walls]) == walls, "digits that touch"


def test_the_side_of_a_cell_is_no_one_and_a_one_that_touches_it_is() -> None:
    seven = line(3, 7, 190, 80)
    assert left_of((line(1), True), (seven, False)) == "7"
    assert left_of((line(1, top=190, height=100), True), (seven, False)) == "17"
    assert left_of((line(1), False), (seven, False)) == "17"


def test_what_surrounds_surer_digits_is_an_outline_and_none() -> None:
    """As that of a telephone, which has the shape of a seven where one side is in the shade."""
    outline, inner = Row(50, 400).add(0, 4, {7: 0.96}), Row(200, 100)
    inner.add(1, 2, {6: 0.99}).add(2, 3, {3: 0.99})
    assert read(outline, inner) == "63"
    assert read(outline) == "7"


def within(frame: Row, *digits: Row) -> Row:
    """One row of a circle or a box and of what is written in it, each a stroke of its own."""
    row = Row()
    for number, one in enumerate([*frame.judged, *(one for digit in digits for one in digit.judged)]):
        row.judged.append(replace(one, crop=replace(one.crop, first=number, past=number + 1)))
    return row


def test_a_circle_around_a_digit_is_no_zero() -> None:
    """However much it looks like one, and however unsure the digit in it is."""
    circle, one, eight = Row(50, 220).add(0, 4, {0: 0.99}), Row(100, 120), Row(100, 120)
    assert read(within(circle, one.add(1, 2, {1: 0.9}))) == "1"
    assert read(within(circle, eight.add(1, 2, {8: 0.7}))) == "8"
    assert read(within(circle)) == "0"


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ((50, 135, 90, 80), ""),
        ((60, 115, 70, 120), "0"),
        ((20, 110, 90, 80), "0"),
        ((30, 115, 130, 120), "0"),
    ],
    ids=["a target", "narrower, as a zero is", "aside", "the rim of its own stroke"],
)
def test_a_ring_within_a_ring_is_no_zero(inner: Box, text: str) -> None:
    row = within(Row(100, 150).add(0, 3, {0: 0.99}), Row().add(0, 1, {0: 0.99}))
    row.judged[1] = replace(row.judged[1], crop=replace(row.judged[1].crop, box=inner))
    assert read(row) == text


@pytest.mark.parametrize("value", [1, 7])
def test_a_box_around_a_digit_is_no_letter_beside_it(value: int) -> None:
    box, beside = Row(50, 200), Row(50, 200)
    digit = Row(100, 100).add(1, 2, {value: 0.99})
    assert read(within(box.add(0, 4, {NONE: 0.97}), digit)) == str(value)
    assert read(within(beside.add(2, 4, {NONE: 0.97}), digit)) == "", "as it would be there"


@pytest.mark.parametrize(
    ("eyes", "height", "peak", "text"),
    [
        (2, 20, 100.0, ""),
        (2, 13, 100.0, ""),
        (2, 10, 100.0, ""),
        (3, 30, 100.0, ""),
        (1, 20, 100.0, "0"),
        (2, 8, 100.0, "0"),
        (2, 20, 40.0, "0"),
    ],
)
def test_a_circle_with_several_things_in_it_is_a_face_and_no_zero(
    eyes: int, height: int, peak: float, text: str
) -> None:
    """Unless they are but dirt, or far paler, as the squares of the paper are."""
    face = Row(100, 150).add(0, 3, {0: 0.99})
    inside = Row(140, height)
    for place in range(eyes):
        inside.add(place, place + 1, {NONE: 0.97})
    inside.judged = [
        replace(one, crop=replace(one.crop, box=(40 + 35 * place, 140, height // 2, height), peak=peak))
        for place, one in enumerate(inside.judged)
    ]
    assert read(face, inside) == text


@pytest.mark.parametrize(
    ("height", "mouth", "text"),
    [(20, {NONE: 0.97}, ""), (70, {NONE: 0.97}, "00"), (20, {8: 0.97}, "008"), (20, {3: 0.4, NONE: 0.5}, "")],
    ids=["eyes", "as large as a number", "nothing but digits", "hardly a digit"],
)
def test_the_eyes_of_a_face_are_no_zeros(height: int, mouth: dict[int, float], text: str) -> None:
    """A number that is written in a circle fills more of it, or is all that is in it."""
    face = Row(100, 150).add(0, 3, {0: 0.6, NONE: 0.3})
    eyes = Row(130, height).add(0, 1, {0: 0.99}).add(1, 2, {0: 0.99})
    eyes.judged = [
        replace(one, crop=replace(one.crop, box=(40 + 60 * place, 130, height // 2, height)))
        for place, one in enumerate(eyes.judged)
    ]
    assert read(face, eyes, Row(205, 40).add(1, 2, mouth)) == text


@pytest.mark.parametrize(
    ("values", "mouth", "text"),
    [((0, 0), {NONE: 0.97}, ""), ((0, 7), {NONE: 0.97}, "07"), ((0, 0), {8: 0.97}, "008")],
    ids=["eyes", "another digit", "nothing but digits"],
)
def test_the_eyes_of_a_face_that_is_not_round_are_no_zeros(
    values: Sequence[int], mouth: dict[int, float], text: str
) -> None:
    """A cat's has ears, and is none of the digits; what is written in a frame is rarely zeros alone."""
    face = Row(60, 190).add(0, 3, {NONE: 0.97})
    eyes = Row(130, 20)
    for place, value in enumerate(values):
        eyes.add(place, place + 1, {value: 0.99})
    eyes.judged = [
        replace(one, crop=replace(one.crop, box=(40 + 60 * place, 130, 12, 20)))
        for place, one in enumerate(eyes.judged)
    ]
    assert read(face, eyes, Row(205, 30).add(1, 2, mouth)) == text


def test_parts_of_a_zero_s_own_stroke_make_it_no_face() -> None:
    zero = Row(100, 150).add(0, 3, {0: 0.99})
    zero.judged[0].crop.ink[:] = 255
    parts = Row(120, 30).add(0, 1, {NONE: 0.97}).add(1, 2, {NONE: 0.97})
    parts.judged = [
        replace(one, crop=replace(one.crop, box=(40 + 50 * place, 120, 30, 30)))
        for place, one in enumerate(parts.judged)
    ]
    assert read(zero, parts) == "0"


def test_a_row_that_the_frame_s_edge_cuts_off_all_along_is_no_help_to_another() -> None:
    number, wires = Row().add(0, 1, {3: 0.99}), Row(300, 60).add(0, 1, {8: 0.6}).add(1, 2, {8: 0.97})
    assert read(number, wires) == "388"
    for at_edge, text in ((1, "388"), (2, "3")):
        wires.judged[:at_edge] = [
            replace(one, crop=replace(one.crop, at_edge=True)) for one in wires.judged[:at_edge]
        ]
        assert read(number, wires) == text


def test_a_comma_is_no_zero_and_small_print_no_number() -> None:
    number, comma = Row().add(0, 1, {3: 0.99}).add(1, 2, {9: 0.99}), Row(190, 40).add(1, 2, {0: 0.9})
    assert read(number, comma) == "39"
    assert read(number, Row(250, 60).add(0, 1, {0: 0.9})) == "390", "another number"
    page = Row(50, 25).add(0, 1, {9: 0.99}).add(1, 2, {8: 0.99})
    assert read(page, number) == "39"
    assert read(Row(50, 40).add(0, 1, {9: 0.99}).add(1, 2, {8: 0.99}), number) == "9839", "of two lines"


def test_a_lower_row_that_holds_a_letter_is_print_though_most_of_it_looks_like_digits() -> None:
    number = Row().add(0, 1, {3: 0.99}).add(1, 2, {9: 0.99})
    label = Row(250, 50).add(0, 1, {5: 0.99}).add(1, 2, {1: 0.99})
    assert read(number, label) == "3951", "another number"
    label.add(2, 3, {NONE: 0.97})
    assert read(number, label) == "39"
    assert read(number, replace(label, judged=[tall(one) for one in label.judged])) == "3951", "as large"


def test_what_there_was_no_time_to_judge_is_something_else_and_no_digit() -> None:
    number, print_ = Row().add(0, 1, {5: 0.9}), Row(250).add(0, 1, {8: 0.999}).add(1, 2, {8: 0.999})
    assert read(number, print_) == "588"
    print_.judged = [replace(one, crop=replace(one.crop, left_out=True)) for one in print_.judged]
    assert read(number, print_) == ""
    print_.judged = print_.judged[:1]
    digits, judged = explained(number, print_)
    assert [one.value for one in digits] == [5]
    assert len(judged) == 1


def test_what_lies_within_a_larger_digit_is_its_hole() -> None:
    """Of the same tone as the digit, as where a thick outline was drawn around it."""
    zero, hole = Row(50, 200).add(0, 4, {0: 0.99}), Row(100, 80).add(1, 2, {1: 0.99})
    assert read(zero, hole) == "0"


def test_a_sign_that_is_there_once_more_as_it_fell_apart_is_no_digit_either() -> None:
    number = Row().add(0, 1, {7: 0.99}).add(1, 2, {0: 0.99}).add(2, 3, {1: 0.99}).add(3, 4, {0: 0.99})
    number.judged[1] = placed(number.judged[1], (70, 100, 40, 50))
    number.judged[3] = placed(number.judged[3], (190, 150, 40, 50))
    again, beside = Row().add(1, 2, {0: 0.99}), Row().add(1, 2, {4: 0.99})
    again.judged[0] = placed(again.judged[0], (68, 98, 44, 54))
    beside.judged[0] = placed(beside.judged[0], (60, 250, 60, 100))
    assert read(number, again, beside) == "74", "7 % and a 4"


def placed(one: Judged, box: Box) -> Judged:
    return replace(one, crop=replace(one.crop, box=box, ink=np.zeros(box[:1:-1], np.uint8)))


def tall(one: Judged) -> Judged:
    x, y, width, _ = one.crop.box
    return placed(one, (x, y, width, 90))


def fell_apart(says: dict[int, float], box: Box) -> Row:
    """A stroke as it was before it fell apart."""
    return changed(Row().add(0, 1, says, strokes=2), box=box)


def test_what_a_clear_digit_fell_apart_into_are_no_letters_beside_another() -> None:
    row = Row().add(0, 1, {3: 0.93}).add(1, 2, {NONE: 0.97}).add(2, 3, {NONE: 0.97})
    assert read(row) == ""
    assert read(row, fell_apart({2: 0.99}, (70, 100, 110, 100))) == "32"
    assert read(row, fell_apart({2: 0.7}, (70, 100, 110, 100))) == "", "which is not clear"


def test_what_a_digit_fell_apart_into_is_nothing_else_beside_ones() -> None:
    ones = [fell_apart({1: 0.98}, (x, 100, 50, 100)) for x in (10, 90)]
    pieces = changed(Row().add(0, 1, {NONE: 0.9}), box=(15, 105, 40, 90))
    elsewhere = changed(pieces, box=(200, 300, 40, 90))
    assert (read(*ones, pieces), read(*ones, elsewhere)) == ("11", "")


@pytest.mark.parametrize(
    ("peak", "confidence", "height", "alone"),
    [(130, 0.95, 100, True), (110, 0.95, 100, False), (130, 0.85, 100, False), (130, 0.95, 30, False)],
)
def test_a_digit_that_is_clear_and_not_small_stands_alone_where_nothing_else_is(
    peak: float, confidence: float, height: int, alone: bool
) -> None:
    (one,) = changed(Row(height=height).add(0, 1, {1: confidence}), peak=peak).judged
    (other,) = Row(300).add(0, 1, {NONE: 0.97}).judged
    assert evidence.stands_alone(one, [one], least=48) is alone
    assert not evidence.stands_alone(one, [one, other], least=48)


def test_a_letter_that_is_there_once_more_as_it_fell_apart_is_no_digit_either() -> None:
    word = Row().add(0, 1, {5: 0.99})
    for place in range(1, 4):
        word.add(place, place + 1, {NONE: 0.97})
    alone = fell_apart({5: 0.99}, (8, 98, 54, 104))
    assert read(word, alone) == ""
    assert read(Row().add(0, 1, {5: 0.4, NONE: 0.5}), alone) == "5", "whose pieces are no digit"
    other = fell_apart({8: 0.99}, (8, 98, 54, 104))
    assert read(word, other) == "8"


@pytest.mark.parametrize(
    ("x", "y", "height", "text"),
    [(20, 260, 100, "71"), (20, 420, 100, "7"), (200, 260, 100, "7"), (20, 260, 60, "7")],
    ids=["next line", "far below", "aside", "lower"],
)
def test_a_one_that_is_a_line_by_itself_stands_in_a_column_with_digits(
    x: int, y: int, height: int, text: str
) -> None:
    one = changed(Row().add(0, 1, {1: 0.93}), box=(x, y, 30, height))
    marks = changed(Row(600).add(0, 1, {NONE: 0.99}).add(1, 2, {NONE: 0.99}), peak=100)
    assert read(Row().add(0, 1, {7: 0.999}), one, marks) == text


@pytest.mark.parametrize(("pupil", "count", "text"), [(40, 2, ""), (15, 2, "00"), (40, 1, "0")])
def test_the_glasses_of_a_face_are_no_zeros(pupil: int, count: int, text: str) -> None:
    """Some write zeros with a dot, and in one there may be dirt."""
    eyes = Row()
    pupils = []
    for place in range(count):
        eyes.add(place, place + 1, {0: 0.99})
        dot = Row(150 - pupil // 2).add(0, 1, {NONE: 0.98})
        pupils.append(changed(dot, box=(60 * place + 35 - pupil // 2, 150 - pupil // 2, pupil, pupil)))
    assert read(eyes, *pupils) == text
