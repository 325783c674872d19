"""Makes a crop exactly as MNIST was made.

The longest side is fitted into 20 pixels keeping the aspect, anti-aliased, and the picture is centred in
28x28 by its centre of mass (LeCun, Cortes, Burges: The MNIST database of handwritten digits).
"""

from collections.abc import Sequence
from math import atan, ceil, degrees, hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.stroke import Box, Stroke, around

_SIDE, _INNER = 28, 20


def drawn(strokes: Sequence[Stroke]) -> tuple[Box, NDArray[np.uint8]]:
    """The box around the strokes, and their ink in it, `uint8 (height, width)`."""
    box = around(strokes)
    if len(strokes) == 1:
        return box, strokes[0].ink
    canvas = np.zeros((box[3], box[2]), np.uint8)
    for stroke in strokes:
        place = canvas[
            stroke.top - box[1] : stroke.bottom - box[1], stroke.left - box[0] : stroke.right - box[0]
        ]
        np.maximum(place, stroke.ink, out=place)
    return box, canvas


def as_mnist(ink: NDArray[np.uint8], slope: float = 0.0) -> NDArray[np.uint8]:
    """A digit's ink `uint8 (height, width)`, cut to its bounds, as a crop `uint8 (28, 28)`.

    Of a row that falls by `slope` pixels for each to the right it is turned upright.
    """
    if slope:
        ink = _upright(ink, slope)
    scale = _INNER / max(ink.shape)
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    # A pen thinner than a pixel at this size leaves only gray; MNIST's strokes are white.
    small = cv2.convertScaleAbs(small, alpha=255 / max(1, int(small.max())))
    image = np.zeros((_SIDE, _SIDE), np.uint8)
    moments = cv2.moments(small)
    mass = max(moments["m00"], 1.0)
    left = _place(moments["m10"] / mass, size[0])
    top = _place(moments["m01"] / mass, size[1])
    image[top : top + size[1], left : left + size[0]] = small
    return image


def _upright(ink: NDArray[np.uint8], slope: float) -> NDArray[np.uint8]:
    height, width = ink.shape
    side = ceil(hypot(width, height))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees(atan(slope)), 1)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    turned = cv2.warpAffine(ink, turn, (side, side))
    x, y, width, height = cv2.boundingRect((turned >= turned.max() // 2).astype(np.uint8))
    return turned[y : y + height, x : x + width]


def _place(centre: float, length: int) -> int:
    return min(max(0, round(_SIDE / 2 - centre)), _SIDE - length)
