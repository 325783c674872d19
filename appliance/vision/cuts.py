"""Where one stroke may be cut because it is two digits that touch, or more.

A cut is a path from top to bottom that crosses little ink: it falls through the white beside a digit and
through the stroke where that is thin (as a drop does in Congedo et al., "Segmentation of numeric strings",
1995; here the best path within a narrow band is found by dynamic programming, as a seam is by Avidan and
Shamir, 2007). Whether a cut is right is for the network to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.strokes import Stroke

_SUSPECT_WIDTH = 0.7  # width by height from which a stroke may be digits that touch
_ROWS = 36  # in which paths are searched: enough to tell strokes apart
_STEP = 3  # columns from band to band
_HALF = 4  # columns that a path may leave the middle of its band by
_THICKEST = 2.3  # in pens: how much ink a cut may cross
_APART = 4  # columns that two cuts differ by on average
_LEAST = 0.08  # of the ink, on either side of a cut
_LOWEST = 0.65  # of the height, on either side of a cut
_WIDE = 1.1  # width by height below which a stroke is rather one digit, and only a clear cut is proposed
_CLEAR = 1.3, 0.8  # what a clear cut crosses at most, in pens, and the least height beside it
_MOST = 3  # cuts for each height of width
_FAINT = 0.2  # of full ink: what is left of a hairline in so few rows
_ROUNDING = 0.999  # the error that sums of such numbers stay far within

Path = NDArray[np.int64]
"""A column for each row `(height,)`: what lies left of it is cut from what does not."""


@dataclass(frozen=True, slots=True)
class _Search:
    """A stroke in few rows, and the bands in which a cut through it is possible at all."""

    ink: NDArray[np.float32]
    """`(rows, columns)`, from 0 to 1."""
    middles: NDArray[np.int64]
    """The middle columns of the bands."""
    thickest: float
    """How much ink a cut may cross, in columns."""
    lowest: float
    """The least height on either side of a cut, in rows."""


def apart(strokes: Sequence[Stroke]) -> list[tuple[Stroke, ...]]:
    """Each stroke as it is, or from left to right the parts that it may fall into."""
    parts: list[tuple[Stroke, ...]] = [(stroke,) for stroke in strokes]
    suspects = [at for at, stroke in enumerate(strokes) if stroke.width >= _SUSPECT_WIDTH * stroke.height]
    searches = [_search(strokes[at]) for at in suspects]
    for at, search, paths in zip(suspects, searches, _cheapest_paths(searches), strict=True):
        parts[at] = _parts(strokes[at], _cuts(strokes[at], search, paths))
    return parts


def _parts(stroke: Stroke, cuts: Sequence[Path]) -> tuple[Stroke, ...]:
    if not cuts:
        return (_cut_out(stroke, stroke.ink),)
    columns = np.arange(stroke.width)
    # In every row from left to right: paths that would cross exchange their ends instead.
    edges = np.sort(np.array([np.zeros(stroke.height), *cuts]), axis=0)
    edges = np.vstack([edges, np.full(stroke.height, stroke.width)])
    between = (
        np.where((columns >= left[:, None]) & (columns < right[:, None]), stroke.ink, 0).astype(np.uint8)
        for left, right in pairwise(edges)
    )
    return tuple(_cut_out(stroke, ink) for ink in between if (ink > 127).any())


def _search(stroke: Stroke) -> _Search:
    columns = max(_STEP + 2, round(stroke.width * _ROWS / stroke.height))
    ink = cv2.resize(stroke.ink, (columns, _ROWS), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    thickest, lowest = (_THICKEST, _LOWEST) if stroke.width > _WIDE * stroke.height else _CLEAR
    middles = np.arange(_STEP, columns - 1, _STEP)
    # Along the side of its band a path leaves most beside it. If that is too little, any path there does.
    first, past = np.maximum(middles - _HALF, 0), np.minimum(middles + _HALF, columns)
    left, right = _darkest(ink)
    inked = np.append(0, ink.sum(axis=0).cumsum())
    most = np.minimum(inked[past], inked[-1] - inked[first])
    likely = _tall(left[:, past].T, lowest * _ROWS) & _tall(right[:, first].T, lowest * _ROWS)
    middles = middles[likely & (most > _LEAST * inked[-1] * _ROUNDING)]
    if middles.size:
        thickest *= _pen(ink)
        # Nor can it cross less than the least of each row.
        least = cv2.erode(_widened(ink), np.ones((1, 2 * _HALF + 1), np.uint8)).sum(axis=0)[middles + _HALF]
        middles = middles[least * _ROUNDING <= thickest]
    return _Search(ink, middles, thickest, lowest * _ROWS)


def _cheapest_paths(searches: Sequence[_Search]) -> list[Path]:
    """The path from top to bottom that crosses least ink in each of many upright bands, `(bands, rows)`.

    Those of all strokes are found together, for the bands of one take hardly less time.
    """
    counts = np.cumsum([search.middles.size for search in searches])
    if not searches or counts[-1] == 0:
        return [np.zeros((0, _ROWS), np.int64) for _ in searches]
    cost = np.full((_ROWS, counts[-1], 2 * _HALF + 3), np.inf, np.float32)
    around = np.arange(2 * _HALF + 1)
    for bands, search in zip(np.split(cost, counts[:-1], axis=1), searches, strict=True):
        bands[:, :, 1:-1] = _widened(search.ink)[:, search.middles[:, None] + around]
    for above, here in pairwise(cost):
        here[:, 1:-1] += np.minimum(np.minimum(above[:, :-2], above[:, 2:]), above[:, 1:-1])
    places = cost[-1].argmin(axis=1)
    paths = [places]
    steps, numbers = np.array([0, -1, 1]), np.arange(len(places))
    for above in cost[-2::-1]:
        places = places + steps[above[numbers, places + steps[:, None]].argmin(axis=0)]
        paths.append(places)
    middles = np.concatenate([search.middles for search in searches])
    return np.split(np.stack(paths[::-1], axis=1) + (middles - _HALF - 1)[:, None], counts[:-1])


def _widened(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.copyMakeBorder(ink, 0, 0, _HALF, _HALF, cv2.BORDER_CONSTANT, value=0)


def _cuts(stroke: Stroke, search: _Search, paths: Path) -> list[Path]:
    """The paths that cross least ink and leave enough on either side, no two alike."""
    columns = search.ink.shape[1]
    crossed = np.take_along_axis(search.ink, paths.T.clip(0, columns - 1), axis=1).sum(axis=0)
    thin = crossed <= search.thickest
    if not thin.any():
        return []
    paths, crossed = paths[thin], crossed[thin]
    possible = _enough(search, paths)
    chosen: list[Path] = []
    for number in np.argsort(crossed, kind="stable"):
        if len(chosen) >= _MOST * stroke.width / stroke.height:
            break
        if possible[number]:
            possible &= np.abs(paths - paths[number]).mean(axis=1) >= _APART
            chosen.append(_enlarged(paths[number], stroke))
    return chosen


def _enough(search: _Search, paths: Path) -> NDArray[np.bool_]:
    """Whether what lies on either side of each path `(paths, rows)` may be a digit."""
    columns = paths.T.clip(0, search.ink.shape[1])
    left, right = (np.take_along_axis(side, columns, axis=1).T for side in _darkest(search.ink))
    sums = _up_to(np.add, search.ink)
    share = np.take_along_axis(sums, columns, axis=1).sum(axis=0) / sums[:, -1].sum()
    tall = _tall(left, search.lowest) & _tall(right, search.lowest)
    return tall & (share >= _LEAST) & (share <= 1 - _LEAST)


def _darkest(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The most ink in each row on either side of each column's left edge, `(rows, columns + 1)`."""
    return _up_to(np.maximum, ink), _up_to(np.maximum, ink[:, ::-1])[:, ::-1]


