"""Recipes: what each network is trained with, and how to choose otherwise."""

import shlex

import pytest
import torch
from torch import nn, optim
from torch.optim.swa_utils import AveragedModel

from appliance.network import NETWORKS, build
from training.errors import TrainingError
from training.recipe import OPTIMISERS, RECIPES, averaging, command, mixed_precision, recipe, schedule

CPU = torch.device("cpu")


def test_every_network_has_a_recipe() -> None:
    assert set(RECIPES) == set(NETWORKS)
    assert all(recipe.network == name for name, recipe in RECIPES.items())


def test_the_workshops_networks_train_as_in_the_workshop() -> None:
    chosen = recipe("workshop-conv")
    optimiser = OPTIMISERS[chosen.optimiser](build("workshop-conv"), chosen)
    assert isinstance(optimiser, optim.SGD)
    assert optimiser.param_groups[0]["lr"] == 0.01 and optimiser.param_groups[0]["momentum"] == 0.5
    assert not (chosen.augment or chosen.one_cycle or chosen.smoothing or chosen.averaging or chosen.scenes)


def test_choices_replace_the_recipe_and_none_does_not() -> None:
    chosen = recipe("digitnet", epochs=3, scenes=0, seed=None)
    assert (chosen.epochs, chosen.scenes, chosen.seed) == (3, 0, RECIPES["digitnet"].seed)
    assert chosen.lr == RECIPES["digitnet"].lr


def test_another_optimiser_comes_with_its_usual_learning_rate() -> None:
    assert recipe("workshop-linear", optimiser="adam").lr == 0.001
    assert recipe("workshop-linear", optimiser="adam", lr=0.5).lr == 0.5
    assert recipe("workshop-linear", optimiser="sgd").lr == 0.01


@pytest.mark.parametrize(
    ("network", "choices", "message"),
    [
        ("resnet", {}, "unknown network 'resnet'; known are digitnet, "),
        ("digitnet", {"optimiser": "lion"}, "unknown optimiser 'lion'; known are sgd, adam"),
        ("digitnet", {"precision": "int8"}, "unknown precision 'int8'; known are auto, float32, bfloat16"),
    ],
)
def test_a_name_that_is_not_known_is_answered_with_those_that_are(
    network: str, choices: dict[str, str], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        recipe(network, **choices)


def test_its_command_asks_for_the_same_recipe() -> None:
    chosen = recipe("digitnet", epochs=7, lr=0.0123, optimiser="sgd", seed=5, scenes=10, batch=33)
    words = shlex.split(command(chosen))[2:]
    options = {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    numbers = {name: type(getattr(chosen, name))(value) for name, value in options.items()}
    assert recipe(**numbers) == chosen


def rates(name: str, steps: int) -> list[float]:
    chosen = recipe(name)
    optimiser = OPTIMISERS[chosen.optimiser](nn.Linear(1, 1), chosen)
    plan = schedule(optimiser, chosen, steps)
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        plan.step()
    return found


def test_one_cycle_climbs_to_the_learning_rate_and_ends_near_nothing() -> None:
    found = rates("digitnet", 100)
    highest = RECIPES["digitnet"].lr
    assert max(found) == pytest.approx(highest, rel=0.01)
    assert found[0] < highest / 10 and found[-1] < highest / 1000


def test_the_workshops_learning_rate_stays() -> None:
    assert set(rates("workshop-linear", 20)) == {0.01}


def average(decay: float, values: list[float]) -> float:
    """What the moving average of a network's only weight is after it took these values."""
    network = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(network, multi_avg_fn=averaging(decay), use_buffers=True)
    for value in values:
        nn.init.constant_(network.weight, value)
        averaged.update_parameters(network)
    return next(averaged.module.parameters()).item()


def test_without_averaging_the_last_weights_are_taken() -> None:
    assert average(0.0, [3.0, 5.0, 7.25]) == 7.25


def test_the_average_follows_fast_at_first_and_slowly_later() -> None:
    few, many = [0.0] * 5, [0.0] * 3_000
    assert average(0.99, [*few, 1.0]) == pytest.approx(1 - 6 / 15)
    assert average(0.99, [*many, 1.0]) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("abilities", "mixed"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)],
)
def test_mixed_precision_is_for_processors_that_have_it(
    monkeypatch: pytest.MonkeyPatch, abilities: dict[str, bool], mixed: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities, raising=False)
    assert mixed_precision(recipe("digitnet"), CPU) is mixed
    assert mixed_precision(recipe("digitnet", precision="bfloat16"), CPU)
    assert not mixed_precision(recipe("digitnet", precision="float32"), CPU)


def test_an_older_torch_that_cannot_say_computes_in_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not mixed_precision(recipe("digitnet"), CPU)
