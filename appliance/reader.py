"""From a frame to a reading: vision proposes crops, the network judges them, the best explanation is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from appliance.frame import Frame
from appliance.network import load, normalise
from appliance.vision import Box, Crop, find_crops

_TO_IGNORE = 0.2  # the cost of leaving a stroke unexplained that is too small to be judged by itself
_NEVER = 1e-6  # no probability is taken to be less


@dataclass(frozen=True, slots=True)
class Digit:
    """One digit of a frame; `confidence` is calibrated: of those called at 0.9, nine in ten are right."""

    value: int
    confidence: float
    box: Box
    log_probabilities: NDArray[np.float32] = field(repr=False, compare=False)
    """`(10,)`, calibrated, of the digits 0 to 9."""
    crop: NDArray[np.uint8] = field(repr=False, compare=False)
    """`(28, 28)`, as the network saw it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The digits of one frame in reading order; empty where nothing is."""

    digits: tuple[Digit, ...] = ()

    @property
    def text(self) -> str:
        """The number seen, such as `"42"`."""
        return "".join(str(digit.value) for digit in self.digits)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A crop with the network's probabilities: of the ten digits, and of none."""

    crop: Crop
    digits: NDArray[np.float32]
    none: float


class Reader:
    """Reads frames with one network; `card` says which."""

    def __init__(self, weights: Path, threshold: float | None = None) -> None:
        """Loads the weights; `threshold` takes the place of the card's.

        Raises `WeightsError` if the weights are not whole and true to their card.
        """
        self._network, self.card = load(weights)
        calibration = self.card.calibration
        self._temperature = calibration.temperature
        self._threshold = calibration.threshold if threshold is None else threshold

    def read(self, frame: Frame) -> Reading:
        """The digits of a frame. Never raises for what the pixels hold."""
        judged = self._judge(find_crops(frame.gray))
        digits: list[Digit] = []
        for _, row in groupby(judged, key=lambda one: one.crop.row):
            digits += [_digit(one) for one in best_explanation(list(row))]
        sure = [digit for digit in digits if digit.confidence >= self._threshold]
        return Reading(
            tuple(digit for digit in sure if not any(_inside(digit.box, other.box) for other in sure))
        )

    def _judge(self, crops: Sequence[Crop]) -> list[_Judged]:
        if not crops:
            return []
        with torch.inference_mode():
            scores = self._network(normalise([crop.image for crop in crops])) / self._temperature
            probabilities = scores.softmax(dim=1).numpy()
        # A network of ten classes knows no "none": what it is not sure of counts as that.
        none = probabilities[:, 10] if probabilities.shape[1] > 10 else 1 - probabilities.max(axis=1)
        return [
            _Judged(crop, row[:10], float(nothing))
            for crop, row, nothing in zip(crops, probabilities, none, strict=True)
        ]


def best_explanation(row: Sequence[_Judged]) -> list[_Judged]:
    """The crops of one row that together explain its strokes best, from left to right.

    Every stroke belongs to one digit, to one crop that is none, or is ignored; each costs the negative
    logarithm of its probability, and the cheapest way through the row is found by dynamic programming.
    """
    past = max(one.crop.past for one in row)
    cost = [0.0] + [np.inf] * past
    taken: list[_Judged | None] = [None] * (past + 1)
    start = list(range(-1, past))
    for end in range(1, past + 1):
        cost[end] = cost[end - 1] + _TO_IGNORE
        for one in (one for one in row if one.crop.past == end):
            first = one.crop.first
            price, kept = _price(one)
            if cost[first] + price < cost[end]:
                cost[end], start[end], taken[end] = cost[first] + price, first, kept
    chosen: list[_Judged] = []
    while past > 0:
        digit = taken[past]
        if digit is not None:
            chosen.append(digit)
        past = start[past]
    return chosen[::-1]


def _price(one: _Judged) -> tuple[float, _Judged | None]:
    digit = float(one.digits.max())
    if digit >= one.none:
        return -float(np.log(max(digit, _NEVER))), one
    return -float(np.log(max(one.none, _NEVER))), None


def _digit(one: _Judged) -> Digit:
    value = int(one.digits.argmax())
    logs = np.log(np.maximum(one.digits, _NEVER)).astype(np.float32)
    return Digit(value, float(one.digits[value]), one.crop.box, logs, one.crop.image)


def _inside(inner: Box, outer: Box) -> bool:
    """Whether a box lies within another, as the hole of a zero within the zero."""
    if inner[2] * inner[3] >= outer[2] * outer[3]:
        return False
    width = min(inner[0] + inner[2], outer[0] + outer[2]) - max(inner[0], outer[0])
    height = min(inner[1] + inner[3], outer[1] + outer[3]) - max(inner[1], outer[1])
    return width > 0 and height > 0 and width * height > 0.7 * inner[2] * inner[3]
