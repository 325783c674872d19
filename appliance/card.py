"""What a weights file holds, said by its card: a JSON file of the same name beside it.

Beside them may lie the same network as ONNX, for a Pi without PyTorch; the card vouches for both.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from appliance.atomic import write_atomically
from appliance.errors import WeightsError

MEAN, STD = 0.1307, 0.3081
"""The mean and standard deviation of MNIST's training pixels, scaled to 0..1."""

NOT_A_DIGIT = 10
"""The class of crops that hold no digit, in networks that know it."""

CLASSES = {"digitnet": 11, "workshop-conv": 10, "workshop-linear": 10, "digitnet-wide": 11}
"""The networks by name, and how many classes each knows."""


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How scores become confidence, fitted on the held-out split."""

    temperature: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    """Log-probabilities are divided by this before the softmax (Guo et al., arXiv 1706.04599)."""
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """A crop whose digit is less sure than this is not read."""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a weights file holds and what it was measured at."""

    network: str
    classes: int
    sha256: str
    mean: float = MEAN
    std: float = STD
    calibration: Calibration = Calibration()
    command: str = ""
    dataset: str = ""
    accuracies: dict[str, float] = {}
    date: str = ""
    onnx: str = ""
    """The SHA-256 of what `digit-appliance weights export` made of them; empty if it did not yet."""


def card_path(weights: Path) -> Path:
    """Where the card of a weights file lies: beside it, ending in `.json`."""
    return weights.with_suffix(".json")


def onnx_path(weights: Path) -> Path:
    """Where a weights file's ONNX lies: beside it, ending in `.onnx`."""
    return weights.with_suffix(".onnx")


def read_weights(weights: Path) -> tuple[bytes, Card]:
    """What a weights file holds, true to its card, and the card.

    Raises `WeightsError` if a file is missing or truncated, or does not fit the other.
    """
    data = _read(weights)
    beside = card_path(weights)
    if not beside.exists():
        raise WeightsError(f"{weights}: its card {beside.name} is not beside it; copy both to one folder")
    card = _read_card(beside)
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(
            f"{weights}: not the weights its card describes (SHA-256 differs); copy both files again"
        )
    return data, card


def read_onnx(weights: Path) -> tuple[bytes, Card]:
    """The ONNX made of a weights file, true to its card, and the card.

    Raises `WeightsError` if a file is missing or truncated, or does not fit the others.
    """
    path, card = onnx_path(weights), read_weights(weights)[1]
    how = f"where PyTorch is, run 'digit-appliance weights export {weights.name}', and copy all three files"
    if not card.onnx or not path.exists():
        raise WeightsError(f"{path}: not made yet; {how}")
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != card.onnx:
        raise WeightsError(f"{path}: not made of the weights beside it (SHA-256 differs); {how}")
    return data, card


def write_card(weights: Path, card: Card) -> None:
    """Writes the card of a weights file, whole or not at all."""
    write_atomically(card_path(weights), msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")


def normalise(crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Crops `uint8 (N, 28, 28)`, white on black, to the networks' input `float32 (N, 1, 28, 28)`.

    The same as torchvision's `ToTensor` followed by `Normalize(0.1307, 0.3081)`.
    """
    pixels = np.array(crops, dtype=np.float32)[:, np.newaxis]
    pixels /= 255
    pixels -= MEAN
    pixels /= STD
    return pixels


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); give a weights file") from error


def _read_card(path: Path) -> Card:
    try:
        card = msgspec.json.decode(_read(path), type=Card)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{path}: not a weights card ({error}); copy it again from where it was trained"
        ) from error
    if card.network not in CLASSES:
        raise WeightsError(f"{path}: unknown network '{card.network}'; known are {', '.join(CLASSES)}")
    expected: dict[str, Any] = {"classes": CLASSES[card.network], "mean": MEAN, "std": STD}
    for key, value in expected.items():
        if getattr(card, key) != value:
            raise WeightsError(f"{path}: {key} is {getattr(card, key)}, but {card.network} has {value}")
    return card
