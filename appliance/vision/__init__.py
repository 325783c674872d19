"""From a frame to crops: finds what may be digits and makes each as MNIST was made.

`ink` flattens the light, `strokes` finds the connected pieces, `cuts` takes apart what may be digits that
touch, `layout` arranges all in rows and proposes what belongs together, `crops` makes the pictures that
the network sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision import crops, layout
from appliance.vision.strokes import Box, find_strokes, overlap

__all__ = ["Box", "Crop", "find_crops", "overlap"]

_SMALLEST_FRAME = 240  # pixels of its shorter side; a smaller frame is enlarged first
_MOST_ENLARGED = 4.0
_MOST_CROPS = 96  # that are judged in one frame, so that a page of print takes no longer than a number
_AS_TALL = 0.5  # of the tallest row: where others as tall are too many to judge, it is a keyboard or print


@dataclass(frozen=True, slots=True)
class Crop:
    """What may be a digit: where it is, and as the network sees it.

    `box` is in frame pixels, `image` is `uint8 (28, 28)`, white on black. `row`, `first` and `past` say
    which parts of which row it is made of: two crops with a part in common cannot both be digits.
    """

    box: Box
    image: NDArray[np.uint8]
    row: int
    first: int
    past: int
    strokes: int
    """How many whole strokes it joins; 0 if it is but a part of one."""
    dark: bool
    """Whether it is dark on light."""
    peak: float
    """How strong its ink is, in gray levels."""
    ink: NDArray[np.uint8] = field(repr=False)
    """`uint8 (height, width)` of the box; of a small frame, as enlarged."""


def find_crops(gray: NDArray[np.uint8]) -> list[Crop]:
    """The crops of a gray frame `uint8 (H, W)` in reading order, first dark ones and then light ones."""
    scale = min(_MOST_ENLARGED, _SMALLEST_FRAME / min(gray.shape))
    if scale > 1:
        large = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return [replace(crop, box=_shrunk(crop.box, scale, gray.shape)) for crop in _find(large)]
    return _find(gray)


def _find(gray: NDArray[np.uint8]) -> list[Crop]:
    tones = [layout.find_rows(strokes, gray.shape) for strokes in find_strokes(gray)]
    rows = [
        (row, dark, list(layout.hypotheses(row)))
        for dark, tone in zip((True, False), tones, strict=True)
        for row in tone
    ]
    found: list[Crop] = []
    for number in sorted(_affordable([(row.height, len(proposed)) for row, _, proposed in rows])):
        _, dark, proposed = rows[number]
        for one in proposed:
            box, ink = crops.drawn(one.parts)
            image, peak = crops.as_mnist(ink), max(part.peak for part in one.parts)
            found.append(Crop(box, image, number, one.first, one.past, one.strokes, dark, peak, ink))
    return found


def _affordable(rows: Sequence[tuple[int, int]]) -> list[int]:
    """Which rows, each given as its height and number of crops, are judged: the tallest that time allows.

    None, where others about as tall would be left out: nobody writes so many digits.
    """
    chosen: list[int] = []
    left = _MOST_CROPS
    tallest = 0
    for number in sorted(range(len(rows)), key=lambda number: -rows[number][0]):
        height, count = rows[number]
        if count <= left:
            left -= count
            tallest = max(tallest, height)
            chosen.append(number)
        elif height > _AS_TALL * tallest:
            return []
    return chosen


def _shrunk(box: Box, scale: float, shape: tuple[int, int]) -> Box:
    left, top = int(box[0] / scale), int(box[1] / scale)
    right, bottom = ceil((box[0] + box[2]) / scale), ceil((box[1] + box[3]) / scale)
    return left, top, min(shape[1], right) - left, min(shape[0], bottom) - top
