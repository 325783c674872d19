"""Signs beside digits: made-up rows of lines that a pen drew, each with what the network would say."""

from dataclasses import replace

import numpy as np
import pytest

from appliance.reading.judged import Judged
from appliance.reading.signs import without_signs
from appliance.vision import Crop
from training.pens import Shape, draw

LEFT: Shape = [[(0.2, 0.0), (0.05, 0.25), (0.0, 0.5), (0.05, 0.75), (0.2, 1.0)]]
RIGHT: Shape = [[(0.0, 0.0), (0.15, 0.25), (0.2, 0.5), (0.15, 0.75), (0.0, 1.0)]]
STRAIGHT: Shape = [[(0.05, 0.0), (0.0, 1.0)]]
FLAGGED: Shape = [[(0.0, 0.25), (0.3, 0.0), (0.3, 0.0), (0.25, 1.0)]]
ROUND: Shape = [[(0.3, 0.0), (0.0, 0.5), (0.3, 1.0), (0.6, 0.5), (0.3, 0.0)]]


def written(shape: Shape, value: int, height: int = 100, top: int = 0, none: float = 0.01) -> Judged:
    """A shape as high as that, so far below the top of the others, which the network takes for `value`."""
    lines = [np.array(points, np.float32) for points in shape]
    ink = (255 * draw(lines, height, 8)).astype(np.uint8)
    likely = np.full(10, 0.0, np.float32)
    likely[value] = 1 - none
    box = (0, 200 + top, ink.shape[1], ink.shape[0])
    return Judged(Crop(box, 0, 0, 1, 1, True, 200.0, 0.0, ink), likely, none)


def left(height: int = 120) -> Judged:
    return written(LEFT, 1, height, -(height - 100) // 2)


def right(height: int = 120, shape: Shape = RIGHT) -> Judged:
    return written(shape, 1, height, -(height - 100) // 2)


def one() -> Judged:
    return written(STRAIGHT, 1)


def zero(height: int = 100, top: int = 0) -> Judged:
    return written(ROUND, 0, height, top)


def read(*row: Judged) -> str:
    return "".join(str(each.value) for each in without_signs(row))


def test_brackets_around_digits_are_no_ones() -> None:
    assert read(left(), zero(), zero(), right()) == "00"
    assert read(left(90), zero(), right(90), zero(), one()) == "001"


def test_what_stands_between_is_kept_digit_or_not() -> None:
    letter = written(ROUND, 0, none=0.99)
    assert without_signs([left(), letter, right()]) == [letter]


@pytest.mark.parametrize("opens, closes", [(right(100), left(100)), (left(), one()), (one(), right(100))])
def test_ones_that_do_not_bend_around_digits_are_ones(opens: Judged, closes: Judged) -> None:
    assert read(opens, zero(), closes) == "101"


def test_brackets_around_nothing_are_ones() -> None:
    assert read(left(100), right(100)) == "11"


def test_what_is_far_lower_than_the_other_neither_opens_nor_closes() -> None:
    assert read(left(), zero(), right(80)) == "101"
    assert read(left(80), zero(), right(112)) == "101"


def test_a_one_with_a_flag_closes_no_bracket() -> None:
    assert read(left(), zero(), right(shape=FLAGGED)) == "101"


def test_a_taller_bracket_after_a_digit_closes_though_none_opened() -> None:
    assert read(zero(), right(120)) == "0"


def test_one_no_taller_than_the_digit_before_it_or_first_of_all_is_a_one() -> None:
    assert read(zero(), right(100)) == "01"
    assert read(right(120), zero()) == "10"


@pytest.mark.parametrize("degree", [zero(30, 5), written(STRAIGHT, 1, 30, 0), written(ROUND, 9, 40, 2)])
def test_what_is_small_and_set_high_is_an_exponent_a_degree_or_a_quotation_mark(degree: Judged) -> None:
    assert read(zero(), degree) == "0"
    assert read(degree, zero()) == "0"


def test_the_second_of_two_quotation_marks_is_none_either() -> None:
    mark = written(STRAIGHT, 1, 30, 0)
    assert read(zero(), mark, mark) == "0"


def test_a_comma_between_digits_is_no_one() -> None:
    assert read(zero(), written(STRAIGHT, 1, 35, 80), zero()) == "00"


def test_a_slash_between_a_raised_ring_and_a_lowered_one_is_a_percent_sign() -> None:
    assert read(zero(), zero(40, 0), one(), zero(40, 60)) == "0"
    assert read(zero(), zero(55, 0), one(), zero(55, 45)) == "0", "written large"
    assert read(zero(), zero(40, 20), one(), zero(40, 60)) == "0010", "set lower"
    assert read(zero(), zero(40, 0), one(), zero(40, 30)) == "010", "set higher"
    assert read(zero(), zero(40, 0), one(), zero(70, 40)) == "010", "larger"


def test_nothing_but_what_looks_like_a_one_is_a_slash() -> None:
    assert read(zero(50, 0), written(ROUND, 9), zero(50, 50)) == "090"


def test_small_zeros_on_the_line_are_digits_as_some_write_them() -> None:
    assert read(one(), zero(40, 60), zero(40, 58)) == "100"


def test_what_is_small_at_half_height_is_a_digit() -> None:
    assert read(one(), zero(40, 30)) == "10"
    assert read(zero(), written(STRAIGHT, 1, 45, 28)) == "01"


def test_what_is_half_as_tall_is_a_digit_wherever_it_stands() -> None:
    assert read(zero(), written(STRAIGHT, 1, 55, 0)) == "01"


def test_beside_what_is_far_paler_what_is_small_is_a_digit_wherever_it_stands() -> None:
    """As beside a pencil that lies there, or a stain."""
    pencil = written(STRAIGHT, 1, 300)
    pale = replace(pencil, crop=replace(pencil.crop, peak=80.0))
    assert read(zero(), pencil) == "1"
    assert read(zero(), pale) == "01"


def test_numbers_far_apart_are_in_no_brackets() -> None:
    def at(x: int, one: Judged) -> Judged:
        return replace(one, crop=replace(one.crop, box=(x, *one.crop.box[1:])))

    assert read(at(0, left(100)), at(50, zero()), at(140, right(100))) == "0"
    assert read(at(0, left(100)), at(50, zero()), at(240, right(100)), at(290, zero())) == "1010"


def test_beside_what_is_no_digit_small_ones_stay() -> None:
    tall = written(ROUND, 0, 200, -100, none=0.99)
    assert without_signs([tall, one()])[1].value == 1


def test_what_bears_no_ink_is_no_bracket() -> None:
    bare = replace(left(), crop=replace(left().crop, ink=np.zeros((120, 20), np.uint8)))
    assert read(bare, zero(), right(100)) == "101"


def test_nothing_is_left_of_nothing() -> None:
    assert without_signs([]) == []
