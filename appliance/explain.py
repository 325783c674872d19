"""From judged crops to digits: the best explanation of each row, and what its company says of each digit."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from math import ceil, inf
from statistics import median

import numpy as np

from appliance.evidence import stand_out
from appliance.judged import (
    BEYOND_DOUBT,
    NEVER,
    Judge,
    Judged,
    beyond_doubt,
    inside,
    lies_with,
    only_ones,
    same_box,
    tallest_of,
    usual_peak,
)
from appliance.signs import without_signs
from appliance.vision import Box, Crop, encloses, take_apart
from appliance.vision.layout import AS_DARK, PALER, WRITTEN_IN, reading_order

_TO_IGNORE = 0.2  # the cost of leaving out what nothing judged alone begins: a speck, the rest of a cut one
_TO_CUT = 0.1  # the cost of each part that a stroke is cut into: few digits touch
_TO_PART = 0.2  # the cost of taking a stroke for none where it might belong to a digit of several strokes
_TO_DISMISS = 0.8  # the cost of taking a stroke for none where it might be digits that touch,
_TWO_WIDE = 1.1  # and as often that as it has times this width by height: there may be more of them
_DOUBTED = 0.9  # what is less sure may be digits that touch
_MOST_DOUBTED = 4  # where more are, it is print or clutter
_CLEARLY = 0.996  # what is as sure is a digit beside as many letters
_HOPELESS = 0.3  # what is less sure is no digit, whatever stands beside it
_TOO_NARROW = 0.5  # width by height
_COMPANY = 0.02  # how much less likely it is, beside such a digit, that something is none
_UNLIKELY = 0.02  # what is less sure is none even there
_TRUSTED = 0.6  # of the threshold: in a row of nothing but digits, a less sure one is read as well
_THICKER = 2.0  # times as thick as the thickest digit: no pen wrote that as well
_CLOSE = 0.3  # of the height: how far apart the letters of a word stand at most,
_SPREAD = 0.5  # and the digits of a number
_BESIDE = 0.5  # of the lower one's height: so much of it is level with what it stands beside
_FENCE = 4  # more ones than this, and nothing else in the frame or in their row, are a fence or a keyboard
_TOWERING = 2.0  # times as tall as any other digit: such a one is an edge, or the gap between keys
_FAR_LOWER = 0.7  # of another's height: what is not may be beside it, and overlap
_AS_LARGE = 0.5  # of the tallest digit: what is none beside it is a letter, if as large, and dirt otherwise
_DASH = 0.6  # of that: what is lower is a dash, however long
_FEATURE = 0.1  # of a zero's height, at least, is what is drawn in it: less may be dirt
_MET = 10  # of 255, in the mean: with more of a digit's own ink in its box, it is but a part of it
_COMMA = 0.45  # of the tallest digit: what is lower, alone in its row, is a comma,
_SMALL_PRINT = 0.3  # and a row that is lower, print
_LOWEST = 0.35  # of the usual height: what is lower is dirt


def digits_of(crops: Sequence[Crop], judge: Judge, threshold: float) -> tuple[list[Judged], list[Judged]]:
    """The crops of a frame that are digits, as sure as `threshold`, in reading order; and all judged.

    Beside digits beyond doubt, and nothing else, one may be a little less sure.
    Where there is much else, something of it will look like a digit by chance: only surer ones are read.
    """
    digits, judged = _of_one_tone(crops, judge, threshold)
    rows = [row for row in _rows(digits) if not _is_astray(row, digits) or stand_out(row, judged)]
    digits = [digit for row in rows for digit in row]
    if not digits or not stand_out(digits, judged):
        return [], judged
    order = reading_order([one.crop.box for one in digits], digits[0].crop.slope)
    return [digits[place] for place in order], judged


def _of_one_tone(crops: Sequence[Crop], judge: Judge, threshold: float) -> tuple[list[Judged], list[Judged]]:
    """The digits of the dark or of the light crops; and all judged.

    A page has one tone, and what is seen in the other is the paper between the strokes. So where one tone
    shows what nothing in the other could outweigh, the other is not judged.
    """
    tones = [[crop for crop in crops if crop.dark is dark] for dark in (True, False)]
    first, second = (0, 1) if _greatest_weight(tones[0]) >= _greatest_weight(tones[1]) else (1, 0)
    judged = _judged(tones[first], judge)
    digits = _credible(_read_rows(judged, threshold), judged)
    sure, weight = _weight(digits)
    if sure and weight > _greatest_weight(tones[second]):
        return digits, judged
    judged_too = _judged(tones[second], judge)
    digits_too = _credible(_read_rows(judged_too, threshold), judged_too)
    return max(digits, digits_too, key=_weight), [*judged, *judged_too]


def _judged(crops: Sequence[Crop], judge: Judge) -> list[Judged]:
    """The crops of one tone, judged; and the parts of those in doubt that may be digits that touch."""
    judged = judge(crops)
    clear = [one.crop.box for one in judged if one.confidence > BEYOND_DOUBT]
    doubted = [one for one in judged if _may_be_several(one)]
    doubted = [one for one in doubted if not any(encloses(one.crop.box, box) for box in clear)]
    tall = _AS_LARGE * tallest_of(doubted)
    doubted = [one for one in doubted if one.crop.box[3] >= tall]
    if not doubted or len(doubted) > _MOST_DOUBTED:
        return judged
    parts = [part for one in doubted for part in take_apart(one.crop)]
    lefts = judge([part for part in parts if part.begins_stroke])
    # Most of what is in doubt is no number: what begins with no digit needs no more looking at.
    hopeful = {(one.crop.row, one.crop.first) for one in lefts if one.confidence > _HOPELESS}
    others = [part for part in parts if not part.begins_stroke and (part.row, part.first // 1) in hopeful]
    return sorted([*judged, *lefts, *judge(others)], key=lambda one: one.crop.row)


def _may_be_several(one: Judged) -> bool:
    """Whether a whole stroke may be digits that touch, for it is not clearly one."""
    return one.crop.is_whole and one.confidence < _DOUBTED and _width(one.crop) >= _TOO_NARROW


def _width(crop: Crop) -> float:
    """Of its box, by its height."""
    return crop.box[2] / crop.box[3]


def _greatest_weight(crops: Sequence[Crop]) -> int:
    """What digits made of these weigh at most, unless some touch; see `_weight`."""
    rows = (list(members) for _, members in groupby(crops, key=lambda crop: crop.row))
    return sum(int(max(crop.past for crop in row)) * max(crop.box[3] for crop in row) for row in rows)


def _read_rows(judged: Sequence[Judged], threshold: float) -> list[Judged]:
    """The digits of all rows of one tone."""
    digits: list[Judged] = []
    signs: list[Judged] = []
    for _, members in groupby(judged, key=lambda one: one.crop.row):
        explained = _explained(list(members))
        chosen = without_signs(explained)
        signs += [one for one in explained if all(one is not other for other in chosen)]
        digits += _read_row(chosen, threshold)
    # What fell apart is there once more, in a row of its own.
    return [one for one in digits if not any(same_box(one.crop.box, sign.crop.box) for sign in signs)]


def _explained(row: Sequence[Judged]) -> list[Judged]:
    """The best explanation of a row, once more in the company of what is beyond doubt in it."""
    chosen = best_explanation(row)
    doubtless = [one for one in chosen if beyond_doubt(one)]
    return best_explanation([_in_company(one, doubtless) for one in row]) if doubtless else chosen


def _read_row(chosen: Sequence[Judged], threshold: float) -> list[Judged]:
    """Those of what explains a row that are digits: sure, and in no word."""
    sure = [one for one in chosen if beyond_doubt(one) and one.confidence >= threshold]
    only_digits = sure and not _count_as_large(_non_digits(chosen, sure), _AS_LARGE * tallest_of(sure))
    enough = threshold * (_TRUSTED if only_digits else 1)
    digits: list[Judged] = []
    for word in _words(chosen):
        read = [one for one in word if one.is_digit and one.confidence >= enough]
        letters = _count_as_large(_non_digits(word, sure), _AS_LARGE * tallest_of(read))
        if _is_number(read, letters):
            digits += read
    return digits


def _is_number(digits: Sequence[Judged], letters: int) -> bool:
    """Whether digits that stand among so many letters are no letters, too, as a few of them are."""
    if len(digits) == letters:
        return all(one.confidence > _CLEARLY for one in digits)
    return len(digits) > letters


def _words(row: Sequence[Judged]) -> list[Sequence[Judged]]:
    """What stands close together in a row."""
    far = [_SPREAD if left.is_digit and right.is_digit else _CLOSE for left, right in pairwise(row)]
    gaps = [_gap(*pair) > limit for pair, limit in zip(pairwise(row), far, strict=True)]
    begins = [0, *(np.flatnonzero(gaps) + 1).tolist(), len(row)]
    return [row[first:past] for first, past in pairwise(begins)]


def _gap(left: Judged, right: Judged) -> float:
    """Between two boxes, by the height of the taller."""
    one, other = left.crop.box, right.crop.box
    return (other[0] - one[0] - one[2]) / max(one[3], other[3])


def _non_digits(chosen: Sequence[Judged], sure: Sequence[Judged]) -> list[Crop]:
    """What is none of it and may be letters: not in or around a clear digit, nor far paler or thicker."""
    palest = AS_DARK * usual_peak(sure)
    none = [one.crop for one in chosen if not one.is_digit and one.crop.peak > palest]
    clear = [one for one in chosen if one.confidence > BEYOND_DOUBT]
    none = [crop for crop in none if not lies_with(crop, clear)]
    if not (none and sure):
        return none
    thickest = _THICKER * max(one.crop.thickness for one in sure)
    return [crop for crop in none if crop.thickness <= thickest]


def best_explanation(row: Sequence[Judged]) -> list[Judged]:
    """The crops of one row, one at least, that together explain its strokes best, from left to right.

    Every part belongs to a digit, or to a whole stroke that is none, or is ignored; each costs the negative
    logarithm of its probability, and the cheapest way through the row is found by dynamic programming.
    """
    ends = sorted({0.0, *(end for one in row for end in (one.crop.first, one.crop.past))})
    cost = {ends[0]: 0.0}
    way: dict[float, tuple[float, Judged | None]] = {}
    explained_from = {one.crop.first for one in row if one.crop.is_whole or one.crop.is_part}
    dismissal = _costs_of_dismissing(row)
    for before, end in pairwise(ends):
        cost[end], way[end] = np.inf, (before, None)
        if before not in explained_from:
            cost[end] = cost[before] + _TO_IGNORE
        for one in (one for one in row if one.crop.past == end):
            price = cost[one.crop.first] + _price(one, dismissal)
            if price < cost[end]:
                cost[end], way[end] = price, (one.crop.first, one)
    chosen: list[Judged] = []
    end = ends[-1]
    while end > 0:
        end, best = way[end]
        if best is not None:
            chosen.append(best)
    return chosen[::-1]


def _costs_of_dismissing(row: Sequence[Judged]) -> dict[float, float]:
    """What taking a stroke for none costs, by where it begins, if it may be part of a digit, or several."""
    joined = (one.crop for one in row if one.crop.stroke_count > 1)
    costs = {first: _TO_PART for crop in joined for first in range(int(crop.first), int(crop.past))}
    cut = {one.crop.first for one in row if one.crop.is_part}
    whole = (one.crop for one in row if one.crop.is_whole and one.crop.first in cut)
    return costs | {crop.first: _TO_DISMISS * max(1.0, _width(crop) / _TWO_WIDE) for crop in whole}


def _price(one: Judged, dismissal: dict[float, float]) -> float:
    """Only one whole stroke may be judged to be none: not what it was cut into, nor joined with."""
    digit = -float(np.log(max(one.confidence, NEVER)))
    if one.crop.is_whole:
        return min(digit, dismissal.get(one.crop.first, 0) - float(np.log(max(one.none, NEVER))))
    return digit + _TO_CUT * one.crop.is_part


def _in_company(one: Judged, doubtless: Sequence[Judged]) -> Judged:
    """What to think of what stands beside digits beyond doubt: it is hardly nothing.

    Unless it is a stroke of such a digit, or so much smaller, or next to certainly none.
    """
    if any(_share_strokes(one.crop, other.crop) for other in doubtless):
        return one
    if one.crop.box[3] < _AS_LARGE * tallest_of(doubtless) or one.confidence < _UNLIKELY:
        return one
    none = _COMPANY * one.none
    whole = float(one.digits.sum()) + none
    return replace(one, digits=one.digits / whole, none=none / whole)


def _share_strokes(one: Crop, other: Crop) -> bool:
    return one.first < other.past and other.first < one.past


def _credible(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """What is left of the digits of one tone in the light of each other, and of all that is in their tone."""
    digits = [one for one in digits if not any(_surrounds(one, other) for other in digits)]
    digits = [one for one in digits if not _is_face(one, judged)]
    # What shows through from a page's other side, or was wiped off, looks like digits too.
    palest = PALER * max((one.crop.contrast for one in digits), default=0.0)
    digits = [one for one in digits if one.crop.contrast > palest]
    # No line of the paper; and what has no shape of its own is no stroke of a shadow.
    palest = AS_DARK * usual_peak(digits)
    digits = [one for one in digits if beyond_doubt(one) or one.crop.peak > palest]
    lowest = _LOWEST * _usual_height(digits)
    digits = [one for one in digits if one.crop.box[3] >= lowest]
    others = tallest_of(one for one in digits if one.value != 1) or inf
    digits = [one for one in digits if one.value != 1 or one.crop.box[3] <= _TOWERING * others]
    tallest = tallest_of(digits)
    digits = [one for row in _rows(digits) if not _is_small_print(row, tallest) for one in row]
    digits = [one for one in digits if not any(_is_hole(one, other) for other in digits)]
    # What fell apart may be there twice.
    surest = {one.crop.box: one for one in sorted(digits, key=lambda one: one.confidence)}
    digits = [one for one in digits if surest[one.crop.box] is one]
    return [] if _is_fence(digits) else [one for row in _rows(digits) if not _is_fence(row) for one in row]


def _rows(digits: Iterable[Judged]) -> list[list[Judged]]:
    return [list(row) for _, row in groupby(digits, key=lambda one: one.crop.row)]


def _is_small_print(row: Sequence[Judged], tallest: int) -> bool:
    """Whether a row is so low beside the others that it is a comma, or print."""
    return tallest_of(row) < (_COMMA if len(row) == 1 else _SMALL_PRINT) * tallest


def _is_fence(digits: Sequence[Judged]) -> bool:
    return len(digits) > _FENCE and only_ones(digits)


def _is_astray(row: Sequence[Judged], digits: Iterable[Judged]) -> bool:
    """Whether the frame's edge cuts off all of a row, or it is nothing but ones, level with no other."""
    if all(one.crop.at_edge for one in row):
        return True
    others = [one.crop.box for one in digits if one.value != 1]
    return only_ones(row) and not any(_level(one.crop.box, box) for one in row for box in others)


