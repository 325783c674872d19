"""Letters are told from digits: what looks like a digit within a word is a letter."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from appliance.reading.judged import AS_LARGE, Judged, gap, lies_with, tallest_of, usual_peak
from appliance.vision import Crop
from appliance.vision.stroke import AS_DARK

_TRUSTED = 0.6  # of the threshold: in a row of nothing but digits, a less sure one is read as well
_CLEARLY = 0.996  # what is as sure is a digit beside as many letters
_CLOSE = 0.3  # of the height: how far apart the letters of a word stand at most
_SPREAD = 0.5  # of the height: how far apart the digits of a number do
_THICKER = 2.0  # times as thick as the thickest digit: no pen wrote that as well
_DASH = 0.6  # of the size of a letter: what is lower is a dash, however long
_PRINT = 0.6  # of the tallest digit in the row: a word with letters that is no taller is print, as a label


def read_words(chosen: Sequence[Judged], elsewhere: Sequence[Judged], threshold: float) -> list[Judged]:
    """Those of what explains a row that are digits, and no letters.

    `elsewhere` are sure ones that this row may hold pieces of.
    """
    doubtless = [one for one in chosen if one.is_beyond_doubt and one.confidence >= threshold]
    sure = [*elsewhere, *(one for one in chosen if one.is_sure)]
    others = _non_digits(chosen, doubtless, sure)
    only_digits = doubtless and not _count_as_large(others, AS_LARGE * tallest_of(doubtless))
    enough = threshold * (_TRUSTED if only_digits else 1)
    numbers: list[tuple[list[Judged], int]] = []
    for word in _words(chosen):
        read = [one for one in word if one.is_digit and one.confidence >= enough]
        letters = _count_letters(word, read, doubtless, sure)
        if _is_number(read, letters):
            numbers.append((read, letters))
    low = _PRINT * max((tallest_of(read) for read, _ in numbers), default=0)
    return [one for read, letters in numbers if not letters or tallest_of(read) > low for one in read]


def _count_letters(
    word: Sequence[Judged], read: Sequence[Judged], doubtless: Sequence[Judged], sure: Sequence[Judged]
) -> int:
    """How many letters stand in a word beside the digits read there."""
    letters = _non_digits(word, doubtless, sure)
    if all(one.is_sure for one in read):  # what is cut off may be a circle
        letters = [crop for crop in letters if not crop.at_edge]
    return _count_as_large(letters, AS_LARGE * tallest_of(read))


def _is_number(digits: Sequence[Judged], letters: int) -> bool:
    """Whether digits that stand among so many letters are no letters, too, as a few of them are."""
    if len(digits) == letters:
        return all(one.confidence > _CLEARLY for one in digits)
    return len(digits) > letters


def _words(row: Sequence[Judged]) -> list[Sequence[Judged]]:
    """What stands close together in a row."""
    far = [_SPREAD if left.is_digit and right.is_digit else _CLOSE for left, right in pairwise(row)]
    gaps = [gap(*pair) > limit for pair, limit in zip(pairwise(row), far, strict=True)]
    begins = [0, *(np.flatnonzero(gaps) + 1).tolist(), len(row)]
    return [row[first:past] for first, past in pairwise(begins)]


def _non_digits(chosen: Sequence[Judged], doubtless: Sequence[Judged], sure: Sequence[Judged]) -> list[Crop]:
    """What is none of it and may be letters: not in or around a sure digit, nor far paler or thicker."""
    palest = AS_DARK * usual_peak(doubtless)
    others = [one.crop for one in chosen if not one.is_digit and one.crop.peak > palest]
    others = [crop for crop in others if not lies_with(crop, sure)]
    if not (others and doubtless):
        return others
    thickest = _THICKER * max(one.crop.thickness for one in doubtless)
    return [crop for crop in others if crop.thickness <= thickest]


def _count_as_large(crops: Iterable[Crop], size: float) -> int:
    return sum(crop.longer_side >= size and crop.height >= _DASH * size for crop in crops)
