"""The networks in PyTorch, and their weights files: a plain `state_dict` each, its card beside it."""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from appliance import card as cards
from appliance.atomic import write_atomically
from appliance.card import (
    CLASSES,
    MEAN,
    NOT_A_DIGIT,
    STD,
    Calibration,
    Card,
    card_path,
    read_weights,
    write_card,
)
from appliance.errors import WeightsError

__all__ = [
    "MEAN",
    "NETWORKS",
    "NOT_A_DIGIT",
    "STD",
    "Calibration",
    "Card",
    "build",
    "card_path",
    "folded",
    "load",
    "normalise",
    "save",
    "write_atomically",
]

_HOW_TO_SAVE = "save it with torch.save(model.state_dict(), FILE)"


class WorkshopLinear(nn.Sequential):
    """The workshop's first network: 784 → 100 → 10, fully connected."""

    classes = CLASSES["workshop-linear"]

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

    classes = CLASSES["workshop-conv"]

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

    classes = CLASSES["digitnet"]

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
    "digitnet-wide": lambda: DigitNet(width=96),
}
"""Every network takes `float32 (N, 1, 28, 28)` and gives log-probabilities `(N, classes)`."""


def build(name: str) -> nn.Module:
    """A fresh network by its name. Raises `WeightsError` for a name that is not in `NETWORKS`."""
    if name not in NETWORKS:
        raise WeightsError(f"unknown network '{name}'; known are {', '.join(NETWORKS)}")
    return NETWORKS[name]()


def normalise(crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Tensor:
    """Crops `uint8 (N, 28, 28)`, white on black, to the networks' input `float32 (N, 1, 28, 28)`."""
    return torch.from_numpy(cards.normalise(crops))


def folded(network: nn.Module) -> nn.Module:
    """The same network for evaluation only, and faster.

    Each batch normalisation is made part of the layer before it, and weights lie as many crops need them.
    """
    if isinstance(network, nn.Sequential):
        network = nn.Sequential(*_fused(network))
    # With the channels last, the convolutions of many crops take two thirds of the time.
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def _fused(network: nn.Sequential) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d) and layers and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        elif not isinstance(layer, nn.Dropout):
            layers.append(layer)
    return layers


def load(weights: Path) -> tuple[nn.Module, Card]:
    """The network in `weights`, in evaluation mode, and its card.

    Raises `WeightsError` if a file is missing, truncated or hostile, or does not fit its card.
    """
    data, card = read_weights(weights)
    network = build(card.network)
    _load_state(network, data, weights)
    return network.eval(), card


def save(network: nn.Module, weights: Path, card: Card) -> Card:
    """Writes the `state_dict` and its card, each whole or not at all; gives the card with its SHA-256."""
    buffer = io.BytesIO()
    torch.save({name: value.detach().cpu() for name, value in network.state_dict().items()}, buffer)
    data = buffer.getvalue()
    card = msgspec.structs.replace(card, sha256=hashlib.sha256(data).hexdigest(), onnx="")
    write_atomically(weights, data)
    write_card(weights, card)
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