def _up_to(what: np.ufunc, ink: NDArray[np.float32]) -> NDArray[np.float32]:
    found = np.zeros((ink.shape[0], ink.shape[1] + 1), np.float32)
    what.accumulate(ink, axis=1, out=found[:, 1:])
    return found


def _tall(darkest: NDArray[np.float32], lowest: float) -> NDArray[np.bool_]:
    """Whether there is ink over so many rows; `darkest` `(N, rows)` is the most in each row."""
    filled = darkest > _FAINT
    first, past = filled.argmax(axis=1), filled.shape[1] - filled[:, ::-1].argmax(axis=1)
    return filled.any(axis=1) & (past - first >= lowest)


def _pen(ink: NDArray[np.float32]) -> float:
    """The usual width of the stroke; across n pixels the distances to its edge, 1 to n / 2, tell it."""
    inked = cv2.copyMakeBorder((ink > 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    away = cv2.distanceTransform(inked, cv2.DIST_L2, 3)
    return max(1.0, 4 * float(away[away > 0].mean()) - 2) if away.any() else 1.0


def _enlarged(path: Path, stroke: Stroke) -> Path:
    scale = stroke.height / _ROWS
    rows = (np.arange(stroke.height) + 0.5) / scale - 0.5
    return np.rint(np.interp(rows, np.arange(_ROWS), path) * scale).astype(np.int64)


def _cut_out(stroke: Stroke, ink: NDArray[np.uint8]) -> Stroke:
    """The part of a stroke that is drawn in a picture of its size."""
    x, y, width, height = cv2.boundingRect((ink > 127).astype(np.uint8))
    box = stroke.left + x, stroke.top + y, width, height
    return Stroke(box, ink[y : y + height, x : x + width], stroke.peak)
