"""Tells what was written from what only looks so in the ink: gaps between strokes, edges and halos."""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.edges import is_edge
from appliance.vision.ink import above
from appliance.vision.quantiles import quantile
from appliance.vision.stroke import INKED, Stroke, thickness

_SAMPLES = 24  # pixels along each side of what lies around a stroke that are looked at
_CONTRAST = 6  # gray levels that a stroke differs by from most of them
_JUST_AROUND, _NEARLY_ALL = 0.08, 0.9  # of its size; of what lies there
_BLOB = 0.4  # of its size: what is thicker is nothing written
_HALO = 4  # pixels that a halo is wide
_OUTLINED = 0.7  # of a halo's pixels, at least, lie beside far stronger ink
_GLARING = 2.0  # times as strong, at least, is that


def is_written(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    """Whether a pen wrote a stroke of a frame `uint8 (H, W)`, `darker` than its paper or lighter."""
    return _stands_out(gray, stroke, darker) and not is_edge(gray, stroke, darker)


def _stands_out(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    """Whether a stroke differs from most of what lies around it, and is not the gap between strokes."""
    x, y, width, height = stroke.box
    reach = max(width, height) // 2 + 2
    top, left = max(0, y - reach), max(0, x - reach)
    step = max(1, (max(width, height) + 2 * reach) // _SAMPLES)
    nearby = gray[top : y + height + reach : step, left : x + width + reach : step]
    middle = nearby.size // 2
    around = float(np.partition(nearby, middle, axis=None)[middle])
    full = above(stroke.ink, INKED)
    if not full.any():
        return False
    own = cv2.mean(gray[y : y + height, x : x + width], full)[0]
    if darker:
        return own < around - _CONTRAST
    return own > around + _CONTRAST or own > _beside(gray, stroke) + _CONTRAST


def _beside(gray: NDArray[np.uint8], stroke: Stroke) -> float:
    """The gray level of the lightest that lies just around a stroke's box, but for a tenth.

    What is lighter than that is written on something dark that may itself be small, as a screen or a label.
    255 at the frame's edge, and for a blob, which is rather the hole of a dark stroke.
    """
    x, y, width, height = stroke.box
    if stroke.edges_met(gray.shape) or thickness(stroke.ink) > _BLOB * max(width, height):
        return 255.0
    reach = int(_JUST_AROUND * max(width, height)) + 2
    top, left = max(0, y - reach), max(0, x - reach)
    near = gray[top : y + height + reach, left : x + width + reach]
    is_beside = np.ones(near.shape, np.bool_)
    is_beside[y - top : y - top + height, x - left : x - left + width] = False
    return quantile(near[is_beside], _NEARLY_ALL)


def is_halo(light: Stroke, dark: NDArray[np.uint8]) -> bool:
    """Whether what is light only outlines far stronger dark ink, as a camera's sharpening does."""
    x, y, width, height = light.box
    left, top = max(0, x - _HALO), max(0, y - _HALO)
    around = dark[top : y + height + _HALO, left : x + width + _HALO]
    around = cv2.dilate(around, np.ones((2 * _HALO + 1,) * 2, np.uint8))
    near = around[y - top : y - top + height, x - left : x - left + width][light.ink > 0]
    return np.count_nonzero(near > _GLARING * light.peak) > _OUTLINED * near.size
