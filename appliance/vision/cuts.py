"""Where one stroke may be cut because it is two digits that touch, or more.

A cut is a path from top to bottom that crosses little ink: it falls through the white beside a digit and
through the stroke where that is thin (as a drop does in Congedo et al., "Segmentation of numeric strings",
1995; here the best path within a narrow band is found by dynamic programming, as a seam is by Avidan and
Shamir, 2007). Whether a cut is right is for the network to say.
"""

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

Path = NDArray[np.int64]
"""A column for each row `(height,)`: what lies left of it is cut from what does not."""


def apart(stroke: Stroke) -> tuple[Stroke, ...]:
    """A stroke as it is, or from left to right the parts that it may fall into."""
    if stroke.width < _SUSPECT_WIDTH * stroke.height:
        return (stroke,)
    columns = np.arange(stroke.width)
    # In every row from left to right: paths that would cross exchange their ends instead.
    edges = np.sort(np.array([np.zeros(stroke.height), *_cuts(stroke)]), axis=0)
    edges = np.vstack([edges, np.full(stroke.height, stroke.width)])
    between = (
        np.where((columns >= left[:, None]) & (columns < right[:, None]), stroke.ink, 0).astype(np.uint8)
        for left, right in pairwise(edges)
    )
    return tuple(_cut_out(stroke, ink) for ink in between if (ink > 127).any())


def _cuts(stroke: Stroke) -> list[Path]:
    """The paths that cross least ink and leave enough on either side, no two alike."""
    size = max(_STEP + 2, round(stroke.width * _ROWS / stroke.height)), _ROWS
    ink = cv2.resize(stroke.ink, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    paths = _cheapest_paths(ink)
    crossed = np.take_along_axis(ink, paths.T.clip(0, size[0] - 1), axis=1).sum(axis=0) / _pen(ink)
    thickest, lowest = (_THICKEST, _LOWEST) if stroke.width > _WIDE * stroke.height else _CLEAR
    chosen: list[Path] = []
    for number in np.argsort(crossed, kind="stable"):
        path = paths[number]
        if crossed[number] > thickest or len(chosen) >= _MOST * stroke.width / stroke.height:
            break
        if all(np.abs(path - other).mean() >= _APART for other in chosen) and _parts(ink, path, lowest):
            chosen.append(path)
    return [_enlarged(path, stroke) for path in chosen]


def _cheapest_paths(ink: NDArray[np.float32]) -> Path:
    """The path from top to bottom that crosses least ink in each of many upright bands, `(bands, rows)`."""
    middles = np.arange(_STEP, ink.shape[1] - 1, _STEP)
    wide = cv2.copyMakeBorder(ink, 0, 0, _HALF, _HALF, cv2.BORDER_CONSTANT, value=0)
    cost = np.full((len(ink), len(middles), 2 * _HALF + 3), np.inf, np.float32)
    cost[:, :, 1:-1] = wide[:, middles[:, None] + np.arange(2 * _HALF + 1)]
    for above, here in pairwise(cost):
        here[:, 1:-1] += np.minimum(np.minimum(above[:, :-2], above[:, 2:]), above[:, 1:-1])
    places = cost[-1].argmin(axis=1)
    paths = [places]
    steps, numbers = np.array([0, -1, 1]), np.arange(len(middles))
    for above in cost[-2::-1]:
        places = places + steps[above[numbers, places + steps[:, None]].argmin(axis=0)]
        paths.append(places)
    return np.stack(paths[::-1], axis=1) + (middles - _HALF - 1)[:, None]


def _pen(ink: NDArray[np.float32]) -> float:
    """The usual width of the stroke; across n pixels the distances to its edge, 1 to n / 2, tell it."""
    inked = cv2.copyMakeBorder((ink > 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    away = cv2.distanceTransform(inked, cv2.DIST_L2, 3)
    return max(1.0, 4 * float(away[away > 0].mean()) - 2) if away.any() else 1.0


def _parts(ink: NDArray[np.float32], path: Path, lowest: float) -> bool:
    """Whether what lies on either side of a path may be a digit."""
    left = ink * (np.arange(ink.shape[1]) < path[:, None])
    least = _LEAST * ink.sum()
    for part in (left, ink - left):
        (filled,) = (part.max(axis=1) > _FAINT).nonzero()
        if filled.size == 0 or filled[-1] - filled[0] + 1 < lowest * _ROWS or part.sum() < least:
            return False
    return True


def _enlarged(path: Path, stroke: Stroke) -> Path:
    scale = stroke.height / _ROWS
    rows = (np.arange(stroke.height) + 0.5) / scale - 0.5
    return np.rint(np.interp(rows, np.arange(_ROWS), path) * scale).astype(np.int64)


def _cut_out(stroke: Stroke, ink: NDArray[np.uint8]) -> Stroke:
    """The part of a stroke that is drawn in a picture of its size."""
    x, y, width, height = cv2.boundingRect((ink > 127).astype(np.uint8))
    box = stroke.left + x, stroke.top + y, width, height
    return Stroke(box, ink[y : y + height, x : x + width], stroke.peak)
