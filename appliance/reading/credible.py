"""Which digits remain in the light of each other, and of all else that was judged in their tone."""

from collections.abc import Iterable, Sequence
from math import inf
from statistics import median

from appliance.reading.drawings import without_drawings
from appliance.reading.judged import Judged, in_rows, lies_with, tallest_of, usual_peak
from appliance.reading.strays import without_strays
from appliance.vision.box import inside
from appliance.vision.stroke import AS_DARK, PALER, WRITTEN_IN

_DOUBTFUL = 0.5  # what is less sure, around what is beyond doubt, is but the mess about it
_FENCE = 4  # more ones than this in the frame or in a row, and so many more for each other digit, are a fence
_TOWERING = 2.0  # times as tall as other digits: such a one is an edge or the gap between keys, a zero a cup
_FAR_LOWER = 0.7  # of another's height: what is not may be beside it, and overlap
_COMMA = 0.45  # of the tallest digit: what is lower, alone in its row, is a comma
_SMALL_PRINT = 0.3  # of the tallest digit: a lower row is print
_LOWER = 0.6  # of the tallest digit: a lower row is print, too, if there is a letter in it
_LETTER = 0.5  # of the tallest digit in its row: what is none, and as tall, is a letter
_LOWEST = 0.35  # of the usual height: what is lower is dirt


def credible(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """What is left of the digits of one tone in the light of each other, and of all that is in their tone."""
    digits = [one for one in digits if not any(_surrounds(one, other) for other in digits)]
    digits = without_drawings(digits, judged)
    digits = _without_pale(digits)
    digits = without_strays(digits)
    digits = _without_low(digits)
    digits = _without_towering(digits)
    digits = _without_small_print(digits, judged)
    digits = [one for one in digits if not any(_is_hole(one, other) for other in digits)]
    return _without_fences(_each_once(digits))


def _without_pale(digits: Sequence[Judged]) -> list[Judged]:
    """Without what shows through from a page's other side, or was wiped off, and the lines of the paper.

    In haze ink fades from row to row: a digit is as strong as others in its row, a row as strong as others.
    Lines have no shape of their own, nor has a stroke of a shadow, and a finger's is none that is clear: they
    need not be so much paler.
    """
    rows = in_rows(digits)
    palest = PALER * max(map(_contrast_of, rows), default=0.0)
    rows = [row for row in rows if _contrast_of(row) > palest]
    digits = [one for row in rows for one in row if one.crop.contrast > PALER * _contrast_of(row)]
    palest = AS_DARK * usual_peak(digits)
    return [one for one in digits if (one.is_clear and one.value != 1) or one.crop.peak > palest]


def _contrast_of(row: Sequence[Judged]) -> float:
    return max(one.crop.contrast for one in row)


def _without_low(digits: Sequence[Judged]) -> list[Judged]:
    """Without dirt."""
    lowest = _LOWEST * _usual_height(digits)
    return [one for one in digits if one.crop.height >= lowest]


def _without_towering(digits: Sequence[Judged]) -> list[Judged]:
    """Without ones that are the edge of something, and zeros that are something round, as a cup."""
    shapes = [one for one in digits if one.value > 1]
    digits = [one for one in digits if one.value != 0 or not _towers(one, shapes)]
    others = [one for one in digits if one.value != 1]
    return [one for one in digits if one.value != 1 or not _towers(one, others)]


def _without_small_print(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """Without the rows that are far lower than others, or lower and hold letters as well."""
    tallest = tallest_of(digits)
    rows = [row for row in in_rows(digits) if not _is_small_print(row, tallest)]
    rows = [row for row in rows if tallest_of(row) > _LOWER * tallest or not _has_letters(row, judged)]
    return [one for row in rows for one in row]


def _each_once(digits: Sequence[Judged]) -> list[Judged]:
    """Of those in one place the surest: what fell apart may be there twice."""
    surest = {one.crop.box: one for one in sorted(digits, key=lambda one: one.confidence)}
    return [one for one in digits if surest[one.crop.box] is one]


def _without_fences(digits: Sequence[Judged]) -> list[Judged]:
    """None at all if they are a fence, and otherwise without the rows that are."""
    if _is_fence(digits):
        return []
    return [one for row in in_rows(digits) if not _is_fence(row) for one in row]


def _surrounds(one: Judged, other: Judged) -> bool:
    """Whether one is but what the other was written in or on: a circle, or the outline of a telephone.

    Where it has ink of its own, the other is rather a part of it, unless only the other is clear.
    """
    outer, inner = one.crop, other.crop
    if not inside(inner.box, outer.box):
        return False
    if one.confidence < _DOUBTFUL and other.is_beyond_doubt:
        return True
    if inner.height >= _FAR_LOWER * outer.height or outer.is_inked_in(inner.box):
        return False
    circle = one.value == 0 and inner.height > WRITTEN_IN * outer.height
    return circle or (other.is_beyond_doubt and other.confidence >= one.confidence)


def _towers(one: Judged, others: Iterable[Judged]) -> bool:
    return one.crop.height > _TOWERING * (tallest_of(others) or inf)


def _usual_height(digits: Sequence[Judged]) -> float:
    """The median height, or half the tallest if that is more: some write small zeros beside long sevens."""
    heights = [one.crop.height for one in digits]
    return max(median(heights), max(heights) / 2) if heights else 0.0


def _is_small_print(row: Sequence[Judged], tallest: int) -> bool:
    """Whether a row is so low beside the others that it is a comma, or print."""
    return tallest_of(row) < (_COMMA if len(row) == 1 else _SMALL_PRINT) * tallest


def _has_letters(row: Sequence[Judged], judged: Iterable[Judged]) -> bool:
    """Whether something as large as the digits of a row stands in it that is none."""
    least = _LETTER * tallest_of(row)
    there = (one for one in judged if one.crop.row == row[0].crop.row and not one.is_digit)
    return any(one.crop.height >= least and not lies_with(one.crop, row) for one in there)


def _is_hole(one: Judged, other: Judged) -> bool:
    """Whether one is but the hole of another, or seen twice; of two that were cut apart, neither is."""
    cut_apart = one.crop.is_part and other.crop.is_part and one.crop.row == other.crop.row
    return not cut_apart and inside(one.crop.box, other.crop.box)


def _is_fence(digits: Sequence[Judged]) -> bool:
    ones = sum(one.value == 1 for one in digits)
    return ones > _FENCE * (1 + len(digits) - ones)