def _level(one: Box, other: Box) -> bool:
    """Whether a box stands beside another, be it as high or not."""
    shared = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return shared > _BESIDE * min(one[3], other[3])


def _usual_height(digits: Sequence[Judged]) -> float:
    """The median height, or half the tallest if that is more: some write small zeros beside long sevens."""
    heights = [one.crop.box[3] for one in digits]
    return max(median(heights), max(heights) / 2) if heights else 0.0


def _count_as_large(crops: Iterable[Crop], size: float) -> int:
    return sum(max(crop.box[2:]) >= size and crop.box[3] >= _DASH * size for crop in crops)


def _surrounds(one: Judged, other: Judged) -> bool:
    """Whether one is but what the other was written in or on: a circle, or the outline of a telephone.

    Where it has ink of its own, the other is rather a part of it.
    """
    inner, outer = other.crop.box, one.crop.box
    if inner[3] >= _FAR_LOWER * outer[3] or not inside(inner, outer) or _ink_in(one.crop, inner) >= _MET:
        return False
    circle = one.value == 0 and inner[3] > WRITTEN_IN * outer[3]
    return circle or (beyond_doubt(other) and other.confidence >= one.confidence)


def _is_hole(one: Judged, other: Judged) -> bool:
    """Whether one is but the hole of another, or seen twice; of two that were cut apart, neither is."""
    cut_apart = one.crop.is_part and other.crop.is_part and one.crop.row == other.crop.row
    return not cut_apart and inside(one.crop.box, other.crop.box)


