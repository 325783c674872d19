"""Calibration: what is called at 0.9 is right nine times in ten, and what is no digit is not read."""

import pytest
import torch
from torch import Tensor

from appliance.network import NOT_A_DIGIT, Calibration
from training.calibrate import calibrate, confidences, fit_temperature, fit_threshold, rates
from training.evaluate import Evaluation


def sampled(temperature: float, count: int = 20_000) -> Evaluation:
    """Log-probabilities and labels that really are as likely as they say, once divided by `temperature`."""
    generator = torch.Generator().manual_seed(0)
    scores = 4 * torch.randn(count, 11, generator=generator)
    labels = torch.multinomial((scores / temperature).softmax(1), 1, generator=generator)[:, 0]
    return Evaluation(scores.log_softmax(1), labels)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_by_which_a_network_errs_is_found(temperature: float) -> None:
    assert fit_temperature(sampled(temperature)) == pytest.approx(temperature, rel=0.05)


def test_calibrated_confidence_is_how_often_the_digit_is_right() -> None:
    evaluation = sampled(2.5)
    confidence = confidences(evaluation.log_probabilities, calibrate(evaluation).temperature)
    right = (evaluation.values == evaluation.labels).double()
    for low in (0.3, 0.5, 0.7, 0.9):
        called = (confidence >= low) & (confidence < low + 0.1)
        assert right[called].mean() == pytest.approx(confidence[called].double().mean().item(), abs=0.05)


def test_confidence_is_of_all_classes() -> None:
    log_probabilities = torch.tensor([[0.1] + [0.0] * 9 + [0.9]]).log()
    assert confidences(log_probabilities, 1.0).item() == pytest.approx(0.1)


def test_a_network_of_ten_classes_is_calibrated_by_the_digits_alone() -> None:
    evaluation = sampled(2.0)
    ten = Evaluation(evaluation.log_probabilities[:, :10], evaluation.labels)
    digits = evaluation.labels < 10
    alone = Evaluation(ten.log_probabilities[digits], ten.labels[digits])
    assert fit_temperature(ten) == fit_temperature(alone)


def threshold(digits: list[float], misread: list[float], others: list[float]) -> float:
    confidence = torch.tensor([*digits, *misread, *others], dtype=torch.float64)
    values = torch.tensor([1] * len(digits) + [7] * len(misread) + [1] * len(others))
    labels = torch.tensor([1] * (len(digits) + len(misread)) + [NOT_A_DIGIT] * len(others))
    return fit_threshold(confidence, values, labels)


def test_the_threshold_lies_between_digits_and_what_is_none() -> None:
    assert 0.70 < threshold([0.90, 0.95, 0.99], [], [0.3, 0.6, 0.70]) <= 0.90


def test_a_digit_is_missed_rather_than_two_others_read() -> None:
    digits = [0.99] * 9 + [0.80]
    assert threshold(digits, [], [0.3] * 9 + [0.85]) > 0.85
    assert threshold(digits, [], [0.3] * 99 + [0.85]) <= 0.80


def test_a_misread_digit_counts_as_wrong() -> None:
    assert threshold([0.99] * 10, [0.9], []) > 0.9


def test_without_anything_to_reject_little_is_rejected() -> None:
    assert threshold([0.51, 0.9], [], []) <= 0.51


def test_rates_are_of_digits_and_of_what_is_none() -> None:
    def row(value: int, confidence: float) -> Tensor:
        probabilities = torch.full((11,), (1 - confidence) / 10)
        probabilities[value] = confidence
        return probabilities.log()

    # Read right, misread, too doubtful; not rejected, rejected by doubt, rejected by class.
    said = [(1, 0.95), (2, 0.95), (1, 0.6), (3, 0.95), (3, 0.5), (10, 0.95)]
    labels = torch.tensor([1, 1, 1, NOT_A_DIGIT, NOT_A_DIGIT, NOT_A_DIGIT])
    evaluation = Evaluation(torch.stack([row(*answer) for answer in said]), labels)
    assert rates(evaluation, Calibration(1.0, 0.9)) == pytest.approx(
        {"scene digits read right": 1 / 3, "scene digits misread": 1 / 3, "scene non-digits read": 1 / 3}
    )
