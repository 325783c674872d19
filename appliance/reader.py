"""From a frame to a reading: vision finds the crops, the network names them, the doubtful are dropped."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.frame import Frame
from appliance.network import Card
from appliance.vision import Box


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


class Reader:
    """Reads frames with one network; `card` says which."""

    def __init__(self, weights: Path) -> None:
        """Loads the weights. Raises `WeightsError` if they are not whole and true to their card."""
        self.card: Card
        raise NotImplementedError

    def read(self, frame: Frame) -> Reading:
        """The digits of a frame. Never raises for what the pixels hold."""
        raise NotImplementedError
