"""Flattens the light: from brightness to ink, whatever lamp, shadow or paper lies behind it.

The background is what remains when everything thinner than the thickest stroke is wiped away, by a
morphological closing for dark strokes and an opening for light ones: what stands out from it are their
black and their white top-hat. Unlike a blur, these keep the edge
of a hard shadow where it is, so the shadow itself leaves no ink.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.noise import noise_and_blur

_BLOCKS = 120  # of a frame's shorter side: the background is smooth, a small picture of it as good
_LARGE = 4  # pixels: of a larger block, a fraction of one matters little
THICK, THIN = 0.3, 0.05
"""The thickest stroke of a digit that fills the frame, and of an ordinary one, by the shorter side."""

FAINTEST = 14
"""Ink that is less is paper."""

_DARKEST_PAPER = 48  # below this, sensor noise would pass for contrast
_LIGHTER = 1.01  # times as light as its board is chalk, at least


@dataclass(frozen=True, slots=True)
class _Smooth:
    picture: NDArray[np.uint8]
    small: NDArray[np.uint8]
    noise: float
    """At its peaks, in gray levels."""


class Ink:
    """How strongly each pixel of a frame stands out from its background, `uint8 (H, W)`, 0 not at all.

    In `dark`, 255 is perfect black on the paper around it; in `light`, 255 is far brighter than its board.
    Each is found when it is first asked for.
    """

    def __init__(self, smooth: _Smooth, thickest: float) -> None:
        self._smooth = smooth
        self._thickest = thickest

    def up_to(self, thickest: float) -> "Ink":
        """The same frame's ink, in strokes up to so much of its shorter side."""
        return Ink(self._smooth, thickest)

    def of(self, dark: bool) -> NDArray[np.uint8]:
        """That of one tone."""
        return self.dark if dark else self.light

    @cached_property
    def dark(self) -> NDArray[np.uint8]:
        darker = cv2.subtract(self._paper, self._smooth.picture)
        # Of what little light there is in a corner of the room, noise would be much.
        beyond = cv2.threshold(darker, self._smooth.noise, 0, cv2.THRESH_TOZERO)[1]
        return _ratio(beyond, self._paper)

    @cached_property
    def light(self) -> NDArray[np.uint8]:
        board = self._enlarged(self._background(cv2.MORPH_OPEN, cv2.dilate))
        return _ratio(cv2.subtract(self._smooth.picture, board), self._smooth.picture)

    @property
    def noise(self) -> float:
        """How much ink the sensor's noise alone may feign."""
        brightness = max(_DARKEST_PAPER, float(self._paper[::16, ::16].mean()))
        return self._smooth.noise * 255 / brightness

    def is_paper(self, where: NDArray[np.bool_]) -> bool:
        """Whether what is light there `(H, W)` is but paper between dark strokes, no lighter than usual."""
        small = self._smooth.small
        usual = cv2.medianBlur(small, int(min(small.shape) * self._thickest) | 1)
        there = cv2.resize(where.astype(np.uint8), small.shape[::-1], interpolation=cv2.INTER_NEAREST)
        return cv2.mean(small, there)[0] < _LIGHTER * cv2.mean(usual, there)[0]

    @cached_property
    def paper_in_blocks(self) -> NDArray[np.uint8]:
        """How bright what is written on is, `uint8 (h, w)`; see `in_blocks`."""
        return self._background(cv2.MORPH_CLOSE, cv2.erode)

    @cached_property
    def _paper(self) -> NDArray[np.uint8]:
        return self._enlarged(self.paper_in_blocks)

    def _background(self, wipe: int, inwards: Callable[..., NDArray[np.uint8]]) -> NDArray[np.uint8]:
        small = self._smooth.small
        reach = int(min(small.shape) * self._thickest) | 1
        # One more block inwards: between a lit and a shaded block the enlarged picture would invent a line.
        return inwards(wiped(small, wipe, reach), np.ones((3, 3), np.uint8))

    def _enlarged(self, blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return cv2.resize(blocks, self._smooth.picture.shape[::-1], interpolation=cv2.INTER_LINEAR)


def flatten(gray: NDArray[np.uint8], thickest: float = THICK) -> Ink:
    """The ink of a gray frame `uint8 (H, W)`, in strokes up to `thickest` of the frame's shorter side."""
    noise, blur, left = noise_and_blur(gray)
    smooth = cv2.GaussianBlur(gray, (blur, blur), 0)
    return Ink(_Smooth(smooth, in_blocks(smooth), noise * left), thickest)


def in_blocks(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A gray frame `uint8 (H, W)` in so few pixels, called blocks, that what is large is found fast."""
    height, width = gray.shape
    block = max(1.0, min(height, width) / _BLOCKS)
    if block > _LARGE:  # blocks of whole pixels are found several times as fast
        block = round(block)
        gray = gray[: height - height % block, : width - width % block]
    size = (max(1, round(gray.shape[1] / block)), max(1, round(gray.shape[0] / block)))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def wiped(blocks: NDArray[np.uint8], wipe: int, reach: int) -> NDArray[np.uint8]:
    """Blocks `uint8 (h, w)` without what is thinner than `reach` of them.

    What is dark is wiped away by `cv2.MORPH_CLOSE`, what is light by `cv2.MORPH_OPEN`.
    """
    # Beyond the frame the paper goes on: without it, closing and opening go wrong along the edge.
    wider = cv2.copyMakeBorder(blocks, *(4 * [reach]), cv2.BORDER_REPLICATE)
    square = np.ones((reach, reach), np.uint8)
    return cv2.morphologyEx(wider, wipe, square)[reach:-reach, reach:-reach]


def above(ink: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """Where there is more ink than that: 255 there, 0 elsewhere."""
    return cv2.threshold(ink, threshold, 255, cv2.THRESH_BINARY)[1]


def _ratio(difference: NDArray[np.uint8], brightness: NDArray[np.uint8]) -> NDArray[np.uint8]:
    floor = cv2.max(brightness, _DARKEST_PAPER)
    return cv2.divide(difference, floor, scale=255)
