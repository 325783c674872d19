"""The sensor's noise: how much of it a frame has, and the frame blurred where it is much."""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.quantiles import quantile

_LEAST_BLUR = 3
_BLURS = ((6.0, 9, 1.3), (3.0, 5, 2.0), (0.0, _LEAST_BLUR, 2.0))
"""From this mean noise on, in gray levels, a blur of so many pixels; and how many times that noise its peaks
are afterwards."""
_NOISE_ROWS = 9  # one row in so many tells the noise of all
_GRAIN = 3.0  # times the least that three quarters of a small frame's pixels differ by is its noise
_BROADEST = 0.05  # of its shorter side is a blur, at most


def noise_and_blur(gray: NDArray[np.uint8]) -> tuple[float, int, float]:
    """The noise of a frame, in gray levels; see `_BLURS` for the blur and what is left of it then."""
    noise = _noise(gray)
    return noise, *_blur(noise)


def without_noise(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A gray frame `uint8 (H, W)` blurred where it is noisy; as it is, where that is next to nothing."""
    _, blur, _ = noise_and_blur(gray)
    return _blurred(gray, blur)


def without_grain(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small gray frame `uint8 (H, W)` blurred where it is noisy: enlarged, noise is as broad as strokes.

    Its strokes are but few pixels broad and cover much of it, so only what is noise everywhere counts.
    """
    noise = _GRAIN * quantile(cv2.absdiff(gray, cv2.medianBlur(gray, 3)), 0.25)
    blur = min(_blur(noise)[0], int(_BROADEST * min(gray.shape)) | 1)
    return _blurred(gray, blur)


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
