"""A stroke: one connected piece of ink, where it lies and how strong it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from math import ceil
from operator import add

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""`(x, y, width, height)` in pixels: a crop's are those of the frame, a stroke's of the frame as enlarged."""
WIDEST_DIGIT = 1.35  # width by height
WRITTEN_IN = 0.45  # of a circle's height, at least, is what is written in it: less may be dirt in a zero


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One connected piece of ink; `ink` is `uint8 (height, width)`, 255 where it is full."""

    box: Box
    ink: NDArray[np.uint8]
    peak: float
    """Nine tenths of its ink are weaker: 0 to 255, as `Ink`."""
    fell_apart: bool = False
    """Whether others are what it fell apart into: it is there once more, as it was."""
    one_of_many: bool = False
    """Whether more than there is time for are as tall, as the letters of a page are."""

    @property
    def left(self) -> int:
        return self.box[0]

    @property
    def top(self) -> int:
        return self.box[1]

    @property
    def width(self) -> int:
        return self.box[2]

    @property
    def height(self) -> int:
        return self.box[3]

    @property
    def right(self) -> int:
        return self.box[0] + self.box[2]

    @property
    def bottom(self) -> int:
        return self.box[1] + self.box[3]

    def edges_met(self, shape: tuple[int, ...]) -> int:
        """How many of the four edges of a frame `(H, W)` it reaches."""
        return edges_met(self.box, shape)

    def surrounds(self, other: "Stroke") -> bool:
        """Whether it is a circle or a box around another, which is too large to be dirt in a zero."""
        return encloses(self.box, other.box) and other.height > WRITTEN_IN * self.height


def edges_met(box: Box, shape: tuple[int, ...]) -> int:
    """How many of the four edges of a frame `(H, W)` a box reaches."""
    left, top, width, height = box
    return sum(away <= 1 for away in (left, top, shape[1] - left - width, shape[0] - top - height))


def overlap(one: Box, other: Box) -> int:
    """The area in pixels that two boxes share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def shared_areas(
    strokes: Sequence[Stroke], others: Sequence[Stroke]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The areas that N strokes' boxes share with M others' `(N, M)`; and their own, `(N, 1)` and `(M,)`."""
    one = np.array([stroke.box for stroke in strokes])[:, np.newaxis]
    other = np.array([stroke.box for stroke in others])
    shared = np.minimum(one[..., :2] + one[..., 2:], other[:, :2] + other[:, 2:])
    shared = np.maximum(0, shared - np.maximum(one[..., :2], other[:, :2])).prod(axis=2)
    return shared, one[..., 2:].prod(axis=2), other[:, 2:].prod(axis=1)


def outside(strokes: Sequence[Stroke], others: Sequence[Stroke], mostly: float) -> list[Stroke]:
    """The strokes of whose boxes no other's box holds more than that share."""
    if not strokes or not others:
        return list(strokes)
    shared, own, _ = shared_areas(strokes, others)
    return list(compress(strokes, np.all(shared <= mostly * own, axis=1).tolist()))


def encloses(outer: Box, inner: Box) -> bool:
    """Whether a box reaches further than another on all sides."""
    (left, top, width, height), (x, y, wide, high) = outer, inner
    return left < x and top < y and left + width > x + wide and top + height > y + high


def around(strokes: Sequence[Stroke]) -> Box:
    """The smallest box that holds all the strokes."""
    if len(strokes) == 1:
        return strokes[0].box
    lefts, tops, widths, heights = zip(*(stroke.box for stroke in strokes), strict=True)
    left, top = min(lefts), min(tops)
    return left, top, max(map(add, lefts, widths)) - left, max(map(add, tops, heights)) - top


def scaled(box: Box, scales: tuple[float, float], shape: tuple[int, ...]) -> Box:
    """The smallest box that holds another, scaled across and down, within what is of `shape`."""
    left, top = int(box[0] * scales[0]), int(box[1] * scales[1])
    right, bottom = ceil((box[0] + box[2]) * scales[0]), ceil((box[1] + box[3]) * scales[1])
    return left, top, min(shape[1], right) - left, min(shape[0], bottom) - top
