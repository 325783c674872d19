"""Arranges strokes in rows and proposes which of them may be a digit together.

Nothing is decided here that needs to know what a digit looks like: where strokes may belong together, or
one may be two digits that touch, every sensible grouping becomes a hypothesis, for the network to judge
(over-segmentation, as in LeCun et al., "Gradient-based learning applied to document recognition", 1998).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, combinations, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from appliance.vision.crops import around
from appliance.vision.cuts import apart
from appliance.vision.strokes import Stroke

_SHORTEST_DIGIT = 9  # pixels
_FLATTEST_DIGIT = 0.25  # height by width; what is flatter is a dash
_BARE = 0.3  # shorter by longer side: what is thinner has no shape of its own
_FRAGMENT = 0.1  # of the row's height: what is smaller is a speck
_NEAR = 0.3  # of the row's height: how far apart the parts of one digit may lie
_WIDEST_DIGIT = 1.35  # width by height
_MOST_TOGETHER = 3  # strokes of one digit
_LEVEL, _STEEPEST = 0.15, 0.7  # slopes of a row: what is taken for level, and what is no row
PALER = 0.3  # of a stroke's ink: what is paler was not written by the same pen
_AGREE = 0.2  # how far most slopes from neighbour to neighbour differ at most within a number


@dataclass(frozen=True, slots=True)
class Row:
    """Strokes that stand side by side, from left to right; each in the parts that it may fall into."""

    strokes: tuple[tuple[Stroke, ...], ...]
    height: int
    """The usual one, in pixels."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Neighbouring parts of a row that may be one digit: those from `first` up to before `past`."""

    parts: tuple[Stroke, ...]
    first: int
    past: int
    strokes: int
    """How many whole strokes it joins; 0 if it is but a part of one."""


def find_rows(strokes: Sequence[Stroke], shape: tuple[int, int]) -> list[Row]:
    """The rows of a frame of `shape`, from top to bottom; what can belong to no digit is left out."""
    seen = [stroke for stroke in strokes if not (_spans(stroke, shape) or _leaves(stroke, shape))]
    digits = [stroke for stroke in seen if _tall_enough(stroke.width, stroke.height)]
    if not digits:
        return []
    digits.sort(key=lambda stroke: -stroke.height)
    beside, slope = _beside(digits)
    groups: list[list[int]] = []
    for number in range(len(digits)):
        near = [group for group in groups if beside[number, group].any()]
        groups = [group for group in groups if group not in near] + [[number, *chain(*near)]]
    rows = [[digits[number] for number in group] for group in groups]
    fragments = [stroke for stroke in seen if not _tall_enough(stroke.width, stroke.height)]
    rows.sort(key=lambda row: min(stroke.top - slope * stroke.left for stroke in row))
    whole = [_with_fragments(row, fragments) for row in rows]
    parts = iter(apart(list(chain.from_iterable(strokes for strokes, _ in whole))))
    return [Row(tuple(islice(parts, len(strokes))), height) for strokes, height in whole]


def hypotheses(row: Row) -> Iterator[Hypothesis]:
    """What may be one digit: a stroke, some of its parts, or strokes that lie close together."""
    starts = [0, *accumulate(len(parts) for parts in row.strokes)]
    for number, parts in enumerate(row.strokes):
        for first, past in combinations(range(len(parts) + 1), 2):
            whole = past - first == len(parts)
            if (whole and _tall_enough(*around(parts)[2:])) or _may_be_one([parts[first:past]], row.height):
                yield Hypothesis(parts[first:past], starts[number] + first, starts[number] + past, int(whole))
        for past in range(number + 2, min(number + _MOST_TOGETHER, len(row.strokes)) + 1):
            strokes = row.strokes[number:past]
            if not _may_be_one(strokes, row.height):
                break
            yield Hypothesis(tuple(chain(*strokes)), starts[number], starts[past], past - number)


def _with_fragments(digits: Sequence[Stroke], fragments: Sequence[Stroke]) -> tuple[list[Stroke], int]:
    """A row's strokes from left to right, with the fragments that belong to it; and its usual height."""
    height = int(np.median([stroke.height for stroke in digits]))
    strokes = [*digits, *(stroke for stroke in fragments if _belongs(stroke, digits, height))]
    return sorted(strokes, key=lambda stroke: stroke.left + stroke.right), height


