"""Texture of what is written on: how much ink it feigns, and a frame blurred where that hides all else."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import Ink, flatten
from appliance.vision.quantiles import quantiles

_USUAL, _SPREAD = 3, 4  # times the median of all ink, or its distance from the upper quartile above it
_BEYOND_DUST = 160  # of 255: no more is feigned by dust, which on a dark board shines, where it lies
_EVENLY = 0.55  # everywhere: the lower quartile by the median
_BEYOND_SMEARS = 200  # of 255: no more is feigned by what smears a board, if nearly all of it has less
_NEARLY_ALL = 0.9  # of the frame
_COARSE = 100  # of 255: where more is feigned, dark and light, chalk is hardly stronger, and a blur may help
_BLUR = 0.03  # of the frame's shorter side
_FINE = 0.8  # of what was feigned, at most, is left after a blur by a texture that is finer than strokes


class _Texture(NamedTuple):
    feigned: float
    """How much ink it may feign, as far as most of the frame tells."""
    is_even: bool
    """Whether it lies everywhere."""


def texture(ink: NDArray[np.uint8]) -> float:
    """How much ink `uint8 (H, W)` of one tone texture may feign, as far as most of the frame tells."""
    return _texture(ink).feigned


def without_texture(gray: NDArray[np.uint8], ink: Ink) -> tuple[NDArray[np.uint8], Ink]:
    """A gray frame `uint8 (H, W)` without a texture that is everywhere, as asphalt's, and its ink.

    The same frame, if it has none, or what is as broad as a stroke: a fabric's, or what lies on a desk.
    """
    dark = _texture(ink.dark)
    if dark.feigned <= _COARSE:
        return gray, ink
    light = _texture(ink.light)
    if light.feigned <= _COARSE or not (dark.is_even or light.is_even):
        return gray, ink
    blur = int(_BLUR * min(gray.shape)) | 1
    smooth = cv2.GaussianBlur(gray, (blur, blur), 0)
    even = flatten(smooth)
    fine = texture(even.dark) < _FINE * dark.feigned and texture(even.light) < _FINE * light.feigned
    return (smooth, even) if fine else (gray, ink)


def _texture(ink: NDArray[np.uint8]) -> _Texture:
    lower, usual, upper, most = quantiles(ink[::4, ::4], 0.25, 0.5, 0.75, _NEARLY_ALL)
    feigned = min(_USUAL * usual, usual + _SPREAD * (upper - usual))
    if lower > _EVENLY * usual:
        return _Texture(min(feigned, _BEYOND_DUST), is_even=True)
    return _Texture(min(feigned, _BEYOND_SMEARS) if most < _BEYOND_SMEARS else feigned, is_even=False)
