"""From the judged crops of a row to its digits: those that explain it best, and stand in no word."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from appliance.reading.explanation import best_explanation
from appliance.reading.judged import (
    BEYOND_DOUBT,
    Judged,
    beyond_doubt,
    in_rows,
    lies_with,
    tallest_of,
    usual_peak,
)
from appliance.reading.signs import without_signs
from appliance.vision import Crop
from appliance.vision.box import same_box
from appliance.vision.stroke import AS_DARK

_CLEARLY = 0.996  # what is as sure is a digit beside as many letters
_COMPANY = 0.02  # how much less likely it is, beside such a digit, that something is none
_UNLIKELY = 0.02  # what is less sure is none even there
_TALLER = 1.5  # times as tall, at most, is what is in the company of a digit
_FAR = 3.0  # heights: so far from the next such digit it is in no company
_TRUSTED = 0.6  # of the threshold: in a row of nothing but digits, a less sure one is read as well
_THICKER = 2.0  # times as thick as the thickest digit: no pen wrote that as well
_MUCH = 0.5  # of a stroke's width, at least, are the digits that it is cut into
_CLOSE = 0.3  # of the height: how far apart the letters of a word stand at most,
_SPREAD = 0.5  # and the digits of a number
AS_LARGE = 0.5  # of the tallest digit: what is none beside it is a letter, if as large, and dirt otherwise
_PRINT = 0.6  # of the tallest digit in the row: a word with letters that is no taller is print, as a label
_DASH = 0.6  # of that: what is lower is a dash, however long


def read_rows(judged: Sequence[Judged], threshold: float) -> list[Judged]:
    """The digits of all rows of one tone."""
    digits: list[Judged] = []
    signs: list[Judged] = []
    letters: list[Judged] = []
    elsewhere = [one for one in judged if one.crop.fell_apart and one.confidence > BEYOND_DOUBT]
    for row in in_rows(judged):
        explained = _without_letters_cut_out(_explained(row), row)
        chosen = without_signs(explained)
        read = _read_row(chosen, elsewhere, threshold)
        signs += (one for one in explained if one not in chosen)
        letters += (one for one in chosen if one not in read and one.confidence > BEYOND_DOUBT)
        digits += read
    # What fell apart is there once more, in a row of its own.
    digits = [one for one in digits if not any(same_box(one.crop.box, sign.crop.box) for sign in signs)]
    return [one for one in digits if not any(_is_same(one, letter) for letter in letters)]


def _is_same(one: Judged, other: Judged) -> bool:
    return one.value == other.value and same_box(one.crop.box, other.crop.box)


def _explained(row: Sequence[Judged]) -> list[Judged]:
    """The best explanation of a row, once more in the company of what is beyond doubt in it."""
    chosen = best_explanation(row)
    doubtless = [one for one in chosen if beyond_doubt(one)]
    return best_explanation([_in_company(one, doubtless) for one in row]) if doubtless else chosen


def _without_letters_cut_out(explained: Sequence[Judged], row: Sequence[Judged]) -> list[Judged]:
    """With a stroke as a whole in place of the parts of it that are digits, if they are little of it.

    A word that is written in one go holds loops that by themselves look like digits.
    """
    found = list(explained)
    for whole in (one for one in row if one.crop.is_whole and not one.is_digit):
        parts = [one for one in found if one.crop.is_cut_from(whole.crop)]
        if parts and sum(one.crop.width for one in parts) < _MUCH * whole.crop.width:
            at = found.index(parts[0])
            found[at : at + len(parts)] = [whole]
    return found


def _in_company(one: Judged, doubtless: Sequence[Judged]) -> Judged:
    """What to think of what stands beside digits beyond doubt: it is hardly nothing.

    Unless it is a stroke of such a digit, or far smaller or larger, or far away, or next to certainly none;
    or a bare stroke that the frame's edge cuts off, which may be the side of anything.
    """
    if one.value == 1 and one.crop.at_edge:
        return one
    if any(_share_strokes(one.crop, other.crop) for other in doubtless):
        return one
    least, most = AS_LARGE * tallest_of(doubtless), _TALLER * tallest_of(doubtless)
    if not least <= one.crop.height <= most or one.confidence < _UNLIKELY:
        return one
    if min(max(_gap(one, other), _gap(other, one)) for other in doubtless) > _FAR:
        return one
    none = _COMPANY * one.none
    whole = float(one.probabilities.sum()) + none
    return replace(one, probabilities=one.probabilities / whole, none=none / whole)


def _share_strokes(one: Crop, other: Crop) -> bool:
    return one.first < other.past and other.first < one.past


def _read_row(chosen: Sequence[Judged], elsewhere: Sequence[Judged], threshold: float) -> list[Judged]:
    """Those of what explains a row that are digits: sure, and in no word.

    `elsewhere` are clear ones that this row may hold pieces of.
    """
    sure = [one for one in chosen if beyond_doubt(one) and one.confidence >= threshold]
    clear = [*elsewhere, *(one for one in chosen if one.confidence > BEYOND_DOUBT)]
    only_digits = sure and not _count_as_large(_non_digits(chosen, sure, clear), AS_LARGE * tallest_of(sure))
    enough = threshold * (_TRUSTED if only_digits else 1)
    numbers: list[tuple[list[Judged], int]] = []
    for word in _words(chosen):
        read = [one for one in word if one.is_digit and one.confidence >= enough]
        letters = _count_letters(word, read, sure, clear)
        if _is_number(read, letters):
            numbers.append((read, letters))
    low = _PRINT * max((tallest_of(read) for read, _ in numbers), default=0)
    return [one for read, letters in numbers if not letters or tallest_of(read) > low for one in read]


def _count_letters(
    word: Sequence[Judged], read: Sequence[Judged], sure: Sequence[Judged], clear: Sequence[Judged]
) -> int:
    """How many letters stand in a word beside the digits read there."""
    none = _non_digits(word, sure, clear)
    if all(one.confidence > BEYOND_DOUBT for one in read):  # what is cut off may be a circle
        none = [crop for crop in none if not crop.at_edge]
    return _count_as_large(none, AS_LARGE * tallest_of(read))


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
    return (right.crop.left - left.crop.right) / max(left.crop.height, right.crop.height)


def _non_digits(chosen: Sequence[Judged], sure: Sequence[Judged], clear: Sequence[Judged]) -> list[Crop]:
    """What is none of it and may be letters: not in or around a clear digit, nor far paler or thicker."""
    palest = AS_DARK * usual_peak(sure)
    none = [one.crop for one in chosen if not one.is_digit and one.crop.peak > palest]
    none = [crop for crop in none if not lies_with(crop, clear)]
    if not (none and sure):
        return none
    thickest = _THICKER * max(one.crop.thickness for one in sure)
    return [crop for crop in none if crop.thickness <= thickest]


def _count_as_large(crops: Iterable[Crop], size: float) -> int:
    return sum(crop.longer_side >= size and crop.height >= _DASH * size for crop in crops)
