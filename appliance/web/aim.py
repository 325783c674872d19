"""How well the camera is aimed, focused and lit, judged where the paper should be."""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.reader import Reading
from appliance.web.messages import Aim

MARGIN = 0.15
"""What lies outside the frame for the paper, on each side, as a part of the picture."""
_SHARP = 0.45
"""The steepest that an edge in a sharp picture is, a pixel, as a part of its whole step."""
_SMALL, _TALL = 0.08, 0.7
"""Heights of digits, as a part of the picture's, that are worth coming nearer or going away for."""


def judge(gray: NDArray[np.uint8], reading: Reading) -> Aim:
    """Measures a gray frame `(H, W)`."""
    height, width = gray.shape
    top, left = int(MARGIN * height), int(MARGIN * width)
    middle = gray[top : height - top or None, left : width - left or None]
    dark, median, light = (float(value) for value in np.percentile(middle, (1, 50, 99)))
    contrast = light - dark
    sharpness = min(1.0, _steepest(middle) / max(contrast, 1.0) / _SHARP) if contrast >= 10 else 0.0
    glare = float((middle >= 254).mean())
    tallest = max((digit.height for digit in reading.digits), default=0) / height
    return Aim(
        sharpness=round(sharpness, 3),
        brightness=round(median / 255, 3),
        contrast=round(contrast / 255, 3),
        glare=round(glare, 3),
        advice=_advice(sharpness, median / 255, contrast / 255, glare, tallest),
    )


def _steepest(gray: NDArray[np.uint8]) -> float:
    """The steepest edges, in gray values a pixel; the noise of single pixels is smoothed away."""
    smooth = cv2.GaussianBlur(gray, (3, 3), 0)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return float(np.percentile(cv2.magnitude(across, down), 99.8))


def _advice(sharpness: float, brightness: float, contrast: float, glare: float, tallest: float) -> str:
    if brightness < 0.12 and contrast < 0.3:
        return "Too dark: more light, or take off what covers the lens."
    if glare > 0.25:
        return "Too bright: less light, or no lamp that mirrors in the paper."
    if contrast < 0.15:
        return "Nothing to see yet: put a page with a digit into the frame."
    if sharpness < 0.5:
        return "Blurred: turn the lens, or change the distance, until the meter is at its highest."
    if 0 < tallest < _SMALL:
        return "The digits are small: come nearer."
    if tallest > _TALL:
        return "The digits are very large: go further away."
    return "Good: the page is sharp and well lit."
