"""Tells strokes from the edges of things, as of a card with its narrow shadow: both are long and thin.

Beside a stroke there is the same paper on either side. Beside an edge there is something far lighter on one.
"""

from dataclasses import dataclass
from math import atan2, cos, hypot, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import above
from appliance.vision.stroke import INKED, Stroke

_LONG = 3.0  # times as long as broad: what is less has a shape by which it is known
_BESIDE = 3  # pixels from a stroke, where its own blurred edge is over
_MIDDLE = 0.8  # of its length: what lies about the ends lies on neither side
_PLACES, _ENOUGH = 16, 8  # along it: in each the two sides are compared; in so many they have to be seen
_AS_CLEAR = 0.75  # as on the other side: so clearly, at least, a stroke stands out on this in most places
_INK = 0.5  # of what is lighter: or by so much, though the edge of a shadow runs along it


def is_edge(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    """Whether a long stroke of a frame `uint8 (H, W)` stands out far less on one side than on the other.

    `darker` tells whether it is darker than its paper, or lighter.
    """
    full = above(stroke.ink, INKED)
    axis = _axis(full)
    if axis is None:
        return False
    levels = _levels(gray, full, stroke, axis)
    if levels.shape[1] < _ENOUGH:
        return False
    own, *sides = levels
    one, other = ((side - own) * (1 if darker else -1) for side in sides)
    for near, far in ((one, other), (other, one)):
        lighter = own + near if darker else own
        if np.median(near - _AS_CLEAR * far) < 0 and np.median(near - _INK * lighter) < 0:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Axis:
    """How something long runs: through its middle, at an angle, and so far to each side of that."""

    middle: tuple[float, float]
    angle: float
    reach: float


def _axis(full: NDArray[np.uint8]) -> _Axis | None:
    """That of what is there `(height, width)`; None if it is not long."""
    moments = cv2.moments(full, binaryImage=True)
    if not moments["m00"]:
        return None
    right, down, both = (moments[name] / moments["m00"] for name in ("mu20", "mu02", "mu11"))
    spread, apart = (right + down) / 2, hypot((right - down) / 2, both)
    if spread + apart < max(_LONG**2 * (spread - apart), 1):
        return None
    middle = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    # A bar's spread is a twelfth of its squared length.
    return _Axis(middle, atan2(2 * both, right - down) / 2, _MIDDLE * (3 * (spread + apart)) ** 0.5)


def _levels(
    gray: NDArray[np.uint8], full: NDArray[np.uint8], stroke: Stroke, axis: _Axis
) -> NDArray[np.float64]:
    """How light a stroke and its two sides are, `(3, n)`, in all places along it where all three are seen."""
    rows, columns, own = _with_sides(full)
    across = (rows - axis.middle[1]) * cos(axis.angle) - (columns - axis.middle[0]) * sin(axis.angle)
    along = (columns - axis.middle[0]) * cos(axis.angle) + (rows - axis.middle[1]) * sin(axis.angle)
    rows, columns = rows + stroke.top, columns + stroke.left
    seen = (np.abs(along) < axis.reach) & (rows >= 0) & (columns >= 0)
    seen &= (rows < gray.shape[0]) & (columns < gray.shape[1])
    part = np.where(own, 0, np.where(across > 0, 1, 2))
    place = part * _PLACES + ((along / axis.reach + 1) / 2 * _PLACES).astype(np.int64)
    counts = np.bincount(place[seen], minlength=3 * _PLACES).reshape(3, _PLACES)
    sums = np.bincount(place[seen], gray[rows[seen], columns[seen]], 3 * _PLACES).reshape(3, _PLACES)
    known = counts.all(axis=0)
    return np.asarray(sums[:, known] / counts[:, known])


def _with_sides(
    full: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """The rows and columns of a stroke's pixels, and of those just beside it; and which are its own."""
    roomy = cv2.copyMakeBorder(full, *(4 * [_BESIDE]), cv2.BORDER_CONSTANT, value=0)
    inner, outer = (cv2.dilate(roomy, np.ones((2 * r + 1,) * 2, np.uint8)) for r in (_BESIDE - 1, _BESIDE))
    rows, columns = np.nonzero((roomy > 0) | (outer != inner))
    return rows - _BESIDE, columns - _BESIDE, roomy[rows, columns] > 0
