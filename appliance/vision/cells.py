"""What is written in a printed cell and touches its sides, as a stroke apart from them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.components import components_throughout
from appliance.vision.ink import above
from appliance.vision.stroke import Stroke

_SMALLEST = 32  # pixels: no digit is seen in a smaller cell
_SLENDER, _WIDE = 0.4, 1.6  # width by height of cells for one digit each
_INKED = 64  # of 255: sides may be paler than what is written
_RECTANGULAR = 0.88  # of the smallest rectangle around it, at least, does a cell fill
_CLOSED = 0.85  # of its outline, at least, is inked
_THICKEST = 0.15  # of its height are its sides, at most
_EMPTY = 0.6  # of what is between them, at least, is not inked
_TALL = 0.35  # of a cell's height, at least, is what is written in it
_DEEP = 0.6  # of the way to a cell's middle, at least, does that reach
_DIVIDES, _BARE = 0.8, 0.25  # of its height, at least; width by height, at most: the side of two cells


def written_in_cells(strokes: Sequence[Stroke]) -> list[Stroke]:
    """What is written in those strokes that are cells."""
    return [inner for stroke in strokes if not stroke.fell_apart for inner in _written_in(stroke)]


def _written_in(cell: Stroke) -> Iterator[Stroke]:
    if min(cell.width, cell.height) < _SMALLEST or not _SLENDER < cell.aspect < _WIDE:
        return
    inked = above(cell.ink, _INKED)
    outline = _outline(inked)
    if outline is None:
        return
    depth = _depth(outline, inked)
    sides = _sides(inked, depth)
    inside = depth > sides + 1
    empty = np.count_nonzero(inside & (inked == 0)) > _EMPTY * np.count_nonzero(inside)
    if not (0 < sides < _THICKEST * cell.height and empty):
        return
    labels, stats = components_throughout(cv2.copyTo(inked, inside.astype(np.uint8)))
    for label, (left, top, width, height, _) in enumerate(stats[1:].tolist(), 1):
        divides = height > _DIVIDES * cell.height and width < _BARE * height
        if height <= _TALL * cell.height or divides:
            continue
        if depth[labels == label].max() > _DEEP * depth.max():
            part = np.s_[top : top + height, left : left + width]
            near = cv2.dilate((labels[part] == label).astype(np.uint8), np.ones((3, 3), np.uint8))
            yield replace(
                cell, box=(cell.left + left, cell.top + top, width, height), ink=cell.ink[part] * near
            )


def _outline(inked: NDArray[np.uint8]) -> NDArray[np.int32] | None:
    """That of a cell; None if it is no rectangle."""
    outlines, _ = cv2.findContours(inked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea, default=None)
    if outline is None:
        return None
    _, (width, height), _ = cv2.minAreaRect(outline)
    is_rectangle = cv2.contourArea(outline) > _RECTANGULAR * width * height
    return np.asarray(outline, np.int32) if is_rectangle else None


def _depth(outline: NDArray[np.int32], inked: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far within an outline each pixel lies."""
    filled = cv2.copyMakeBorder(np.zeros_like(inked), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    filled = cv2.drawContours(filled, [outline], -1, 255, cv2.FILLED, offset=(1, 1))
    return np.asarray(cv2.distanceTransform(filled, cv2.DIST_L2, 3)[1:-1, 1:-1], np.float32)


def _sides(inked: NDArray[np.uint8], depth: NDArray[np.float32]) -> int:
    """How thick the sides of a cell are; 0 if they are not closed."""
    deep = np.rint(depth).astype(np.int64).ravel()
    share = np.bincount(deep, inked.ravel() > 0) / np.maximum(1, np.bincount(deep))
    return int(np.argmax(np.append(share[1:], 0) < _CLOSED))
