"""How each network is trained unless told otherwise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import get_ema_multi_avg_fn

from appliance.network import Card
from training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides which weights come out: same recipe, data and machine, same weights."""

    network: str
    epochs: int
    batch: int
    optimiser: str
    """A name in `OPTIMISERS`."""
    lr: float
    """The learning rate; with `one_cycle` the highest that is reached."""
    momentum: float = 0.9
    weight_decay: float = 0.0
    one_cycle: bool = False
    """Warm up, then anneal to almost nothing (Smith, arXiv 1708.07120); otherwise the rate stays."""
    smoothing: float = 0.0
    """Label smoothing (Szegedy et al., arXiv 1512.00567)."""
    averaging: float = 0.0
    """How much of the averaged weights each step keeps; 0 takes the last step's weights."""
    augment: bool = False
    scenes: int = 0
    """How many crops of rendered scenes join MNIST's training images."""
    start: str = ""
    """The file with the weights that it begins with; fresh ones if none is given."""
    teachers: tuple[str, ...] = ()
    """Files with trained weights of the same classes, whose answers are learnt beside the labels."""
    left_out: str = ""
    """A family of clutter that no scene shows: how a network does on what it never saw is to be measured."""
    seed: int = 0
    precision: str = "float32"
    """`float32`, `bfloat16` (mixed precision), or `auto`: mixed where the processor is made for it."""


_DIGITNET = Recipe(
    "digitnet",
    epochs=30,
    batch=128,
    optimiser="adam",
    lr=0.003,
    weight_decay=0.02,
    one_cycle=True,
    smoothing=0.02,
    averaging=0.999,
    augment=True,
    scenes=60_000,
    precision="auto",
)

RECIPES = {
    "digitnet": _DIGITNET,
    "workshop-conv": Recipe("workshop-conv", epochs=10, batch=64, optimiser="sgd", lr=0.01, momentum=0.5),
    "workshop-linear": Recipe("workshop-linear", epochs=10, batch=64, optimiser="sgd", lr=0.01, momentum=0.5),
    "digitnet-wide": replace(_DIGITNET, network="digitnet-wide"),
}

TUNING = {"digitnet": {"epochs": 2, "lr": 0.0002, "scenes": 4_000}}
"""What is otherwise where trained weights learn more."""

PRECISIONS = ("auto", "float32", "bfloat16")
USUAL_LR = {"sgd": 0.01, "adam": 0.001}
"""For an optimiser that is not the recipe's own."""


def recipe(network: str, **choices: Any) -> Recipe:
    """The recipe of a network with some of its fields chosen otherwise; a choice of `None` is none.

    Raises `TrainingError` for a network or an optimiser that there is not.
    """
    chosen = {name: value for name, value in choices.items() if value is not None}
    _check("network", network, RECIPES)
    usual = RECIPES[network]
    optimiser = chosen.get("optimiser", usual.optimiser)
    _check("optimiser", optimiser, OPTIMISERS)
    _check("precision", chosen.get("precision", usual.precision), PRECISIONS)
    if optimiser != usual.optimiser:
        chosen.setdefault("lr", USUAL_LR[optimiser])
    return replace(usual, **chosen)


def tuning(network: str, **choices: Any) -> Recipe:
    """As `recipe`, for weights that are trained already and learn a little more."""
    usual = {"epochs": 2, "lr": RECIPES[network].lr / 10, **TUNING.get(network, {})}
    chosen = {name: value for name, value in choices.items() if value is not None}
    return recipe(network, **{**usual, **chosen})


def _check(kind: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise TrainingError(f"unknown {kind} '{name}'; known are {', '.join(known)}")


def _sgd(network: nn.Module, recipe: Recipe) -> optim.Optimizer:
    return optim.SGD(
        network.parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )


def _adam(network: nn.Module, recipe: Recipe) -> optim.Optimizer:
    # AdamW is Adam with a weight decay of its own; without one they are the same.
    return optim.AdamW(network.parameters(), recipe.lr, weight_decay=recipe.weight_decay)


OPTIMISERS: dict[str, Callable[[nn.Module, Recipe], optim.Optimizer]] = {"sgd": _sgd, "adam": _adam}


def schedule(optimiser: optim.Optimizer, recipe: Recipe, steps: int) -> LRScheduler:
    """The learning rate over all `steps` of the training; to be advanced after each."""
    if recipe.one_cycle:
        return OneCycleLR(optimiser, recipe.lr, total_steps=steps)
    return LambdaLR(optimiser, lambda step: 1.0)


def averaging(decay: float) -> Callable[..., None]:
    """The moving average of weights, following closely while there are few steps to average."""

    def update(averages: Any, currents: Any, steps: Tensor) -> None:
        now = min(decay, (1 + steps.item()) / (10 + steps.item()))
        get_ema_multi_avg_fn(now)(averages, currents, steps)  # type: ignore[no-untyped-call]

    return update


def mixed_precision(recipe: Recipe, device: torch.device) -> bool:
    """Whether to compute in bfloat16; `auto` does where the processor has it, for elsewhere it is slower."""
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    abilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def command(recipe: Recipe) -> str:
    """The command that trains by this recipe, with every choice spelt out."""
    options = ("network", "epochs", "batch", "optimiser", "lr", "scenes", "seed", "precision")
    return " ".join(["digit-train fit", *(f"--{name} {getattr(recipe, name)}" for name in options)])


def with_weights(option: str, weights: Path, card: Card) -> str:
    """What a command has to add of weights that it began with, or that taught."""
    return f" --{option} {weights.name} (SHA-256 {card.sha256[:12]})"
