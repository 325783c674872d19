"""Evaluation: loss, accuracy and confusion of answers that are known."""

import math

import numpy as np
import pytest
import small_mnist
import torch

from appliance.network import build, normalise
from training import evaluate as module
from training.evaluate import Evaluation, evaluate


def answers(values: list[int], labels: list[int], classes: int = 10) -> Evaluation:
    """A network that gives `values` a probability of 0.9 and shares the rest."""
    probabilities = torch.full((len(values), classes), 0.1 / (classes - 1))
    probabilities[torch.arange(len(values)), torch.tensor(values)] = 0.9
    return Evaluation(probabilities.log(), torch.tensor(labels))


def test_loss_and_accuracy() -> None:
    evaluation = answers([1, 2, 3, 4], [1, 2, 3, 5])
    assert evaluation.accuracy == 0.75
    assert evaluation.loss == pytest.approx((3 * -math.log(0.9) - math.log(0.1 / 9)) / 4)


def test_confusion_has_a_row_for_each_digit_and_a_column_for_what_it_was_taken_for() -> None:
    confusion = answers([1, 7, 7, 9], [1, 1, 1, 0]).confusion
    assert confusion.shape == (10, 10) and confusion.sum() == 4
    assert confusion[1, 1] == 1 and confusion[1, 7] == 2 and confusion[0, 9] == 1


def test_the_likeliest_of_the_ten_digits_counts_even_where_none_is_likelier() -> None:
    log_probabilities = torch.full((1, 11), -9.0)
    log_probabilities[0, 10], log_probabilities[0, 4] = -0.1, -3.0
    assert Evaluation(log_probabilities, torch.tensor([4])).accuracy == 1


def test_evaluations_join() -> None:
    both = answers([1], [1]) + answers([2, 3], [2, 4])
    assert both.accuracy == pytest.approx(2 / 3)


def test_crops_go_through_in_batches_as_the_appliance_would_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 8)
    torch.manual_seed(0)
    network, digits = build("digitnet").train(), small_mnist.printed(21, 5)
    evaluation = evaluate(network, digits)
    assert not network.training
    with torch.inference_mode():
        expected = network(normalise(digits.images))
    assert torch.allclose(evaluation.log_probabilities, expected, atol=1e-5)
    assert np.array_equal(evaluation.labels.numpy(), digits.labels)