def _is_face(one: Judged, judged: Iterable[Judged]) -> bool:
    """Whether a zero is the outline of what several strokes are drawn in: of a face, a clock or a button."""
    palest, smallest = AS_DARK * one.crop.peak, _FEATURE * one.crop.box[3]
    features = (
        other.crop.is_whole
        and other.crop.peak > palest
        and max(other.crop.box[2:]) >= smallest
        and encloses(one.crop.box, other.crop.box)
        and _ink_in(one.crop, other.crop.box) < _MET
        for other in judged
    )
    return one.value == 0 and sum(features) > 1


def _ink_in(crop: Crop, box: Box) -> float:
    """The mean ink of a crop in what it shares with a box that lies mostly within it, 0 to 255."""
    scale = crop.ink.shape[0] / crop.box[3]
    left, top = int((box[0] - crop.box[0]) * scale), int((box[1] - crop.box[1]) * scale)
    right, bottom = left + ceil(box[2] * scale), top + ceil(box[3] * scale)
    return float(crop.ink[max(0, top) : bottom, max(0, left) : right].mean())


def _weight(digits: Sequence[Judged]) -> tuple[bool, float]:
    """How much speaks for the digits of one tone: strokes alone may be what lies between other strokes."""
    return any(map(beyond_doubt, digits)), sum(one.confidence * one.crop.box[3] for one in digits)
