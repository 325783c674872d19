"""Where one stroke may be cut because it is two digits that touch, or more.

A cut is a path from top to bottom that crosses little ink: it falls through the white beside a digit and
through the stroke where that is thin, as a drop does (Congedo et al., "Segmentation of numeric strings",
1995). The best path through each of many places is found by dynamic programming, as a seam is by Avidan and
Shamir (2007). Digits that lean on one another have part of a stroke in common, and the cut runs along that:
from a notch above to one below. Whether a cut is right is for the network to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise, product

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import above
from appliance.vision.stroke import INKED

_ROWS = 36  # in which paths are searched: enough to tell strokes apart
_THROUGH = range(3, _ROWS - 2, 3)  # the rows in which places are that a path may lead through
_MARGIN = 6  # columns beside the stroke through which a path may begin or end
_TURN = 0.05  # the cost of each step aside, in columns of ink: of paths alike, the straight one
_BROADEST = 0.4  # pen by height: what is broader is a blob, and no writing
_THICKEST = 4.0  # in pens: how much ink a cut may cross
_APART = 0.02  # of the ink: what two cuts must differ by
_LEAST = 0.08  # of the ink, on either side of a cut
_LOWEST = 0.65  # of the height, on either side of a cut
_EVEN, _UNEVEN = 0.9, 4.0  # of the height on both sides that speaks for a cut, and the cost of less, in pens
_DEEP = 2  # rows that a notch is lower than the strokes on both sides of it, at least
_BESIDE = 5  # columns of which it is the lowest
_STEEP = 1.0  # columns for each row, at most, from a notch above to one below
_IN_COMMON = 0.2  # of what ink costs otherwise, along a stroke that two digits have in common
_MOST = 10  # cuts for each height of width
_MOST_OF_ALL = 11  # cuts of the longest scribble
_WIDEST = 1.5  # width by height of a digit that touches another: the wider they are, the sooner they touch
_SEVERAL = 1.4  # width by height from which there may be three digits
_FAINT = 0.2  # of full ink: what is left of a hairline in so few rows

Seam = NDArray[np.int64]
"""A column for each row `(height,)`: what lies left of it is cut from what does not."""

Seams = NDArray[np.int64]
"""Many, `(N, rows)`."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What lies between two cuts, or a cut and the end of a stroke."""

    first: float
    past: float
    """Where it begins and ends, in order from 0 to 1: two parts, one of which ends where the other begins,
    have the cut between them in common."""
    left: int
    top: int
    ink: NDArray[np.uint8]
    """`uint8 (height, width)`, as wide and as high as it is."""


def parts_of(ink: NDArray[np.uint8]) -> list[Part]:
    """The parts that a stroke `uint8 (height, width)` may fall into, if it is digits that touch."""
    cuts = sorted((_enlarged(path, ink.shape) for path in _cuts(_small(ink))), key=np.mean)
    ends = [np.zeros(ink.shape[0], np.int64), *cuts, np.full(ink.shape[0], ink.shape[1])]
    return list(_between(ink, ends))


def _between(ink: NDArray[np.uint8], ends: list[Seam]) -> Iterator[Part]:
    """What lies between any two of the ends that may be a digit, but for the whole."""
    columns = np.arange(ink.shape[1])
    left_of = [np.where(columns < end[:, np.newaxis], 255, 0).astype(np.uint8) for end in ends]
    last = len(ends) - 1
    several = ink.shape[1] > _SEVERAL * ink.shape[0]
    for first, past in combinations(range(last + 1), 2):
        outermost = (first == 0) + (past == last)
        if outermost == 2 or not (outermost or several):
            continue
        own = cv2.bitwise_and(ink, cv2.subtract(left_of[past], left_of[first]))
        x, y, width, height = cv2.boundingRect(above(own, INKED))
        if height >= _LOWEST * ink.shape[0] and width <= _WIDEST * height:
            yield Part(first / last, past / last, x, y, own[y : y + height, x : x + width])


