"""What may be a digit, as a crop that is made exactly as MNIST was made.

The longest side is fitted into 20 pixels keeping the aspect, anti-aliased, and the picture is centred in
28x28 by its centre of mass (LeCun, Cortes, Burges: The MNIST database of handwritten digits).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import atan, ceil, degrees, hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision import cuts
from appliance.vision.box import Box, Boxed, scaled, shared
from appliance.vision.stroke import Stroke, around, thickness

_SIDE, _INNER = 28, 20
_MET = 10  # of 255, in the mean: less ink in a box is but the rim of what is drawn around it
_LIGHTEST = 1.05  # ink that is light nears 1 without end: so much lighter than its board nothing is


@dataclass(frozen=True, eq=False)
class Crop(Boxed):
    """What may be a digit: where it is, and as the network sees it.

    `box` is in frame pixels. `first` and `past` count the strokes of its row from the left: 2.0 to 3.0 is the
    third, 2.0 to 2.5 a left part of it. Two crops of a row with any in common cannot both be digits.
    """

    box: Box
    row: int
    first: float
    past: float
    stroke_count: int
    """How many whole strokes it joins, one that fell apart being two; 0 if it is but a part of one."""
    dark: bool
    """Whether it is dark on light."""
    peak: float
    """How strong its ink is, 0 to 255 as in `Ink`: the strongest of its strokes' peaks."""
    slope: float
    """How far its row falls, in pixels for each to the right: `image` is turned by so much."""
    ink: NDArray[np.uint8] = field(repr=False)
    """`uint8 (height, width)` of the box; of a small frame, as enlarged."""
    at_edge: bool = False
    """Whether it reaches the frame's edge, beyond which it may go on."""
    left_out: bool = False
    """Whether there is no time to judge it: it only counts as something else in the frame."""

    @property
    def contrast(self) -> float:
        """How much its ink differs from what it is written on, by how light that is."""
        return self.peak if self.dark else self.peak / (_LIGHTEST - self.peak / 255)

    @property
    def is_whole(self) -> bool:
        """Whether it is one stroke, neither cut nor joined with another."""
        return self.stroke_count == 1

    @property
    def is_part(self) -> bool:
        """Whether it was cut out of a stroke."""
        return self.stroke_count == 0

    @property
    def fell_apart(self) -> bool:
        """Whether it is one stroke that fell apart, as a whole."""
        return self.stroke_count == 2 and self.past == self.first + 1

    @property
    def begins_stroke(self) -> bool:
        """Whether nothing of its first stroke lies left of it."""
        return self.first % 1 == 0

    @property
    def ends_stroke(self) -> bool:
        """Whether nothing of its last stroke lies right of it."""
        return self.past % 1 == 0

    def is_cut_from(self, whole: "Crop") -> bool:
        """Whether it is something that this stroke was cut into."""
        return self.is_part and self.row == whole.row and whole.first <= self.first < whole.past

    def ink_in(self, box: Box) -> NDArray[np.uint8]:
        """Its ink `uint8 (h, w)` in what it shares with a box."""
        left, top, width, height = shared(self.box, box)
        scales = self.ink.shape[1] / self.width, self.ink.shape[0] / self.height
        x, y, wide, high = scaled((left - self.left, top - self.top, width, height), scales, self.ink.shape)
        return self.ink[y : y + high, x : x + wide]

    def is_inked_in(self, box: Box) -> bool:
        """Whether it has ink of its own in a box, not only around what lies there."""
        there = self.ink_in(box)
        return there.size > 0 and float(there.mean()) >= _MET

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """`uint8 (28, 28)`, white on black; drawn when first asked for, as many a crop is never judged."""
        return as_mnist(self.ink, self.slope)

    @cached_property
    def thickness(self) -> float:
        """Of its stroke where that is thickest, in pixels of `ink`."""
        return thickness(self.ink)


def take_apart(crop: Crop) -> list[Crop]:
    """The crops of what a whole stroke may fall into, if it is digits that touch."""
    left, top, width, height = crop.box
    scales = width / crop.ink.shape[1], height / crop.ink.shape[0]
    found = []
    for part in cuts.parts_of(crop.ink):
        inside = scaled((part.left, part.top, *part.ink.shape[::-1]), scales, (height, width))
        box = left + inside[0], top + inside[1], inside[2], inside[3]
        first, past = crop.first + part.first, crop.first + part.past
        found.append(replace(crop, box=box, first=first, past=past, stroke_count=0, ink=part.ink))
    return found


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
