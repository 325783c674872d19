"""Which digits remain in the light of each other, and of all else that was judged in their tone."""

from collections.abc import Iterable, Sequence
from math import hypot, inf
from statistics import median

from appliance.reading.drawings import without_drawings
from appliance.reading.judged import (
    Judged,
    beyond_doubt,
    in_rows,
    lies_with,
    tallest_of,
    usual_peak,
)
from appliance.vision import Crop
from appliance.vision.box import are_level, inside, same_box
from appliance.vision.stroke import AS_DARK, PALER, WRITTEN_IN

_CLEARLY = 0.99  # a digit, though it is paler than others
_DOUBTFUL = 0.5  # what is less sure, around what is beyond doubt, is but the mess about it
_OTHER_PEN = 1.15  # times as thick as clear digits, at least, or as thin, is what is by another pen,
_UNLIKE = 1.7  # and in product with how much taller or lower it is, at least, what is unlike them
_APART = 0.6  # of its height: so near stand the digits of a number, or as near as clear ones do
_FENCE = 4  # more ones than this in the frame or in a row, and so many more for each other digit, are a fence
_TOWERING = 2.0  # times as tall as other digits: such a one is an edge or the gap between keys, a zero a cup
_FAR_LOWER = 0.7  # of another's height: what is not may be beside it, and overlap
_COMMA = 0.45  # of the tallest digit: what is lower, alone in its row, is a comma,
_SMALL_PRINT = 0.3  # and a row that is lower, print,
_LOWER, _LETTER = 0.6, 0.5  # or lower with a letter in it: what is none, and half as tall as its digits
_LOWEST = 0.35  # of the usual height: what is lower is dirt


def credible(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """What is left of the digits of one tone in the light of each other, and of all that is in their tone."""
    digits = [one for one in digits if not any(_surrounds(one, other) for other in digits)]
    digits = without_drawings(digits, judged)
    digits = _without_pale(digits)
    digits = _without_strays(digits)
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
    return [one for one in digits if _is_clear(one) or one.crop.peak > palest]


def _contrast_of(row: Sequence[Judged]) -> float:
    return max(one.crop.contrast for one in row)


def _is_clear(one: Judged) -> bool:
    return beyond_doubt(one) and one.confidence > _CLEARLY


def _without_strays(digits: Sequence[Judged]) -> list[Judged]:
    """Without what lies apart from digits that are clear, is not, and is of another size and pen: a thing.

    What stands in line with a clear one is none, however thin.
    """
    clear = [one for one in digits if one.confidence > _CLEARLY]
    if len(clear) == len(digits) or not any(map(beyond_doubt, clear)):
        return list(digits)
    pen = median(one.crop.thickness for one in clear)
    height = median(one.crop.height for one in clear)
    # In the cells of a form all stand apart.
    apart = max([_APART, *(gap for one in clear if (gap := _gap(one, clear)) < inf)])
    return [
        one
        for one in digits
        if one.confidence > _CLEARLY
        or not _is_unlike(one, pen, height)
        or _gap(one, digits) < apart
        or any(_is_in_line(one, other) for other in clear)
    ]


def _is_in_line(one: Judged, other: Judged) -> bool:
    """Whether one stands level with another and is about as tall: some ones are thin."""
    return are_level(one.crop.box, other.crop.box) and _ratio(one.crop.height, other.crop.height) < _OTHER_PEN


def _is_unlike(one: Judged, pen: float, height: float) -> bool:
    thicker, taller = _ratio(one.crop.thickness, pen), _ratio(one.crop.height, height)
    return thicker > _OTHER_PEN and thicker * taller > _UNLIKE


def _ratio(one: float, other: float) -> float:
    """Of the greater to the lesser; what is less than a pixel, as faint ink is thick, counts as one."""
    return max(one, other, 1.0) / max(1.0, min(one, other))


def _gap(one: Judged, digits: Iterable[Judged]) -> float:
    """From one to the next other digit, by the height of the taller; infinite if there is none."""
    # What fell apart may be there twice.
    others = (other for other in digits if not same_box(one.crop.box, other.crop.box))
    return min((_between(one.crop, other.crop) for other in others), default=inf)


def _between(one: Crop, other: Crop) -> float:
    across = max(other.left - one.right, one.left - other.right, 0)
    down = max(other.top - one.bottom, one.top - other.bottom, 0)
    return hypot(across, down) / max(one.height, other.height)


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
    if one.confidence < _DOUBTFUL and beyond_doubt(other):
        return True
    if inner.height >= _FAR_LOWER * outer.height or outer.is_inked_in(inner.box):
        return False
    circle = one.value == 0 and inner.height > WRITTEN_IN * outer.height
    return circle or (beyond_doubt(other) and other.confidence >= one.confidence)


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
