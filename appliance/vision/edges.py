"""Tells strokes from the edges of things, as of a card with its narrow shadow: both are long and thin.

Beside a stroke there is the same paper on either side. Beside an edge there is something far lighter on one.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import above
from appliance.vision.stroke import Stroke

_LONG = 3.0  # times as long as broad: what is less has a shape by which it is known
_BESIDE = 3  # pixels from a stroke, where its own blurred edge is over
_MIDDLE = 0.8  # of its length: what lies about the ends lies on neither side
_AS_CLEAR = 0.75  # as on the other side, at least, a stroke stands out on this,
_INK = 0.6  # or by so much of what is lighter, though the edge of a shadow runs along it


def is_edge(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    """Whether a long stroke of a frame `uint8 (H, W)` stands out far less on one side than on the other.

    `darker` tells whether it is darker than its paper, or lighter.
    """
    full = above(stroke.ink, 127)
    moments = cv2.moments(full, binaryImage=True)
    if not moments["m00"]:
        return False
    spread = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]])
    (broad, long), axes = np.linalg.eigh(spread / moments["m00"])
    if long < _LONG**2 * broad:
        return False
    x, y, width, height = stroke.box
    rows, columns = _rim(full)
    middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    across, along = axes.T @ (np.stack([columns, rows]) - middle[:, np.newaxis])
    rows, columns = rows + y, columns + x
    # A bar's spread is a twelfth of its squared length.
    seen = np.abs(along) < _MIDDLE * (3 * long) ** 0.5
    seen &= (rows >= 0) & (columns >= 0) & (rows < gray.shape[0]) & (columns < gray.shape[1])
    sides = [gray[rows[where], columns[where]] for where in (seen & (across > 0), seen & (across < 0))]
    if not all(side.size for side in sides):
        return False
    own = cv2.mean(gray[y : y + height, x : x + width], full)[0]
    less, more = sorted((float(np.median(side)) - own) * (1 if darker else -1) for side in sides)
    lighter = own + less if darker else own
    return less < min(_AS_CLEAR * more, _INK * lighter)


def _rim(full: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows and the columns of what lies so far from a stroke, whose own begin at 0."""
    reach = _BESIDE + 1
    roomy = cv2.copyMakeBorder(full, *(4 * [reach]), cv2.BORDER_CONSTANT, value=0)
    inner, outer = (cv2.dilate(roomy, np.ones((2 * r + 1,) * 2, np.uint8)) for r in (_BESIDE - 1, _BESIDE))
    rows, columns = np.nonzero(outer != inner)
    return rows - reach, columns - reach
