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
_WRITTEN = 0.04  # of a body, at least, is written by a thick pen; less is where a pen's own ink is uneven
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
    broadest, least = np.ones((pen, pen), np.uint8), _LEAST * pen
    left = ink
    for label in _broad(labels).tolist():
        x, y, width, height = stats[label, :4].tolist()
        region = slice(y, y + height), slice(x, x + width)
        own = (labels[region] == label).astype(np.uint8)
        faintest = _BODY * cv2.minMaxLoc(ink[region], own)[1]
        body = above(ink[region] * own, faintest)
        broad = cv2.erode(body, broadest)
        if (
            cv2.countNonZero(broad) < least
        ):  # a shade may be as faint as a blurred edge, but no edge is as broad
            broad = cv2.erode(own, broadest)
        if cv2.countNonZero(broad) < least:
            continue
        strokes = cv2.bitwise_and(body, above(thin()[region], faintest))
        shade = _shade(ink[region], body, broad, strokes, least)
        if shade is not None:
            left = ink.copy() if left is ink else left
            written = cv2.max(thin()[region], _against(ink[region], shade))
            np.copyto(left[region], written, where=own > 0)
    return left


def _against(ink: NDArray[np.uint8], shade: float) -> NDArray[np.uint8]:
    """The ink as it is against a shade that it was written in, of what is that much darker."""
    against = cv2.convertScaleAbs(cv2.subtract(ink, shade), alpha=255 / (255 - shade))
    return cv2.copyTo(against, above(ink, _darker(shade)))


def _broad(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """The components that are somewhere broader than a pen."""
    step = max(1, round(min(labels.shape) / _ROWS))
    few = np.ascontiguousarray(labels[::step, ::step])
    pen = int(THIN * _ROWS) | 1
    return np.unique(few[cv2.erode((few > 0).astype(np.uint8), np.ones((pen, pen), np.uint8)) > 0])


def _shade(
    ink: NDArray[np.uint8],
    body: NDArray[np.uint8],
    broad: NDArray[np.uint8],
    strokes: NDArray[np.uint8],
    least: int,
) -> float | None:
    """The ink of the `broad` part of a component's `body`, if it is fainter than what is written.

    Written are its thin `strokes`, there or beside; or, by a thick pen, what is darker of all the body.
    """
    around = np.ones((_BESIDE, _BESIDE), np.uint8)
    bare = cv2.subtract(broad, cv2.dilate(strokes, around))
    if cv2.countNonZero(bare) < least:
        return None
    shade = float(np.median(ink[bare > 0]))
    within = cv2.bitwise_and(strokes, cv2.dilate(broad, around))
    thin = any(
        cv2.countNonZero(written) >= least and cv2.mean(ink, written)[0] > _darker(shade)
        for written in (within, strokes)
    )
    thick = cv2.countNonZero(above(ink, _darker(shade)) & body) > _WRITTEN * cv2.countNonZero(body)
    return shade if thin or thick else None


def _darker(shade: float) -> float:
    return max(_DARKER * shade, shade + _BY)
