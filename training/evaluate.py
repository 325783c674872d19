"""How well a network does on labelled crops."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor, nn

from appliance.network import normalise
from training.mnist import Digits

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a network said of N crops, and what they are."""

    log_probabilities: Tensor
    """`float32 (N, classes)`, on the CPU."""
    labels: Tensor
    """`int64 (N,)`."""

    def __add__(self, other: "Evaluation") -> "Evaluation":
        return Evaluation(
            torch.cat([self.log_probabilities, other.log_probabilities]),
            torch.cat([self.labels, other.labels]),
        )

    @property
    def loss(self) -> float:
        """The mean negative log-likelihood of the labels."""
        return F.nll_loss(self.log_probabilities, self.labels).item()

    @property
    def values(self) -> Tensor:
        """The likeliest digit of each crop, `int64 (N,)`.

        Of the ten digits only: a network that knows crops without a digit is asked the same question
        as one that does not, and MNIST's accuracy stays comparable.
        """
        return self.log_probabilities[:, :10].argmax(1)

    @property
    def accuracy(self) -> float:
        """The share of crops whose likeliest digit is their label, 0 to 1."""
        return (self.values == self.labels).double().mean().item()

    @property
    def confusion(self) -> Tensor:
        """How often digit `row` was taken for digit `column`, `int64 (10, 10)`; for labels 0 to 9."""
        return torch.bincount(self.labels * 10 + self.values, minlength=100).view(10, 10)


@torch.inference_mode()
def evaluate(network: nn.Module, digits: Digits) -> Evaluation:
    """Asks a network about crops, in full precision as the appliance does. Leaves it in evaluation mode."""
    network.eval()
    device = next(network.parameters()).device
    answers = [
        network(normalise(digits.images[start : start + BATCH]).to(device)).float().cpu()
        for start in range(0, len(digits), BATCH)
    ]
    return Evaluation(torch.cat(answers), torch.from_numpy(digits.labels))
