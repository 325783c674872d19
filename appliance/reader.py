"""From a frame to a reading: vision proposes crops, the network judges them, the best explanation is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from appliance.frame import Frame
from appliance.network import load, normalise
from appliance.vision import Box, Crop, find_crops

_TO_IGNORE = 0.2  # the cost of leaving a stroke unexplained that is too small to be judged by itself
_TO_JOIN = 0.1  # the cost of taking one more stroke into a digit: most digits are one stroke
_NEVER = 1e-6  # no probability is taken to be less
_BEYOND_DOUBT = 0.9
_COMPANY = 0.1  # how much less likely it is, beside such a digit, that a stroke is none
_CLUTTERED = 4  # so many other things for each digit, and the frame shows no number
_LOWEST = 0.25  # of the tallest digit's height: what is lower is dirt


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
        dark, light = (
            self._digits([one for one in judged if one.crop.dark is tone]) for tone in (True, False)
        )
        # A page has one tone; what is seen in the other is the paper between the strokes.
        return Reading(tuple(max(dark, light, key=_amount)))

    def _digits(self, judged: Sequence[_Judged]) -> list[Digit]:
        digits: list[Digit] = []
        others: list[Box] = []
        for _, members in groupby(judged, key=lambda one: one.crop.row):
            row = list(members)
            chosen = best_explanation(row)
            company = max((one.crop.box[3] for one in chosen if _beyond_doubt(one)), default=0)
            if company:
                chosen = best_explanation([_in_company(one, company) for one in row])
            sure = [d for d in map(_digit, filter(_is_digit, chosen)) if d.confidence >= self._threshold]
            if 2 * len(sure) >= len(chosen):  # a few digits among many letters are letters too
                digits += sure
            others += [one.crop.box for one in chosen if not _is_digit(one)]
        return _credible(digits, others)

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

    Every part belongs to a digit, or to a whole stroke that is none, or is ignored; each costs the negative
    logarithm of its probability, and the cheapest way through the row is found by dynamic programming.
    """
    past = max(one.crop.past for one in row)
    cost = [0.0] + [np.inf] * past
    taken: list[_Judged | None] = [None] * (past + 1)
    start = list(range(-1, past))
    judged_alone = {one.crop.first for one in row}
    for end in range(1, past + 1):
        if end - 1 not in judged_alone:
            cost[end] = cost[end - 1] + _TO_IGNORE
        for one in (one for one in row if one.crop.past == end):
            first = one.crop.first
            price = _price(one)
            if cost[first] + price < cost[end]:
                cost[end], start[end], taken[end] = cost[first] + price, first, one
    chosen: list[_Judged] = []
    while past > 0:
        if (best := taken[past]) is not None:
            chosen.append(best)
        past = start[past]
    return chosen[::-1]


def _beyond_doubt(one: _Judged) -> bool:
    """Whether a crop is a digit with a shape of its own; a one is but a stroke."""
    return float(np.delete(one.digits, 1).max()) > _BEYOND_DOUBT


def _in_company(one: _Judged, height: int) -> _Judged:
    """What to think of a bare stroke beside a digit of that height: it is a one rather than nothing."""
    if one.digits.argmax() != 1 or one.crop.box[3] < 0.5 * height:
        return one
    whole = 1 - one.none * (1 - _COMPANY)
    return replace(one, digits=one.digits / whole, none=one.none * _COMPANY / whole)


def _is_digit(one: _Judged) -> bool:
    return one.crop.strokes != 1 or float(one.digits.max()) >= one.none


def _price(one: _Judged) -> float:
    """Only one whole stroke may be judged to be none: not what it was cut into, nor joined with."""
    likely = max(float(one.digits.max()), one.none if one.crop.strokes == 1 else 0.0, _NEVER)
    return _TO_JOIN * max(0, one.crop.strokes - 1) - float(np.log(likely))


def _credible(digits: Sequence[Digit], others: Sequence[Box]) -> list[Digit]:
    """What is left of the digits in the light of each other, and of what else lies in the frame."""
    tallest = max((digit.box[3] for digit in digits), default=0)
    digits = [digit for digit in digits if digit.box[3] >= _LOWEST * tallest]
    digits = [digit for digit in digits if not any(_inside(digit.box, other.box) for other in digits)]
    alike = sum(0.5 * tallest <= box[3] <= 2 * tallest for box in others)
    only_strokes = all(digit.value == 1 for digit in digits)
    if alike > (0 if only_strokes else _CLUTTERED) * len(digits):
        return []
    return digits


def _inside(inner: Box, outer: Box) -> bool:
    """Whether a box lies within a larger one, as the hole of a zero within the zero."""
    width = min(inner[0] + inner[2], outer[0] + outer[2]) - max(inner[0], outer[0])
    height = min(inner[1] + inner[3], outer[1] + outer[3]) - max(inner[1], outer[1])
    area = inner[2] * inner[3]
    return area < outer[2] * outer[3] and min(width, height) > 0 and width * height > 0.7 * area


def _amount(digits: Iterable[Digit]) -> float:
    return sum(digit.confidence * digit.box[3] for digit in digits)


def _digit(one: _Judged) -> Digit:
    value = int(one.digits.argmax())
    logs = np.log(np.maximum(one.digits, _NEVER)).astype(np.float32)
    return Digit(value, float(one.digits[value]), one.crop.box, logs, one.crop.image)
