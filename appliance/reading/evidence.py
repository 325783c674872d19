"""What speaks for digits, and how much has to: what the network cannot see in a crop, the frame shows."""

from collections.abc import Iterable, Sequence
from math import log
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from appliance.reading.judged import NEVER, Judged, lies_with, only_ones, tallest_of, usual_peak
from appliance.vision import Crop
from appliance.vision.stroke import PALER

_LEAST_ODDS = 0.043  # asked of digits in perfect black with nothing else about; all below are factors of it
_PALE = 1.3  # power of how many times paler than that the ink is
_LITTLE, _CROWD = 0.15, 2.0  # in pale ink: the unit in which all else counts, and the power of 1 + that
_LEAST_ELSE = 0.006  # in strong ink: the unit in which all else counts, by 1 + that itself
_STRONG = 110  # of 255: ink that is more is strong
_CUT_OFF = 100.0  # for digits that the frame's edge may have cut off
_FOR_ONES = 9.0  # for ones alone
_CLEAR_ODDS = 40.0  # less than these, at least, speak for no reading rather than another
_AS_A_PEN = 150  # of 255: as strong as a pen writes, at least
_LIKELY, _CLEAR_INK = 0.9, 120  # a digit all by itself is as sure, and in so much ink of 255, at least
_SPECK = 0.1  # of the tallest digit: what is smaller is nothing else
_SMALLER = 1.5  # power of its size, in tallest digits, with which something smaller counts less
_PRINT = 3.0  # the same for a letter of print
_LETTERS, _LOW = 4, 0.6  # in a row of print, at least; by the tallest digit, they are all lower than that


def evidence(digits: Sequence[Judged], judged: Iterable[Judged]) -> float:
    """What speaks for one digit or more: how far their log-odds exceed what is asked of them, in sum.

    A one is but a stroke: it may speak against a reading, never for it.
    """
    beyond = _log_odds(digits) - log(max(_CLEAR_ODDS, _odds_asked(digits, judged)))
    return sum(min(0.0, more) if one.value == 1 else more for one, more in zip(digits, beyond, strict=True))


def stand_out(digits: Sequence[Judged], judged: Iterable[Judged]) -> bool:
    """Whether digits, one at least, are, by the geometric mean of their odds, as sure as is asked of them."""
    asked = _odds_asked(digits, judged) * (_FOR_ONES if only_ones(digits) else 1)
    return float(_log_odds(digits).mean()) > log(asked)


def in_full_ink(digits: Sequence[Judged], least: float) -> bool:
    """Whether digits are as strong as a pen writes them, and so many pixels tall at least."""
    return usual_peak(digits) > _AS_A_PEN and tallest_of(digits) >= least


def stands_alone(one: Judged, judged: Iterable[Judged], least: float) -> bool:
    """Whether a digit is sure, in clear ink, so many pixels tall at least, and there is nothing else."""
    clear = one.confidence > _LIKELY and one.crop.peak > _CLEAR_INK and one.crop.height >= least
    return clear and not _how_much_else([one], [other.crop for other in judged if not other.is_digit])


def _odds_asked(digits: Sequence[Judged], judged: Iterable[Judged]) -> float:
    """The odds that all that the network cannot see asks of digits.

    That is how much else there is, how pale they are, and whether the frame's edge may have cut them off.
    """
    # What looks like a digit and is not read is something else as well, but for bare strokes, as of a fence.
    none = [one.crop for one in judged if not one.is_digit or (one.crop.is_whole and one.value != 1)]
    others = _how_much_else(digits, none)
    peak, at_edge = usual_peak(digits), fmean(one.crop.at_edge for one in digits)
    # Among a page of print strong ink stands out better than that tells, and among a few things less well.
    crowd = 1 + others / _LEAST_ELSE if peak > _STRONG else (1 + others / _LITTLE) ** _CROWD
    return float(_LEAST_ODDS * crowd * (255 / peak) ** _PALE * _CUT_OFF**at_edge)


def _log_odds(digits: Sequence[Judged]) -> NDArray[np.float64]:
    confidences = np.clip([one.confidence for one in digits], NEVER, 1 - NEVER)
    return np.asarray(np.log(confidences / (1 - confidences)))


def _how_much_else(digits: Sequence[Judged], none: Sequence[Crop]) -> float:
    """Of what is no digit: 1 for what is as tall and as strong as the digits, less for what is not.

    Least for the letters of print, which are many, and of one kind. Beside several digits beyond doubt, what
    is of the other tone is but the paper between strokes; a single one may be just that.
    """
    if sum(one.is_beyond_doubt for one in digits) > 1:
        none = [crop for crop in none if crop.dark is digits[0].crop.dark]
    usual, tallest = usual_peak(digits), tallest_of(digits)
    others = [crop for crop in none if crop.peak > PALER * usual and not lies_with(crop, digits)]
    sizes = np.array([crop.longer_side for crop in others]) / tallest
    strengths = np.array([crop.peak for crop in others]) / usual
    powers = np.where(_in_print(others, tallest), _PRINT, _SMALLER)
    counts = np.minimum(sizes, 1) ** powers * np.minimum(strengths, 1)
    return float(counts[sizes >= _SPECK].sum())


def _in_print(others: Sequence[Crop], tallest: int) -> NDArray[np.bool_]:
    """Which of them stand in a row of several that are all far lower than the tallest digit."""
    rows = np.array([crop.row for crop in others], np.int64)
    tall = np.array([crop.height >= _LOW * tallest for crop in others], np.bool_)
    _, row, counts = np.unique(rows, return_inverse=True, return_counts=True)
    return (counts >= _LETTERS)[row] & (np.bincount(row, tall, len(counts)) == 0)[row]
