"""Distillation: beside its labels, a network learns what trained ones say of each crop.

Their answers tell what else a crop resembles, and together they are right more often than each by itself
(Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", arXiv 1503.02531).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from appliance.card import CLASSES
from appliance.network import NOT_A_DIGIT, folded, load
from training.errors import TrainingError
from training.recipe import with_weights

TAUGHT = 0.7
"""How much of the loss is about what the teachers say; the rest is about the labels."""


class Teachers:
    """Trained networks: the first says how likely a crop is none, all together which digit it is otherwise.

    So those of earlier days help, that knew fewer things that are none.
    """

    def __init__(self, weights: Sequence[str], network: str, device: torch.device) -> None:
        """Loads them. Raises `WeightsError`, or `TrainingError` unless they know its classes."""
        self.named = ""
        """As a command names them."""
        self._networks = []
        for file in weights:
            teacher, card = load(Path(file))
            if card.classes != CLASSES[network]:
                raise TrainingError(f"{file}: is a {card.network}, and can teach no {network}; leave it out")
            self.named += with_weights("taught-by", Path(file), card)
            self._networks.append(folded(teacher).to(device))

    @torch.no_grad()
    def __call__(self, batch: Tensor) -> Tensor:
        """What they say of `float32 (N, 1, 28, 28)`: how likely each class is, `float32 (N, classes)`."""
        answers = [network(batch).float().log_softmax(1) for network in self._networks]
        digits = torch.stack(answers).mean(0)[:, :NOT_A_DIGIT].softmax(1)
        first = answers[0].exp()
        return torch.cat([digits * first[:, :NOT_A_DIGIT].sum(1, keepdim=True), first[:, NOT_A_DIGIT:]], 1)
