"""From the crops of a frame to its digits: of one tone, read row by row, that stand out from all else."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from appliance.reading.credible import credible
from appliance.reading.evidence import stand_out
from appliance.reading.judged import (
    BEYOND_DOUBT,
    Judge,
    Judged,
    beyond_doubt,
    in_rows,
    lies_with,
    only_ones,
    tallest_of,
    with_left_out,
)
from appliance.reading.rows import AS_LARGE, read_rows
from appliance.vision import Crop, take_apart
from appliance.vision.box import are_level, as_tall, encloses
from appliance.vision.layout import reading_order

_DOUBTED = 0.9  # what is less sure may be digits that touch
_MOST_DOUBTED = 4  # where more are, it is print or clutter
_HOPELESS = 0.3  # what is less sure is no digit, whatever stands beside it
_TOO_NARROW = 0.5  # width by height
_NEXT_LINE = 2.0  # heights, at most, is one digit of a column above another
_ON_GROUND = 0.6  # of its height, at most, is what is written on something round: a zero's hole is taller


def digits_of(crops: Sequence[Crop], judge: Judge, threshold: float) -> tuple[list[Judged], list[Judged]]:
    """The crops of a frame that are digits, as sure as `threshold`, in reading order; and all judged.

    Beside digits beyond doubt, and nothing else, one may be a little less sure.
    Where there is much else, something of it will look like a digit by chance: only surer ones are read.
    """
    digits, judged = _of_one_tone([crop for crop in crops if not crop.left_out], judge, threshold)
    seen = with_left_out(judged, crops)
    # To a row, the digits of others are nothing else, nor are their pieces.
    none = [one for one in seen if not (one.is_digit or lies_with(one.crop, digits))]
    rows = [row for row in in_rows(digits) if not _is_astray(row, digits) or stand_out(row, none)]
    digits = [digit for row in rows for digit in row]
    if not digits or not stand_out(digits, seen):
        return [], judged
    order = reading_order([one.crop.box for one in digits], _slope(digits))
    return [digits[place] for place in order], judged


def _slope(digits: Sequence[Judged]) -> float:
    """How far a line of digits falls, in pixels for each to the right; what is none tells nothing of it."""
    return next((row[0].crop.slope for row in in_rows(digits) if len(row) > 1), 0.0)


def _of_one_tone(crops: Sequence[Crop], judge: Judge, threshold: float) -> tuple[list[Judged], list[Judged]]:
    """The digits of the dark or of the light crops; and all judged.

    A page has one tone, and what is seen in the other is the paper between the strokes. So where one tone
    shows what nothing in the other could outweigh, the other is not judged. Of two that weigh the same, the
    dark one counts.
    """
    tones = [[crop for crop in crops if crop.dark is dark] for dark in (True, False)]
    first, second = (0, 1) if _greatest_weight(tones[0]) >= _greatest_weight(tones[1]) else (1, 0)
    judged = _judged(tones[first], judge)
    digits = credible(read_rows(judged, threshold), judged)
    sure, weight = _weight(digits)
    outweighed = weight > _greatest_weight(tones[second])
    if sure and outweighed and not any(_is_around(one, crop) for one in digits for crop in tones[second]):
        return digits, judged
    judged_too = _judged(tones[second], judge)
    digits_too = credible(read_rows(judged_too, threshold), judged_too)
    both = _without_grounds(digits, digits_too), _without_grounds(digits_too, digits)
    return max(both, key=lambda one: (_weight(one), _are_dark(one))), [*judged, *judged_too]


def _are_dark(digits: Sequence[Judged]) -> bool:
    return any(one.crop.dark for one in digits)


def _without_grounds(digits: Sequence[Judged], others: Sequence[Judged]) -> list[Judged]:
    """Without the zeros that are but the outline of what digits of the other tone are written on.

    The hole of a zero may look like a digit, mostly like a zero itself.
    """
    written = [one.crop for one in others if one.value and beyond_doubt(one)]
    return [one for one in digits if not any(_is_around(one, crop) for crop in written)]


def _is_around(one: Judged, crop: Crop) -> bool:
    """Whether one looks like a zero around something smaller than its own hole."""
    smaller = crop.height < _ON_GROUND * one.crop.height
    return one.value == 0 and smaller and encloses(one.crop.box, crop.box)


def _greatest_weight(crops: Sequence[Crop]) -> int:
    """What digits made of these weigh at most, unless some touch; see `_weight`."""
    rows = (list(members) for _, members in groupby(crops, key=lambda crop: crop.row))
    return sum(int(max(crop.past for crop in row)) * max(crop.height for crop in row) for row in rows)


def _weight(digits: Sequence[Judged]) -> tuple[bool, float]:
    """How much speaks for the digits of one tone: strokes alone may be what lies between other strokes."""
    return any(map(beyond_doubt, digits)), sum(one.confidence * one.crop.height for one in digits)


def _judged(crops: Sequence[Crop], judge: Judge) -> list[Judged]:
    """The crops of one tone, judged; and the parts of those in doubt that may be digits that touch."""
    judged = judge(crops)
    clear = [one.crop.box for one in judged if one.confidence > BEYOND_DOUBT]
    doubted = [one for one in judged if _may_be_several(one)]
    doubted = [one for one in doubted if not any(encloses(one.crop.box, box) for box in clear)]
    tall = AS_LARGE * tallest_of(doubted)
    doubted = [one for one in doubted if one.crop.height >= tall]
    if not doubted or len(doubted) > _MOST_DOUBTED:
        return judged
    parts = [part for one in doubted for part in take_apart(one.crop)]
    return sorted([*judged, *_judged_parts(parts, judge)], key=lambda one: one.crop.row)


def _judged_parts(parts: Sequence[Crop], judge: Judge) -> list[Judged]:
    """What strokes may fall into, judged from the left: only where what lies left of it may be a digit.

    Most of what is in doubt is no number: what begins with no digit is not several.
    """
    begun = {(part.row, part.first) for part in parts}
    # What may be followed by nothing leaves a rest that is no digit.
    parts = [part for part in parts if part.ends_stroke or (part.row, part.past) in begun]
    found: list[Judged] = []
    reached = {(part.row, part.first) for part in parts if part.begins_stroke}
    new = reached
    while new:
        there = judge([part for part in parts if (part.row, part.first) in new])
        hopeful = [one.crop for one in there if one.confidence > _HOPELESS]
        # What follows on a digit is needed, digit or not: else it would be nothing that is left out.
        found += [one for one in there if one.confidence > _HOPELESS or not one.crop.begins_stroke]
        new = {(part.row, part.past) for part in hopeful if not part.ends_stroke} - reached
        reached = reached | new
    return found


def _may_be_several(one: Judged) -> bool:
    """Whether a whole stroke may be digits that touch, for it is not clearly one."""
    return one.crop.is_whole and one.confidence < _DOUBTED and one.crop.aspect >= _TOO_NARROW


def _is_astray(row: Sequence[Judged], digits: Iterable[Judged]) -> bool:
    """Whether the frame's edge cuts off all of a row, or it is nothing but ones, level with no other."""
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
