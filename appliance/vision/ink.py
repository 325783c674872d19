"""Flattens the light: from brightness to ink, whatever lamp, shadow or paper lies behind it.

The background is what remains when everything thinner than the thickest stroke is wiped away, by a
morphological closing for dark strokes and an opening for light ones. Unlike a blur, these keep the edge
of a hard shadow where it is, so the shadow itself leaves no ink.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BACKGROUND_ROWS = 120  # the background is smooth: a small picture of it is as good, and far faster
THICK, THIN = 0.3, 0.08
"""The thickest stroke of a digit that fills the frame, and of an ordinary one, by the shorter side."""

_DARKEST_PAPER = 48  # below this, sensor noise would pass for contrast
_NOISY = 3.0  # mean deviation in gray levels from which a wider blur pays
_NOISE_LEFT = 2.0  # of that deviation, at its peaks, after the blur


@dataclass(frozen=True, slots=True)
class Ink:
    """How strongly each pixel stands out from its background, `uint8 (H, W)`, 0 not at all.

    In `dark`, 255 is perfect black on the paper around it; in `light`, 255 is far brighter than its board.
    """

    dark: NDArray[np.uint8]
    light: NDArray[np.uint8]
    noise: float
    """How much ink the sensor's noise alone may feign."""


def flatten(gray: NDArray[np.uint8], thickest: float = THICK) -> Ink:
    """The ink of a gray frame `uint8 (H, W)`, in strokes up to `thickest` of the frame's shorter side."""
    noise = float(cv2.absdiff(gray, cv2.medianBlur(gray, 3))[::3, ::3].mean())
    smooth = cv2.GaussianBlur(gray, (3, 3) if noise < _NOISY else (5, 5), 0)
    paper, board = _backgrounds(smooth, thickest)
    return Ink(
        dark=_ratio(cv2.subtract(paper, smooth), paper),
        light=_ratio(cv2.subtract(smooth, board), smooth),
        noise=noise * _NOISE_LEFT * 255 / max(_DARKEST_PAPER, float(paper[::16, ::16].mean())),
    )


def _backgrounds(gray: NDArray[np.uint8], thickest: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    height, width = gray.shape
    cell = max(1.0, min(height, width) / _BACKGROUND_ROWS)
    size = (max(1, round(width / cell)), max(1, round(height / cell)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    reach = int(min(small.shape) * thickest) | 1
    window = np.ones((reach, reach), np.uint8)
    # Beyond the frame the paper goes on: without it, closing and opening go wrong along the edge.
    small = cv2.copyMakeBorder(small, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    # One more cell inwards: between a lit and a shaded cell the enlarged picture would invent a line.
    neighbours = np.ones((3, 3), np.uint8)
    paper = cv2.erode(cv2.morphologyEx(small, cv2.MORPH_CLOSE, window), neighbours)
    board = cv2.dilate(cv2.morphologyEx(small, cv2.MORPH_OPEN, window), neighbours)
    inner = slice(reach, -reach), slice(reach, -reach)
    return _enlarge(paper[inner], width, height), _enlarge(board[inner], width, height)


def _enlarge(small: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _ratio(difference: NDArray[np.uint8], brightness: NDArray[np.uint8]) -> NDArray[np.uint8]:
    floor = cv2.max(brightness, _DARKEST_PAPER)
    return cv2.divide(difference, floor, scale=255)
