"""Finds the convex outlines of what may be sheets, each in a frame's blocks.

A sheet is a region without dents: an even one, several that the edges of shadows divide, or a light one.
"""

from collections.abc import Iterator
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.components import components, labelled
from appliance.vision.quantiles import quantiles

_LEAST = 0.04  # of the frame
_LARGE = 0.08  # of the frame: what is less, or less convex, is told by its corners
_UNWRITTEN = 0.5  # of a sheet, at least, is even: writing and hands take up the rest
_HIDDEN = 19  # blocks of a sheet's side that fingers hide, or a digit that is joined with them, at most
_FINGER = 13  # blocks: what is narrower, such as an arm as even as the sheet, is none of it
_CONVEX, _VERY_CONVEX = 0.92, 0.95  # of its hull, at least, if it has corners, and if not, or is divided
_PASSAGE = 9  # blocks: through a narrower one a sheet seems to go on to something as light
_PART, _PARTS, _MOST_PARTS = 0.03, 3, 7  # of the frame, at least; of one sheet, and of all, at most
_THROUGHOUT = 0.9  # of the width and the height: what reaches further lies behind all sheets
_CORNERS = 4
_STRAIGHT, _DIVIDED = 0.03, 0.04  # of its outline, by which it, or one that is divided, may differ from that
_LEVELS, _DARK_AND_LIGHT = 7, (0.02, 0.98)  # at which a sheet is looked for; of the frame is beyond these

Mask = NDArray[np.uint8]
"""1 where something is, `(h, w)`."""


def whole_hulls(even: Mask) -> Iterator[NDArray[np.int32]]:
    """Those of the regions that may be sheets, each seen in two ways."""
    labels, stats = components(even)
    for label in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] > _UNWRITTEN * _LEAST * even.size) + 1:
        region = (labels == label).astype(np.uint8)
        for outline in (_without_fingers(region), _without_passages(region)):
            hull = _hull(outline, _LARGE * even.size, _VERY_CONVEX)
            if hull is not None:
                yield hull
                continue
            hull = _hull(outline, _LEAST * even.size, _CONVEX)
            if hull is not None and _has_corners(hull, _STRAIGHT):
                yield hull


def divided_hulls(even: Mask) -> Iterator[NDArray[np.int32]]:
    """Those of a few large regions that have together the four corners of a sheet."""
    labels, stats = components(even)
    *_, width, height, area = stats.T
    throughout = (width > _THROUGHOUT * even.shape[1]) & (height > _THROUGHOUT * even.shape[0])
    parts = np.flatnonzero((area > _PART * even.size) & ~throughout)
    largest = parts[np.argsort(-area[parts])][:_MOST_PARTS]
    for count in range(2, _PARTS + 1):
        for some in combinations(largest.tolist(), count):
            together = labelled(labels, np.array(some)).astype(np.uint8)
            hull = _hull(_without_fingers(together), _LARGE * even.size, _VERY_CONVEX)
            if hull is not None and _has_corners(hull, _DIVIDED):
                yield hull


def light_hulls(small: NDArray[np.uint8]) -> Iterator[NDArray[np.int32]]:
    """Those of the regions lighter than some level that have a sheet's corners."""
    darkest, lightest = quantiles(small, *_DARK_AND_LIGHT)
    for level in np.linspace(darkest, lightest, _LEVELS + 2)[1:-1].tolist():
        lighter = cv2.erode(cv2.threshold(small, level, 1, cv2.THRESH_BINARY)[1], np.ones((3, 3), np.uint8))
        for outline in cv2.findContours(lighter, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
            hull = _hull(outline, _LEAST * small.size, _VERY_CONVEX)
            if hull is not None and _has_corners(hull, _STRAIGHT):
                yield hull


def _has_corners(hull: NDArray[np.int32], straight: float) -> bool:
    """Whether the polygon that a hull about is has no more than a sheet's (Douglas and Peucker, 1973)."""
    return len(cv2.approxPolyDP(hull, straight * cv2.arcLength(hull, True), True)) <= _CORNERS


def _hull(outline: NDArray[np.int32], least: float, convex: float) -> NDArray[np.int32] | None:
    """The convex hull of what has an outline; None where that has dents, or less area."""
    hull, area = cv2.convexHull(outline), cv2.contourArea(outline)
    return hull if area > max(least, convex * cv2.contourArea(hull)) else None


def _without_fingers(region: Mask) -> NDArray[np.int32]:
    """The outline of a region without what is narrow, in it or of it."""
    return _outline(cv2.morphologyEx(_closed(region), cv2.MORPH_OPEN, np.ones((_FINGER, _FINGER), np.uint8)))


def _without_passages(region: Mask) -> NDArray[np.int32]:
    """The outline of the largest part of a region to which it goes on through no narrow passage."""
    square = np.ones((_PASSAGE, _PASSAGE), np.uint8)
    parts = cv2.morphologyEx(_within(_outline(region), region), cv2.MORPH_OPEN, square)
    return _outline(_closed(_within(_outline(parts), region)))


def _closed(region: Mask) -> Mask:
    # Without room beyond the frame, what lies between a sheet and its edge would be closed as well.
    roomy = cv2.copyMakeBorder(region, *(4 * [_HIDDEN]), cv2.BORDER_CONSTANT, value=0)
    whole = cv2.morphologyEx(roomy, cv2.MORPH_CLOSE, np.ones((_HIDDEN, _HIDDEN), np.uint8))
    return whole[_HIDDEN:-_HIDDEN, _HIDDEN:-_HIDDEN]


def _outline(region: Mask) -> NDArray[np.int32]:
    """The outline of the largest part of a region; a point where it is empty."""
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(outlines, key=cv2.contourArea, default=np.zeros((1, 1, 2), np.int32))


def _within(outline: NDArray[np.int32], like: Mask) -> Mask:
    """What an outline encloses, however much of that is written on."""
    return np.asarray(cv2.drawContours(np.zeros_like(like), [outline], -1, 1, cv2.FILLED), np.uint8)
