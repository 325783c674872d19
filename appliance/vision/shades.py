"""Takes out of the ink what is shade, as that of a hand or a phone, from what is written in it or beside it.

A shade is broader than a pen and fainter than what meets it. What is as dark as all that it is joined with
was written by a thick pen, and stays; so does what is as slender as a stroke, no wider than a digit, and lies
free in the frame, however uneven its ink is.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.box import Box, edges_met
from appliance.vision.ink import THIN, above
from appliance.vision.stroke import WIDEST_DIGIT, thickness

_ROWS = 120  # what is broad shows in so few as well
_BODY = 0.33  # of a component's strongest ink: what is fainter is a blurred edge
_DARKER, _BY = 1.25, 24  # times, and levels of ink: how much darker than a shade is what is written
_BESIDE = 5  # pixels about what is written that are neither
_WRITTEN = 0.04  # of a body, at least, is written by a thick pen; less is where a pen's own ink is uneven
_FAINT = 0.4  # of a component is bare shade, at least, that is fainter than its body
_SLENDER = 0.2  # of its size: what is nowhere thicker was drawn
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
    left = ink
    for label in _broad(labels).tolist():
        x, y, width, height = stats[label, :4].tolist()
        region = slice(y, y + height), slice(x, x + width)
        own = (labels[region] == label).astype(np.uint8)
        if _is_drawn(own, (x, y, width, height), ink.shape):
            continue
        shade = _shade(ink, own, region, thin, pen)
        if shade is not None:
            left = ink.copy() if left is ink else left
            written = cv2.max(thin()[region], _against(ink[region], shade))
            np.copyto(left[region], written, where=own > 0)
    return left


def _against(ink: NDArray[np.uint8], shade: float) -> NDArray[np.uint8]:
    """The ink as if that shade were white paper; 0 where it is not so much darker."""
    against = cv2.convertScaleAbs(cv2.subtract(ink, shade), alpha=255 / (255 - shade))
    return cv2.copyTo(against, above(ink, _darker(shade)))


def _broad(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """The components that are somewhere broader than a pen, as a coarse look tells."""
    step = max(1, round(min(labels.shape) / _ROWS))
    few = np.ascontiguousarray(labels[::step, ::step])
    pen = int(THIN * _ROWS) | 1
    return np.unique(few[cv2.erode((few > 0).astype(np.uint8), np.ones((pen, pen), np.uint8)) > 0])


def _is_drawn(own: NDArray[np.uint8], box: Box, shape: tuple[int, ...]) -> bool:
    """Whether a component is as slender as a stroke, no wider than a digit, and free in a frame `(H, W)`."""
    width, height = box[2:]
    if width > WIDEST_DIGIT * height or edges_met(box, shape):
        return False
    return thickness(255 * own) < _SLENDER * max(width, height)


def _shade(
    ink: NDArray[np.uint8],
    own: NDArray[np.uint8],
    region: tuple[slice, slice],
    thin: Callable[[], NDArray[np.uint8]],
    pen: int,
) -> float | None:
    """How strong the ink is of a component's broad part; None if nothing darker is written there."""
    ink = ink[region]
    faintest = _BODY * cv2.minMaxLoc(ink, own)[1]
    body = above(ink * own, faintest)
    square, least = np.ones((pen, pen), np.uint8), _LEAST * pen
    broad, enough = cv2.erode(body, square), least
    # A shade may be as faint as a blurred edge, but no edge is so much of it all.
    if cv2.countNonZero(broad) < least:
        broad = cv2.morphologyEx(own, cv2.MORPH_OPEN, square)
        enough = max(least, int(_FAINT * cv2.countNonZero(own)))
    if cv2.countNonZero(broad) < enough:
        return None
    strokes = cv2.bitwise_and(body, above(thin()[region], faintest))
    around = np.ones((_BESIDE, _BESIDE), np.uint8)
    bare = cv2.subtract(broad, cv2.dilate(strokes, around))
    if cv2.countNonZero(bare) < enough:
        return None
    shade = float(np.median(ink[bare > 0]))
    within = cv2.bitwise_and(strokes, cv2.dilate(broad, around))
    return shade if _is_written(ink, body, (within, strokes), shade, least) else None


def _is_written(
    ink: NDArray[np.uint8],
    body: NDArray[np.uint8],
    strokes: Sequence[NDArray[np.uint8]],
    shade: float,
    least: int,
) -> bool:
    """Whether thin `strokes` are darker than a shade; or, by a thick pen, some of all the `body`."""
    thin = any(
        cv2.countNonZero(written) >= least and cv2.mean(ink, written)[0] > _darker(shade)
        for written in strokes
    )
    thick = cv2.countNonZero(above(ink, _darker(shade)) & body)
    return thin or thick > _WRITTEN * cv2.countNonZero(body)


def _darker(shade: float) -> float:
    return max(_DARKER * shade, shade + _BY)
