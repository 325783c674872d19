"""The networks, how crops become their input, and the weights file with its card.

A weights file is a plain `state_dict`; beside it lies its card, a JSON file of the same name, which says
what network the weights belong to and what they were measured at.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from appliance.atomic import write_atomically
from appliance.errors import WeightsError

_HOW_TO_SAVE = "save it with torch.save(model.state_dict(), FILE)"

MEAN, STD = 0.1307, 0.3081
"""The mean and standard deviation of MNIST's training pixels, scaled to 0..1."""

NOT_A_DIGIT = 10
"""The class of crops that hold no digit, in networks that know it."""


class WorkshopLinear(nn.Sequential):
    """The workshop's first network: 784 → 100 → 10, fully connected."""

    classes = 10

    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(28 * 28, 100),
            nn.ReLU(),
            nn.Linear(100, self.classes),
            nn.LogSoftmax(dim=1),
        )


class WorkshopConv(nn.Sequential):
    """The workshop's second network: one convolution, ReLU and max-pooling before the linear layers."""

    classes = 10

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, kernel_size=3),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=1),
            nn.Flatten(),
            nn.Linear(16 * 24 * 24, 100),
            nn.ReLU(),
            nn.Linear(100, self.classes),
            nn.LogSoftmax(dim=1),
        )


class DigitNet(nn.Sequential):
    """Our network, 0.33 M parameters: seven convolutions, the fourth and the last of each stage strided.

    Ten digits and an eleventh class for crops that hold none. The shape follows a design that has
    proved itself on MNIST (Chris Deotte, "How to score 97 % to 99 %", Kaggle 2018): batch
    normalisation everywhere, learned strides in place of pooling.
    """

    classes = 11

    def __init__(self, width: int = 32) -> None:
        super().__init__(
            *_convolution(1, width, 3),
            *_convolution(width, width, 3),
            *_convolution(width, width, 5, stride=2, padding=2),
            *_convolution(width, 2 * width, 3),
            *_convolution(2 * width, 2 * width, 3),
            *_convolution(2 * width, 2 * width, 5, stride=2, padding=2),
            *_convolution(2 * width, 4 * width, 4),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(4 * width, self.classes),
            nn.LogSoftmax(dim=1),
        )


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "digitnet": DigitNet,
    "workshop-conv": WorkshopConv,
    "workshop-linear": WorkshopLinear,
}
"""Every network takes `float32 (N, 1, 28, 28)` and gives log-probabilities `(N, classes)`."""


def build(name: str) -> nn.Module:
    """A fresh network by its name. Raises `WeightsError` for a name that is not in `NETWORKS`."""
    if name not in NETWORKS:
        raise WeightsError(f"unknown network '{name}'; known are {', '.join(NETWORKS)}")
    return NETWORKS[name]()


def normalise(crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Tensor:
    """Crops `uint8 (N, 28, 28)`, white on black, to the networks' input `float32 (N, 1, 28, 28)`.

    The same as torchvision's `ToTensor` followed by `Normalize(0.1307, 0.3081)`.
    """
    pixels = torch.from_numpy(np.asarray(crops, dtype=np.float32)).unsqueeze(1)
    return pixels.div_(255).sub_(MEAN).div_(STD)


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


def card_path(weights: Path) -> Path:
    """Where the card of a weights file lies: beside it, ending in `.json`."""
    return weights.with_suffix(".json")


def load(weights: Path) -> tuple[nn.Module, Card]:
    """The network in `weights`, in evaluation mode, and its card.

    Raises `WeightsError` if a file is missing, truncated or hostile, or does not fit its card.
    """
    data = _read(weights)
    card = _read_card(card_path(weights))
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(
            f"{weights}: not the weights its card describes (SHA-256 differs); copy both files again"
        )
    network = build(card.network)
    _load_state(network, data, weights)
    return network.eval(), card


def save(network: nn.Module, weights: Path, card: Card) -> Card:
    """Writes the `state_dict` and its card, each whole or not at all; gives the card with its SHA-256."""
    buffer = io.BytesIO()
    torch.save({name: value.detach().cpu() for name, value in network.state_dict().items()}, buffer)
    data = buffer.getvalue()
    card = msgspec.structs.replace(card, sha256=hashlib.sha256(data).hexdigest())
    write_atomically(weights, data)
    write_atomically(card_path(weights), msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    return card


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
    expected: dict[str, Any] = {
        "classes": getattr(NETWORKS.get(card.network), "classes", None),
        "mean": MEAN,
        "std": STD,
    }
    if card.network not in NETWORKS:
        raise WeightsError(f"{path}: unknown network '{card.network}'; known are {', '.join(NETWORKS)}")
    for key, value in expected.items():
        if getattr(card, key) != value:
            raise WeightsError(f"{path}: {key} is {getattr(card, key)}, but {card.network} has {value}")
    return card


def _load_state(network: nn.Module, data: bytes, weights: Path) -> None:
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, and its text advises to trust the file
        raise WeightsError(f"{weights}: not a weights file, or a hostile one; {_HOW_TO_SAVE}") from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise WeightsError(f"{weights}: holds no state_dict; {_HOW_TO_SAVE}")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        what = " ".join(str(error).split())[:200]
        raise WeightsError(f"{weights}: does not fit the network its card names ({what})") from error
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise WeightsError(f"{weights}: holds values that are not finite; train it again")
