"""Takes out of the ink what is shade, as that of a hand or a phone, from what is written in it or beside it.

A shade is broader than a pen and fainter than what meets it. What is as dark as all that it is joined with
was written by a thick pen, and stays.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import THIN, above

_ROWS = 120  # what is broad shows in so few as well
_BODY = 0.33  # of a component's strongest ink: what is fainter is a blurred edge
_DARKER, _BY = 1.25, 24  # times, and levels of ink: how much darker than a shade is what is written
_BESIDE = 5  # pixels about what is written that are neither
_LEAST = 4  # times the broadest pen, in pixels: what there must be of either


def without_shades(
    ink: NDArray[np.uint8],
    thin: Callable[[], NDArray[np.uint8]],
    labels: NDArray[np.integer],
    stats: NDArray[np.int32],
) -> NDArray[np.uint8]:
    """The ink `uint8 (H, W)` without shades; the same ink if it has none.

    `thin` gives the ink in strokes up to `THIN`, `labels (H, W)` and `stats` are those of its components.
    """
    pen = int(THIN * min(ink.shape)) | 1
    least = _LEAST * pen
    left = ink
    for label in _broad(labels).tolist():
        x, y, width, height = stats[label, :4].tolist()
        region = slice(y, y + height), slice(x, x + width)
        own = (labels[region] == label).astype(np.uint8)
        faintest = _BODY * cv2.minMaxLoc(ink[region], own)[1]
        body = above(ink[region] * own, faintest)
        broad = cv2.erode(body, np.ones((pen, pen), np.uint8))
        if cv2.countNonZero(broad) < least:
            continue
        strokes = cv2.bitwise_and(body, above(thin()[region], faintest))
        if _is_shade(ink[region], broad, strokes, least):
            left = ink.copy() if left is ink else left
            np.copyto(left[region], thin()[region], where=own > 0)
    return left


def _broad(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """The components that are somewhere broader than a pen."""
    step = max(1, round(min(labels.shape) / _ROWS))
    few = np.ascontiguousarray(labels[::step, ::step])
    pen = int(THIN * _ROWS) | 1
    return np.unique(few[cv2.erode((few > 0).astype(np.uint8), np.ones((pen, pen), np.uint8)) > 0])


def _is_shade(
    ink: NDArray[np.uint8], broad: NDArray[np.uint8], strokes: NDArray[np.uint8], least: int
) -> bool:
    """Whether the `broad` part of a component is fainter than its thin `strokes` there or beside."""
    around = np.ones((_BESIDE, _BESIDE), np.uint8)
    bare = cv2.subtract(broad, cv2.dilate(strokes, around))
    if cv2.countNonZero(bare) < least:
        return False
    shade = cv2.mean(ink, bare)[0]
    darker = max(_DARKER * shade, shade + _BY)
    within = cv2.bitwise_and(strokes, cv2.dilate(broad, around))
    return any(
        cv2.countNonZero(written) >= least and cv2.mean(ink, written)[0] > darker
        for written in (within, strokes)
    )