def _spans(stroke: Stroke, shape: tuple[int, int]) -> bool:
    """Whether a stroke crosses the whole frame, as a ruled line or a table's edge does."""
    flat = stroke.width > 0.9 * shape[1] and stroke.height < 0.5 * stroke.width
    across = stroke.left <= 1 and stroke.right >= shape[1] - 1
    down = stroke.top <= 1 and stroke.bottom >= shape[0] - 1 and stroke.width > 0.5 * shape[1]
    return flat or across or down


def _leaves(stroke: Stroke, shape: tuple[int, int]) -> bool:
    """Whether a bare stroke runs out of the frame, as the edge of a sheet or a cell does."""
    low, high = sorted((stroke.width, stroke.height))
    return stroke.edges_met(shape) > 0 and low < _BARE * high


def _tall_enough(width: int, height: int) -> bool:
    return height >= max(_SHORTEST_DIGIT, _FLATTEST_DIGIT * width)


def _beside(digits: Sequence[Stroke]) -> tuple[NDArray[np.bool_], float]:
    """Which of N strokes may stand in a row with which, `(N, N)`, and how far down rows go a pixel right."""
    left, top, width, height = np.array([digit.box for digit in digits]).reshape(-1, 4, 1).swapaxes(0, 1)
    low, high = np.minimum(height, height.T), np.maximum(height, height.T)
    ink = np.array([[digit.peak] for digit in digits]).reshape(-1, 1)
    one_pen = np.minimum(ink, ink.T) > PALER * np.maximum(ink, ink.T)
    across, down = ((middle.T - middle) for middle in (left + width / 2, top + height / 2))
    slope = _slope(np.where(low > 0.5 * high, across, 0), down, height)
    overlap = np.minimum(low, (low + high) / 2 - np.abs(down - slope * across))
    gap = np.abs(across) - (width + width.T) / 2
    return one_pen & (low > 0.28 * high) & (overlap > 0.5 * low) & (gap < 4 * high), slope


def _slope(across: NDArray[np.float64], down: NDArray[np.float64], height: NDArray[np.int64]) -> float:
    """The slope of rows that most neighbours agree on; 0 where that is next to nothing, or they differ.

    `across` and `down` `(N, N)` lead from each stroke to each other, `height` is `(N, 1)`.
    """
    aside = (np.abs(down) < _STEEPEST * np.abs(across)) & (np.abs(across) < 2 * height)
    away = np.where(aside, np.hypot(across, down), np.inf)
    some = np.flatnonzero(aside.any(axis=1))
    if some.size == 0:
        return 0.0
    nearest = away[some].argmin(axis=1)
    slopes = down[some, nearest] / across[some, nearest]
    slope = float(np.median(slopes))
    agreed = (np.abs(slopes - slope) < _AGREE).mean() > 0.6
    return slope if agreed and abs(slope) > _LEVEL else 0.0


def _belongs(fragment: Stroke, digits: Sequence[Stroke], height: int) -> bool:
    """Whether a piece too small for a digit lies close enough to one to be part of it."""
    if max(fragment.width, fragment.height) < _FRAGMENT * height:
        return False
    return any(
        fragment.peak > PALER * digit.peak
        and fragment.width < 1.5 * digit.height
        and max(fragment.left - digit.right, digit.left - fragment.right) < _NEAR * digit.height
        and max(fragment.top - digit.bottom, digit.top - fragment.bottom) < _NEAR * digit.height
        and max(fragment.width, fragment.height) > _FRAGMENT * digit.height
        for digit in digits
    )


def _may_be_one(strokes: Sequence[Sequence[Stroke]], height: int) -> bool:
    width, tall = around(list(chain(*strokes)))[2:]
    if tall < max(_SHORTEST_DIGIT, 0.4 * height) or width > _WIDEST_DIGIT * tall:
        return False
    boxes = [around(parts) for parts in strokes]
    return all(right[0] - left[0] - left[2] < _NEAR * height for left, right in pairwise(boxes))
