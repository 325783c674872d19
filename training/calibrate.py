"""Calibration: from log-probabilities to a confidence that can be believed, and when not to read at all.

Both numbers are fitted on held-out crops: digits, and rendered things that are none.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor

from appliance.network import NOT_A_DIGIT, Calibration
from training.evaluate import Evaluation

WRONG_COSTS = 1.0
"""What a wrong digit costs, where a missed one costs 1; the reader weighs the company besides."""

TEMPERATURES = torch.logspace(-1, 1, 401, dtype=torch.float64)
THRESHOLDS = 1 - torch.logspace(math.log10(0.5), -4, 200, dtype=torch.float64)
"""From 0.5, ever finer towards 0.9999: confidences crowd below 1."""


def calibrate(held_out: Evaluation) -> Calibration:
    """Temperature and threshold from held-out crops, whose labels are 0 to 9 or `NOT_A_DIGIT`."""
    temperature = fit_temperature(held_out)
    threshold = fit_threshold(
        confidences(held_out.log_probabilities, temperature), held_out.values, held_out.labels
    )
    return Calibration(round(temperature, 4), round(threshold, 4))


def confidences(log_probabilities: Tensor, temperature: float) -> Tensor:
    """How sure each crop's likeliest digit is, `(N,)`, 0 to 1, out of all classes `(N, classes)`."""
    return (log_probabilities / temperature).softmax(1)[:, :10].amax(1)


def fit_temperature(held_out: Evaluation) -> float:
    """The temperature that makes the labels likeliest (Guo et al., arXiv 1706.04599).

    A network of ten classes has nothing to say of a crop without a digit; for it those are left out.
    """
    known = held_out.labels < held_out.log_probabilities.shape[1]
    log_probabilities, labels = held_out.log_probabilities[known].double(), held_out.labels[known]
    losses = [F.cross_entropy(log_probabilities / temperature, labels) for temperature in TEMPERATURES]
    return TEMPERATURES[torch.stack(losses).argmin()].item()


def fit_threshold(confidence: Tensor, values: Tensor, labels: Tensor) -> float:
    """The threshold of the least cost: the share of digits missed plus `WRONG_COSTS` times the shares of
    digits misread and of crops without a digit read as one. Of equally good ones the middle.
    """
    digit = labels != NOT_A_DIGIT
    wrong = values != labels
    costs = []
    for threshold in THRESHOLDS:
        read = confidence >= threshold
        missed = _share(~read, digit)
        misread = _share(read & wrong, digit) + _share(read, ~digit)
        costs.append(missed + WRONG_COSTS * misread)
    best = THRESHOLDS[torch.tensor(costs) <= min(costs) + 1e-9]
    return best[len(best) // 2].item()


def rates(scenes: Evaluation, calibration: Calibration) -> dict[str, float]:
    """What the appliance makes of crops of scenes: digits read right or misread, others read as digits."""
    confidence = confidences(scenes.log_probabilities, calibration.temperature)
    read, right = confidence >= calibration.threshold, scenes.values == scenes.labels
    digit = scenes.labels != NOT_A_DIGIT
    return {
        "scene digits read right": _share(read & right, digit),
        "scene digits misread": _share(read & ~right, digit),
        "scene non-digits read": _share(read, ~digit),
    }


def read_right(crops: Evaluation, calibration: Calibration) -> Tensor:
    """Which crops the appliance reads right, `bool (N,)`: digits as their value, others not at all."""
    read = confidences(crops.log_probabilities, calibration.temperature) >= calibration.threshold
    return torch.where(crops.labels == NOT_A_DIGIT, ~read, read & (crops.values == crops.labels))


def _share(what: Tensor, among: Tensor) -> float:
    return what[among].double().mean().item() if among.any() else 0.0
