"""A stroke: one connected piece of ink, where it lies and how strong it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from operator import add

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.box import Box, Boxed, encloses
from appliance.vision.ink import above

INKED = 127
"""Of a stroke's own ink, 0 to 255: what is more is within it, what is less but its blurred edge."""
WIDEST_DIGIT = 1.35  # width by height
PALER = 0.3  # of a stroke's ink: what is paler was not written by the same pen
AS_DARK = 0.6  # as another stroke: what is less may well be something else's
WRITTEN_IN = 0.45  # of a circle's height, at least, is what is written in it: less may be dirt in a zero


@dataclass(frozen=True, slots=True, eq=False)
class Stroke(Boxed):
    """One connected piece of ink; `ink` is `uint8 (height, width)`, 255 where it is full."""

    box: Box
    ink: NDArray[np.uint8]
    peak: float
    """Nine tenths of its ink are weaker: 0 to 255, as `Ink`."""
    fell_apart: bool = False
    """Whether others are what it fell apart into: it is there once more, as it was."""
    one_of_many: bool = False
    """Whether more than there is time for are as tall, as the letters of a page are."""

    def surrounds(self, other: "Stroke") -> bool:
        """Whether it is a circle or a box around another, which is too large to be dirt in a zero."""
        return encloses(self.box, other.box) and other.height > WRITTEN_IN * self.height


def thickness(ink: NDArray[np.uint8]) -> float:
    """Of a stroke's ink `uint8 (H, W)` where that is thickest, in its pixels."""
    full = cv2.copyMakeBorder(ink, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return 2 * float(cv2.distanceTransform(above(full, INKED), cv2.DIST_L2, 3).max())


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


def around(strokes: Sequence[Stroke]) -> Box:
    """The smallest box that holds all the strokes."""
    if len(strokes) == 1:
        return strokes[0].box
    lefts, tops, widths, heights = zip(*(stroke.box for stroke in strokes), strict=True)
    left, top = min(lefts), min(tops)
    return left, top, max(map(add, lefts, widths)) - left, max(map(add, tops, heights)) - top
