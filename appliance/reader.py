"""From a frame to a reading: vision proposes crops, the network judges them, the best explanation is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.card import NOT_A_DIGIT
from appliance.config import EngineName
from appliance.engine import open_engine
from appliance.frame import Frame
from appliance.reading.digits import digits_of
from appliance.reading.judged import Judged, with_left_out
from appliance.reading.on_sheets import Look, may_be_on_sheets, sheets_count
from appliance.vision import Crop, find_crops, find_crops_on_sheets
from appliance.vision.box import Box, Boxed, overlap

# A camera sees what is none more rarely than training showed it, by this factor of the prior: Saerens et al.,
# "Adjusting the outputs of a classifier to new a priori probabilities", 2002.
_RARER = 0.5
_MOST_PASSED_OVER = 6


@dataclass(frozen=True, slots=True)
class Digit(Boxed):
    """One digit of a frame; `confidence` is calibrated: of those called at 0.9, nine in ten are right."""

    value: int
    confidence: float
    box: Box
    probabilities: NDArray[np.float32] = field(repr=False, compare=False)
    """`(10,)`, calibrated, of the digits 0 to 9."""
    crop: NDArray[np.uint8] = field(repr=False, compare=False)
    """`(28, 28)`, as the network saw it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The digits of one frame in reading order; empty where nothing is."""

    digits: tuple[Digit, ...] = ()
    judged: Sequence[Judged] = field(default=(), repr=False, compare=False)
    """Everything that was looked at to read it."""
    on_sheets: bool = field(default=False, repr=False, compare=False)
    """Whether only what lies on sheets was looked at, for there was much else."""

    @property
    def text(self) -> str:
        """The number seen, such as `"42"`."""
        return "".join(str(digit.value) for digit in self.digits)

    def passed_over(self) -> tuple[Digit, ...]:
        """The tallest strokes that are part of no digit that was read, as the digits they would be."""
        read = [digit.box for digit in self.digits]
        strokes = [one for one in self.judged if one.crop.is_whole]
        left = [one for one in strokes if not any(overlap(one.crop.box, box) for box in read)]
        return tuple(map(_digit, sorted(left, key=lambda one: -one.crop.height)[:_MOST_PASSED_OVER]))


class Reader:
    """Reads frames with one network; `weights` is its file, and `card` says what they are."""

    def __init__(self, weights: Path, threshold: float | None = None, engine: EngineName = "torch") -> None:
        """Loads the weights; `threshold` takes the place of the card's.

        Raises `WeightsError` if the weights are not whole and true to their card, `EngineError` if the
        engine is not installed.
        """
        self.weights = weights
        self._engine = open_engine(engine, weights)
        self.card = self._engine.card
        calibration = self.card.calibration
        self._temperature = calibration.temperature
        self._threshold = calibration.threshold if threshold is None else threshold

    def read(self, frame: Frame) -> Reading:
        """The digits of a frame. Never raises for what the pixels hold."""
        whole = self._look(find_crops(frame.gray))
        if may_be_on_sheets(whole):
            there = self._look(find_crops_on_sheets(frame.gray))
            if sheets_count(there, whole, len(frame.gray)):
                return Reading(tuple(map(_digit, there.digits)), there.judged, on_sheets=True)
        return Reading(tuple(map(_digit, whole.digits)), whole.judged)

    def read_crop(self, image: NDArray[np.uint8]) -> int | None:
        """The digit that a crop `(28, 28)`, white on black, holds by itself; None for none."""
        probabilities = self._probabilities([image])[0]
        value = int(probabilities.argmax())
        return value if value < NOT_A_DIGIT and probabilities[value] >= self._threshold else None

    def _look(self, crops: Sequence[Crop]) -> Look:
        digits, judged = digits_of(crops, self._judge, self._threshold)
        return Look(digits, judged, with_left_out(judged, crops))

    def _judge(self, crops: Sequence[Crop]) -> list[Judged]:
        if not crops:
            return []
        probabilities = self._probabilities([crop.image for crop in crops])
        # A network of ten classes knows no "none": what it is not sure of counts as that.
        none = (
            probabilities[:, NOT_A_DIGIT]
            if probabilities.shape[1] > NOT_A_DIGIT
            else 1 - probabilities.max(axis=1)
        )
        return [
            Judged(crop, row[:NOT_A_DIGIT], float(nothing))
            for crop, row, nothing in zip(crops, probabilities, none, strict=True)
        ]

    def _probabilities(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Of each class, calibrated, `(N, classes)`."""
        scores = self._engine(images) / self._temperature
        scores[:, NOT_A_DIGIT:] += np.log(_RARER)
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float32] = likely / likely.sum(axis=1, keepdims=True)
        return probabilities


def _digit(one: Judged) -> Digit:
    return Digit(one.value, one.confidence, one.crop.box, one.probabilities, one.crop.image)
