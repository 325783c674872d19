"""From a frame to crops: finds what may be digits and makes each as MNIST was made.

`strokes` finds the connected pieces. On the way `light` evens out how a frame is lit (`ink` flattens it,
`glare` takes off what a lamp adds, or `stripes` the stripes of blinds), `bands` take out what runs straight
across, `shades` what a hand darkens, `bodies` what is fainter than the stroke that it touches, `sprawling`
part strokes from the pages, shadows and `lines` that they touch, `cells` from the printed ones that they
were written in, and `written` leave out gaps, halos and `edges`. `patterns` leaves out strokes that repeat,
`layout` arranges the others in rows and proposes what belongs together, `budget` chooses those that
there is time for, and `crops` draws the pictures that the network sees; `find_crops`, here, has them do so
one after another. What the network is not sure of, `cuts` takes apart, for it may be digits that touch.
Where all that is lost among much else, `sheets` finds what was written on one.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision import crops
from appliance.vision.box import Box, scaled
from appliance.vision.budget import Proposed, affordable
from appliance.vision.crops import Crop, take_apart
from appliance.vision.layout import Hypothesis
from appliance.vision.noise import without_grain
from appliance.vision.patterns import without_patterns
from appliance.vision.sheets import strokes_on_sheets
from appliance.vision.strokes import FindStrokes, find_strokes

__all__ = [
    "Box",
    "Crop",
    "FindStrokes",
    "enlarged",
    "find_crops",
    "find_crops_on_sheets",
    "take_apart",
]

_SMALLEST_FRAME = 240  # pixels of its shorter side; a smaller frame is enlarged first
_MOST_ENLARGED = 4.0


def find_crops(gray: NDArray[np.uint8]) -> list[Crop]:
    """The crops of a gray frame `uint8 (H, W)`: the dark, then the light ones, row by row from the left."""
    return _find_in(gray, find_strokes)


def find_crops_on_sheets(gray: NDArray[np.uint8]) -> list[Crop]:
    """The same of what lies on sheets only; none unless there is much beside them to tell them from."""
    return _find_in(gray, strokes_on_sheets)


def enlarged(gray: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """A gray frame `uint8 (H, W)` as vision looks at it, and how many times as large it is, at least once."""
    scale = min(_MOST_ENLARGED, _SMALLEST_FRAME / min(gray.shape))
    if scale <= 1:
        return gray, 1.0
    return cv2.resize(without_grain(gray), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), scale


def _find_in(gray: NDArray[np.uint8], find: FindStrokes) -> list[Crop]:
    large, scale = enlarged(gray)
    found = _find(large, find)
    if scale == 1:
        return found
    return [replace(crop, box=scaled(crop.box, (1 / scale, 1 / scale), gray.shape)) for crop in found]


def _find(gray: NDArray[np.uint8], find: FindStrokes) -> list[Crop]:
    rows = affordable(without_patterns(*find(gray)), gray.shape)
    return [_crop(one, row, number, gray.shape) for number, row in enumerate(rows) for one in row.hypotheses]


def _crop(one: Hypothesis, of: Proposed, row: int, shape: tuple[int, int]) -> Crop:
    box, ink = crops.drawn(one.strokes)
    return Crop(
        box,
        row,
        one.first,
        one.past,
        # What fell apart joins what it fell apart into.
        stroke_count=len(one.strokes) + any(stroke.fell_apart for stroke in one.strokes),
        dark=of.dark,
        peak=max(stroke.peak for stroke in one.strokes),
        slope=of.row.slope,
        ink=ink,
        at_edge=any(stroke.edges_met(shape) for stroke in one.strokes),
        left_out=of.left_out or one.is_one_of_many,
    )
