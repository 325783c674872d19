"""A crop that the network has judged, and what several of them have in common."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from statistics import median

import numpy as np
from numpy.typing import NDArray

from appliance.vision import Crop
from appliance.vision.box import mostly_one

NEVER = 1e-6  # no probability is taken to be less
AS_LARGE = 0.5  # as the tallest digit: of what is none beside it, the larger is a letter, the smaller dirt
_SURE, _CLEAR = 0.95, 0.99


@dataclass(frozen=True, eq=False)
class Judged:
    """A crop with what the network thinks of it, calibrated."""

    crop: Crop
    probabilities: NDArray[np.float32]
    """Of the digits 0 to 9, `(10,)`."""
    none: float
    """That of no digit; for a network of ten classes, which has none, what the likeliest digit lacks of 1."""

    @cached_property
    def value(self) -> int:
        """The likeliest digit."""
        return int(self.probabilities.argmax())

    @cached_property
    def confidence(self) -> float:
        """How likely that is."""
        return float(self.probabilities.max())

    @property
    def is_sure(self) -> bool:
        """Whether it is hardly anything but that digit."""
        return self.confidence > _SURE

    @property
    def is_clear(self) -> bool:
        """Whether it is surer still, so that others are measured by it."""
        return self.confidence > _CLEAR

    @property
    def is_beyond_doubt(self) -> bool:
        """Whether it is sure and has a shape of its own: a one is but a stroke, which anything may be."""
        return self.value != 1 and self.is_sure

    @property
    def is_digit(self) -> bool:
        """Whether it is rather a digit than none; what is cut or joined is never none, however unsure."""
        return not self.crop.is_whole or self.confidence >= self.none


Judge = Callable[[Sequence[Crop]], list[Judged]]
"""Says what the network thinks of some crops."""


def with_left_out(judged: Iterable[Judged], crops: Iterable[Crop]) -> list[Judged]:
    """What was judged, and, as none, the strokes that there was no time to judge."""
    none = np.zeros(10, np.float32)
    return [*judged, *(Judged(crop, none, 1.0) for crop in crops if crop.left_out and crop.is_whole)]


def only_ones(digits: Iterable[Judged]) -> bool:
    """Whether there is nothing but ones, which bare strokes may be; or nothing at all."""
    return all(one.value == 1 for one in digits)


def usual_peak(digits: Sequence[Judged]) -> float:
    """The median strength of ink, of those beyond doubt if there are any."""
    doubtless = [one for one in digits if one.is_beyond_doubt]
    return median([one.crop.peak for one in doubtless or digits] or [0.0])


def in_rows(judged: Iterable[Judged]) -> list[list[Judged]]:
    """What was judged, row by row, in the order given."""
    return [list(row) for _, row in groupby(judged, key=lambda one: one.crop.row)]


def tallest_of(digits: Iterable[Judged]) -> int:
    """The height of the tallest box, in pixels; 0 of none."""
    return max((one.crop.height for one in digits), default=0)


def lies_with(crop: Crop, digits: Iterable[Judged]) -> bool:
    """Whether a crop is a digit, part of one or around one, or what digits that touch are together."""
    return any(mostly_one(crop.box, one.crop.box) for one in digits)


def gap(left: Judged, right: Judged) -> float:
    """How far one stands left of another, by the height of the taller; less than 0 if it does not."""
    return (right.crop.left - left.crop.right) / max(left.crop.height, right.crop.height)