def _small(ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A stroke in few rows, with a margin left and right, from 0 to 1."""
    columns = max(1, round(ink.shape[1] * _ROWS / ink.shape[0]))
    small = cv2.resize(ink, (columns, _ROWS), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.copyMakeBorder(small, 0, 0, _MARGIN, _MARGIN, cv2.BORDER_CONSTANT, value=0)


def _cuts(small: NDArray[np.float32]) -> list[Seam]:
    """The paths that least speaks against, no two alike."""
    pen = _pen(small)
    if pen > _BROADEST * _ROWS:
        return []
    along, across = _paths_along(small), _paths_across(small, _THICKEST * pen)
    paths = np.concatenate([along, across])
    weights = np.repeat(np.array([_IN_COMMON, 1], np.float32) / pen, (len(along), len(across)))
    badness = _badness(small, paths, weights)
    left = np.take_along_axis(_left_of(np.add, small), paths.T, axis=1) / max(1.0, float(small.sum()))
    share = left.sum(axis=0)
    badness[(share < _LEAST) | (share > 1 - _LEAST)] = np.inf
    most = min(_MOST_OF_ALL, _MOST * (small.shape[1] - 2 * _MARGIN) / _ROWS)
    chosen: list[Seam] = []
    while len(chosen) < most and np.isfinite(badness).any():
        best = badness.argmin()
        chosen.append(paths[best])
        badness[np.abs(left - left[:, best, np.newaxis]).sum(axis=0) < _APART] = np.inf
    return chosen


def _paths_along(small: NDArray[np.float32]) -> Seams:
    """The straight paths `(N, rows)` from each notch above to those below."""
    inked = small > 0.5
    upper = _notches(inked)
    lower = [(_ROWS - 1 - row, column) for row, column in _notches(inked[::-1])]
    paths = [
        np.rint(np.interp(np.arange(_ROWS), (top, bottom), (begin, end))).astype(np.int64)
        for (top, begin), (bottom, end) in product(upper, lower)
        if abs(end - begin) <= _STEEP * (bottom - top)
    ]
    return np.array(paths, np.int64).reshape(-1, _ROWS)


def _notches(inked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The rows and columns in which drops come to rest between strokes that rise higher on both sides."""
    depth = np.where(inked.any(axis=0), inked.argmax(axis=0), _ROWS).astype(np.uint8)
    brims = np.minimum.accumulate(depth), np.minimum.accumulate(depth[::-1])[::-1]
    deepest = cv2.dilate(depth, np.ones(_BESIDE, np.uint8))[:, 0]
    rests = (depth < _ROWS) & (depth == deepest) & (depth >= np.maximum(*brims) + _DEEP)
    ends = np.flatnonzero(np.diff(rests, prepend=False, append=False)).reshape(-1, 2)
    return [(int(depth[first]), int(first + past) // 2) for first, past in ends]


def _paths_across(small: NDArray[np.float32], thickest: float) -> Seams:
    """The path `(N, rows)` through each of many places that crosses least ink, if that is little."""
    down, from_above = _descents(small)
    up, from_below = (table[::-1] for table in _descents(small[::-1]))
    rows = np.array(_THROUGH)
    places, columns = np.nonzero((down + up - small)[rows] <= thickest)
    rows = rows[places]
    paths = np.empty((len(rows), _ROWS), np.int64)
    at = columns
    for row in range(_ROWS - 1, -1, -1):
        paths[:, row] = at
        at = np.where(rows >= row, at + from_above[row, at], at)
    at = columns
    for row in range(_ROWS):
        paths[rows <= row, row] = at[rows <= row]
        at = np.where(rows <= row, at + from_below[row, at], at)
    return paths


def _descents(small: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The least ink on the way from the first row to each pixel; and the step back from it, -1, 0 or 1."""
    cost = np.full((small.shape[0], small.shape[1] + 2), np.inf, np.float32)
    cost[:, 1:-1] = small
    for before, here in pairwise(cost):
        here[1:-1] += np.minimum(np.minimum(before[:-2], before[2:]) + _TURN, before[1:-1])
    ways = np.stack([cost[:-1, :-2] + _TURN, cost[:-1, 1:-1], cost[:-1, 2:] + _TURN])
    steps = np.zeros(small.shape, np.int64)
    steps[1:] = ways.argmin(axis=0) - 1
    return cost[:, 1:-1], steps


def _badness(small: NDArray[np.float32], paths: Seams, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """How little speaks for each of N paths, `(N,)`: the ink on its way, and 1 for each stroke it crosses.

    `weights` `(N,)` are what a column of ink costs on each.
    Digits that touch do so in one place, and are about as tall: infinite where either side is too low.
    """
    columns = paths.T
    along = np.take_along_axis(small, columns, axis=1)
    crossed = along > 0.5
    times = crossed[0] + np.count_nonzero(crossed[1:] & ~crossed[:-1], axis=0)
    sides = _left_of(np.maximum, small), _left_of(np.maximum, small[:, ::-1])[:, ::-1]
    height = np.minimum(*(_height(np.take_along_axis(side, columns, axis=1)) for side in sides)) / _ROWS
    badness = weights * along.sum(axis=0) + times + _UNEVEN * np.maximum(0, _EVEN - height)
    return np.where(height >= _LOWEST, badness, np.inf)


def _left_of(what: np.ufunc, ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum or the maximum, as `what` says, of all that is left of each column `(rows, columns + 1)`."""
    found = np.zeros((ink.shape[0], ink.shape[1] + 1), np.float32)
    what.accumulate(ink, axis=1, out=found[:, 1:])
    return found


def _height(darkest: NDArray[np.float32]) -> NDArray[np.int64]:
    """Over how many rows there is ink; `darkest` `(rows, N)` is the most in each row."""
    filled = darkest > _FAINT
    first, past = filled.argmax(axis=0), filled.shape[0] - filled[::-1].argmax(axis=0)
    return np.where(filled.any(axis=0), past - first, 0)


def _pen(ink: NDArray[np.float32]) -> float:
    """The usual width of the stroke: across one of n pixels, distances to its edge average n / 4 + 1 / 2."""
    inked = cv2.copyMakeBorder((ink > 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    away = cv2.distanceTransform(inked, cv2.DIST_L2, 3)
    return max(1.0, 4 * float(away[away > 0].mean()) - 2) if away.any() else 1.0


def _enlarged(path: Seam, shape: tuple[int, ...]) -> Seam:
    """A path through the small picture as one through the stroke."""
    scale = shape[0] / _ROWS
    rows = (np.arange(shape[0]) + 0.5) / scale - 0.5
    found = np.interp(rows, np.arange(_ROWS), path - _MARGIN) * scale
    return np.clip(np.rint(found), 0, shape[1]).astype(np.int64)
