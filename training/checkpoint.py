"""What a training leaves behind after each epoch, so that it can go on after an interruption."""

import io
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from appliance.atomic import write_atomically
from training.distil import Teachers
from training.errors import CheckpointError, TrainingError
from training.recipe import Recipe
from training.team import ALONE, Team


@dataclass(frozen=True, slots=True)
class Epoch:
    """How one epoch went; accuracies 0 to 1. The training ones are of augmented images."""

    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(slots=True)
class Session:
    """Everything that changes while a network is trained."""

    network: nn.Module
    averaged: AveragedModel
    """A moving average of the network's weights and batch statistics; what is validated and kept."""
    optimiser: Optimizer
    schedule: LRScheduler
    joined: nn.Module
    """The network as it is trained: itself, or over several processes with their gradients averaged."""
    mates: Team = ALONE
    teachers: Teachers | None = None
    history: list[Epoch] = field(default_factory=list)

    def save(self, path: Path, recipe: Recipe) -> None:
        """Writes the checkpoint whole or not at all. Raises `TrainingError` where it cannot."""
        state = {
            "recipe": asdict(recipe),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            **self.state(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        try:
            write_atomically(path, buffer.getvalue())
        except OSError as error:
            raise TrainingError(f"{path}: cannot be written ({error.strerror}); free or allow it") from error

    def restore(self, path: Path, recipe: Recipe) -> bool:
        """Takes up where a checkpoint left off; `False` if there is none.

        Raises `CheckpointError` if it is damaged or comes from another recipe.
        """
        if not path.exists():
            return False
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self._check(path, state["recipe"], asdict(recipe))
            self.load(state)
            torch.set_rng_state(state["random"])
            if torch.cuda.is_available() and state["random_cuda"]:
                torch.cuda.set_rng_state_all(state["random_cuda"])
        except CheckpointError:
            raise
        except Exception as error:
            raise CheckpointError(f"{path}: is damaged; delete it to start anew") from error
        return True

    def state(self) -> dict[str, Any]:
        """Everything that changes, for `load`."""
        history = [asdict(epoch) for epoch in self.history]
        return {"history": history, **{name: part.state_dict() for name, part in self._parts().items()}}

    def load(self, state: dict[str, Any]) -> None:
        """Takes up where `state` was taken."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.history[:] = [Epoch(**epoch) for epoch in state["history"]]

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "averaged": self.averaged,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    @staticmethod
    def _check(path: Path, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        for name, value in ours.items():
            if theirs.get(name) != value:
                raise CheckpointError(
                    f"{path}: holds a training with {name} {theirs.get(name)}, not {value}; "
                    "give the same options to go on with it, or delete it to start anew"
                )
