"""From the crops of a frame to its digits: of one tone, read row by row, that stand out from all else."""

from collections.abc import Iterable, Sequence

from appliance.reading.evidence import stand_out
from appliance.reading.judged import Judge, Judged, in_rows, lies_with, only_ones, with_left_out
from appliance.reading.order import in_reading_order
from appliance.reading.tones import digits_of_one_tone
from appliance.vision import Crop
from appliance.vision.box import are_level, as_tall

_NEXT_LINE = 2.0  # heights, at most, is one digit of a column above another


def digits_of(crops: Sequence[Crop], judge: Judge, threshold: float) -> tuple[list[Judged], list[Judged]]:
    """The crops of a frame that are digits, as sure as `threshold`, in reading order; and all judged.

    Where there is much else, something of it will look like a digit by chance: only surer ones are read.
    """
    digits, judged = digits_of_one_tone([crop for crop in crops if not crop.left_out], judge, threshold)
    seen = with_left_out(judged, crops)
    # To a row, the digits of others are nothing else, nor are their pieces.
    none = [one for one in seen if not (one.is_digit or lies_with(one.crop, digits))]
    rows = [row for row in in_rows(digits) if not _must_stand_out(row, digits) or stand_out(row, none)]
    digits = [digit for row in rows for digit in row]
    if not digits or not stand_out(digits, seen):
        return [], judged
    return in_reading_order(digits), judged


def _must_stand_out(row: Sequence[Judged], digits: Iterable[Judged]) -> bool:
    """Whether a row has to stand out by itself.

    That is if the frame's edge cuts off all of it, or it is nothing but ones that stand with no other digit.
    """
    if all(one.crop.at_edge for one in row):
        return True
    others = [one.crop for one in digits if one.value != 1]
    return only_ones(row) and not any(_stand_together(one.crop, other) for one in row for other in others)


def _stand_together(one: Crop, other: Crop) -> bool:
    """Whether one stands beside another, or, as tall as it, above or below it in a column."""
    if are_level(one.box, other.box):
        return True
    gap = max(one.top - other.bottom, other.top - one.bottom)
    near = gap < _NEXT_LINE * max(one.height, other.height)
    aside = abs(one.middle[0] - other.middle[0])
    return as_tall(one.height, other.height) and near and aside < max(one.width, other.width)
