"""From a frame to crops: finds what may be digits and makes each as MNIST was made."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""`(x, y, width, height)` in frame pixels."""


@dataclass(frozen=True, slots=True)
class Crop:
    """What may be a digit: where it is, and as the network sees it, `uint8 (28, 28)` white on black."""

    box: Box
    image: NDArray[np.uint8]


def find_crops(gray: NDArray[np.uint8]) -> list[Crop]:
    """The crops of a gray frame `uint8 (H, W)` in reading order; empty where nothing is."""
    raise NotImplementedError
