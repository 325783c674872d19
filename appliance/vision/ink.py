"""Flattens the light: from brightness to ink, whatever lamp, shadow or paper lies behind it.

The background is what remains when everything thinner than the thickest stroke is wiped away, by a
morphological closing for dark strokes and an opening for light ones. Unlike a blur, these keep the edge
of a hard shadow where it is, so the shadow itself leaves no ink.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

_CELLS = 120  # of a frame's shorter side: the background is smooth, a small picture of it as good
THICK, THIN = 0.3, 0.05
"""The thickest stroke of a digit that fills the frame, and of an ordinary one, by the shorter side."""

FAINTEST = 14
"""Ink that is less is paper."""

_DARKEST_PAPER = 48  # below this, sensor noise would pass for contrast
_LEAST_BLUR = 3
_BLURS = ((6.0, 9, 1.3), (3.0, 5, 2.0), (0.0, _LEAST_BLUR, 2.0))
"""From this mean noise on, in gray levels, a blur of so many pixels; and how many times that noise its peaks
are afterwards."""
_NOISE_ROWS = 9  # one row in so many tells the noise of all
_GRAIN = 3.0  # times the least that three quarters of a small frame's pixels differ by is its noise
_BROADEST = 0.05  # of its shorter side is a blur, at most
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
    def paper_in_cells(self) -> NDArray[np.uint8]:
        """How bright what is written on is, `uint8 (h, w)`; see `in_cells`."""
        return self._background(cv2.MORPH_CLOSE, cv2.erode)

    @cached_property
    def _paper(self) -> NDArray[np.uint8]:
        return self._enlarged(self.paper_in_cells)

    def _background(self, wipe: int, inwards: Callable[..., NDArray[np.uint8]]) -> NDArray[np.uint8]:
        small = self._smooth.small
        reach = int(min(small.shape) * self._thickest) | 1
        # One more cell inwards: between a lit and a shaded cell the enlarged picture would invent a line.
        return inwards(wiped(small, wipe, reach), np.ones((3, 3), np.uint8))

    def _enlarged(self, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return cv2.resize(cells, self._smooth.picture.shape[::-1], interpolation=cv2.INTER_LINEAR)


def flatten(gray: NDArray[np.uint8], thickest: float = THICK) -> Ink:
    """The ink of a gray frame `uint8 (H, W)`, in strokes up to `thickest` of the frame's shorter side."""
    noise, blur, left = _noise_and_blur(gray)
    smooth = cv2.GaussianBlur(gray, (blur, blur), 0)
    return Ink(_Smooth(smooth, in_cells(smooth), noise * left), thickest)


def without_noise(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A gray frame `uint8 (H, W)` blurred where it is noisy; as it is, where that is next to nothing."""
    _, blur, _ = _noise_and_blur(gray)
    return _blurred(gray, blur)


def without_grain(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small gray frame `uint8 (H, W)` blurred where it is noisy: enlarged, noise is as broad as strokes.

    Its strokes are but few pixels broad and cover much of it, so only what is noise everywhere counts.
    """
    noise = _GRAIN * quantile(cv2.absdiff(gray, cv2.medianBlur(gray, 3)), 0.25)
    blur = min(_blur(noise)[0], int(_BROADEST * min(gray.shape)) | 1)
    return _blurred(gray, blur)


def in_cells(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A gray frame `uint8 (H, W)` in so few pixels, called cells, that what is large is found fast."""
    height, width = gray.shape
    cell = max(1.0, min(height, width) / _CELLS)
    size = (max(1, round(width / cell)), max(1, round(height / cell)))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def wiped(cells: NDArray[np.uint8], wipe: int, reach: int) -> NDArray[np.uint8]:
    """Cells `uint8 (h, w)` without what is thinner than `reach` of them.

    What is dark is wiped away by `cv2.MORPH_CLOSE`, what is light by `cv2.MORPH_OPEN`.
    """
    # Beyond the frame the paper goes on: without it, closing and opening go wrong along the edge.
    wider = cv2.copyMakeBorder(cells, *(4 * [reach]), cv2.BORDER_REPLICATE)
    square = np.ones((reach, reach), np.uint8)
    return cv2.morphologyEx(wider, wipe, square)[reach:-reach, reach:-reach]


def above(ink: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """Where there is more ink than that: 255 there, 0 elsewhere."""
    return cv2.threshold(ink, threshold, 255, cv2.THRESH_BINARY)[1]


def quantile(values: NDArray[np.uint8], share: float) -> float:
    """As numpy's own, but faster: bytes are sorted by counting them, which that does not do."""
    return quantiles(values, share)[0]


def quantiles(values: NDArray[np.uint8], *shares: float) -> list[float]:
    """The same of several shares at once."""
    ordered = np.sort(values, axis=None, kind="stable")
    return [_at(ordered, share * (ordered.size - 1)) for share in shares]


def thickness(ink: NDArray[np.uint8]) -> float:
    """Of a stroke's ink `uint8 (H, W)` where that is thickest, in its pixels."""
    full = cv2.copyMakeBorder(ink, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return 2 * float(cv2.distanceTransform(above(full, 127), cv2.DIST_L2, 3).max())


def _noise_and_blur(gray: NDArray[np.uint8]) -> tuple[float, int, float]:
    """The noise of a frame, in gray levels; see `_BLURS` for the blur and what is left of it then."""
    noise = _noise(gray)
    return noise, *_blur(noise)


def _blur(noise: float) -> tuple[int, float]:
    """See `_BLURS`."""
    return next((blur, left) for least, blur, left in _BLURS if noise >= least)


def _blurred(gray: NDArray[np.uint8], blur: int) -> NDArray[np.uint8]:
    return gray if blur <= _LEAST_BLUR else cv2.GaussianBlur(gray, (blur, blur), 0)


def _noise(gray: NDArray[np.uint8]) -> float:
    """How much pixels differ from the median of those around them, in gray levels: of one row in nine."""
    rows = np.arange(1, max(2, gray.shape[0] - 1), _NOISE_ROWS)
    around = gray[np.clip(rows[:, np.newaxis] + (-1, 0, 1), 0, gray.shape[0] - 1).ravel()]
    return float(cv2.absdiff(around, cv2.medianBlur(around, 3))[1::3].mean())


def _ratio(difference: NDArray[np.uint8], brightness: NDArray[np.uint8]) -> NDArray[np.uint8]:
    floor = cv2.max(brightness, _DARKEST_PAPER)
    return cv2.divide(difference, floor, scale=255)


def _at(ordered: NDArray[np.uint8], place: float) -> float:
    """What stands at a place, or so far between two."""
    rank = int(place)
    low, high = int(ordered[rank]), int(ordered[min(rank + 1, ordered.size - 1)])
    return low + (high - low) * (place - rank)
