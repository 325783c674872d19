"""The cheapest explanation of a row: which crops are digits and which strokes are none, each used once.

It is the shortest way through a segmentation graph, as in section V of LeCun et al., "Gradient-based learning
applied to document recognition", 1998.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from appliance.reading.judged import NEVER, Judged

_TO_IGNORE = 0.2  # the cost of leaving out what nothing judged alone begins: a speck, the rest of a cut one
_TO_CUT = 0.1  # the cost of each part that a stroke is cut into: few digits touch
_TO_PART = 0.2  # the cost of taking a stroke for none where it might belong to a digit of several strokes
_TO_DISMISS = (
    0.8  # the cost of taking a stroke for none where it might be digits that touch: for each two of them
)
_TWO_WIDE = 1.1  # width by height of two digits that touch


def best_explanation(row: Sequence[Judged]) -> list[Judged]:
    """The crops of one row, one at least, that together explain its strokes best, from left to right.

    Every part belongs to a digit, or to a whole stroke that is none, or is ignored; each costs the negative
    logarithm of its probability, and the cheapest way through the row is found by dynamic programming. What
    fell apart is alone in its row: as it may be ignored, only one surer than exp(-`_TO_IGNORE`) is a digit.
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
    return costs | {crop.first: _TO_DISMISS * max(1.0, crop.aspect / _TWO_WIDE) for crop in whole}


def _price(one: Judged, dismissal: dict[float, float]) -> float:
    """Only one whole stroke may be judged to be none: not what it was cut into, nor joined with."""
    digit = -float(np.log(max(one.confidence, NEVER)))
    if one.crop.is_whole:
        return min(digit, dismissal.get(one.crop.first, 0) - float(np.log(max(one.none, NEVER))))
    return digit + _TO_CUT * one.crop.is_part
