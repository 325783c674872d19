"""Training as a whole: it learns, it is reproducible, and it survives being killed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_mnist
import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from rich.console import Console
from torch import Tensor

from appliance.errors import WeightsError
from appliance.network import MEAN, NOT_A_DIGIT, STD, Card, load
from training import fit as module
from training import mnist
from training.errors import TrainingError
from training.fit import batches, fit, smoothed_loss
from training.mnist import Digits
from training.recipe import Recipe, recipe

CPU = torch.device("cpu")
LINEAR = recipe("workshop-linear", epochs=40, batch=20, optimiser="adam", lr=0.003)
OURS = recipe("digitnet", epochs=2, batch=64, scenes=150)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, value in small_mnist.replacements():
        monkeypatch.setattr(owner, name, value)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return small_mnist.write(tmp_path / "data")


def trained(chosen: Recipe, data: Path, name: str = "a.pt", console: Console | None = None) -> Card:
    out = data.parent / name
    return fit(chosen, out, data, data.parent / "report", CPU, console or Console(quiet=True))


def state(weights: Path) -> dict[str, Tensor]:
    return torch.load(weights, weights_only=True)


def same(one: Path, other: Path) -> bool:
    pairs = zip(state(one).items(), state(other).items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_it_learns_and_writes_weights_card_and_report(data: Path) -> None:
    card = trained(LINEAR, data)
    network, loaded = load(data.parent / "a.pt")
    assert loaded == card and not network.training
    assert card.network == "workshop-linear" and card.classes == 10
    assert card.accuracies["validation"] > 0.9 and card.accuracies["test"] > 0.9
    assert "--network workshop-linear" in card.command and "--seed 0" in card.command
    assert (data.parent / "report" / "curves.png").exists()
    assert not list(data.parent.glob("*.ckpt"))


def test_our_network_learns_what_is_no_digit(data: Path) -> None:
    card = trained(recipe("digitnet", epochs=6, batch=32, scenes=200, lr=0.01), data)
    assert card.classes == 11
    assert card.accuracies["validation"] > 0.9
    assert card.accuracies["scene non-digits read"] < 0.1 < card.accuracies["scene digits read right"]


def test_the_seed_decides_the_weights(data: Path) -> None:
    trained(OURS, data, "a.pt")
    trained(OURS, data, "b.pt")
    trained(recipe("digitnet", epochs=2, batch=64, scenes=150, seed=1), data, "c.pt")
    assert same(data.parent / "a.pt", data.parent / "b.pt")
    assert not same(data.parent / "a.pt", data.parent / "c.pt")


def test_it_begins_with_weights_that_know_something_already(data: Path) -> None:
    first = trained(LINEAR, data)
    start = data.parent / "a.pt"
    little = recipe("workshop-linear", epochs=1, batch=20, lr=1e-9, start=str(start))
    card = trained(little, data, "b.pt")
    assert card.accuracies["validation"] == first.accuracies["validation"] > 0.9
    assert card.command.endswith(f"--from a.pt (SHA-256 {first.sha256[:12]})")
    assert same(start, data.parent / "b.pt")  # with so low a rate nothing new is learnt


def test_a_network_learns_what_its_teacher_says_more_than_its_labels(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = trained(LINEAR, data)
    known = mnist.training(data)
    monkeypatch.setattr(mnist, "training", lambda folder: Digits(known.images, (known.labels + 1) % 10))
    taught = replace(LINEAR, teachers=(str(data.parent / "a.pt"),))
    card = trained(taught, data, "taught.pt")
    assert card.command.endswith(f"--taught-by a.pt (SHA-256 {teacher.sha256[:12]})")
    assert card.accuracies["validation"] > 0.9
    assert trained(LINEAR, data, "alone.pt").accuracies["validation"] < 0.1


def test_teachers_are_looked_at_before_anything_takes_time(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(LINEAR, data)
    monkeypatch.setattr(module, "make_crops", lambda *args, **kwargs: pytest.fail("rendered"))
    with pytest.raises(WeightsError, match=r"no\.pt"):
        trained(replace(OURS, teachers=(str(data.parent / "no.pt"),)), data)
    with pytest.raises(TrainingError, match=r"a\.pt: is a workshop-linear, and can teach no digitnet"):
        trained(replace(OURS, teachers=(str(data.parent / "a.pt"),)), data)


def test_weights_to_begin_with_have_to_be_weights(data: Path) -> None:
    (data.parent / "no.pt").write_text("no weights")
    with pytest.raises(WeightsError, match=r"no\.pt"):
        trained(recipe("workshop-linear", epochs=1, start=str(data.parent / "no.pt")), data)


def test_the_test_images_are_looked_at_once_after_the_last_epoch(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    test, train = mnist.test, module.train
    monkeypatch.setattr(mnist, "test", lambda folder: (happened.append("test"), test(folder))[1])
    monkeypatch.setattr(module, "train", lambda *args: (happened.append("epoch"), train(*args))[1])
    trained(recipe("workshop-linear", epochs=3), data)
    assert happened == ["epoch", "epoch", "epoch", "test"]


def test_scenes_are_made_of_the_digits_of_their_own_split(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def noting(*args: Any, left_out: str) -> Any:
        given.append((*args, left_out))
        return small_mnist.quick_crops(*args)

    monkeypatch.setattr(module, "make_crops", noting)
    trained(recipe("digitnet", epochs=1, batch=64, scenes=50, left_out="hands"), data)
    (images, _, count, seed, left_out), (held_out, _, _, other_seed, left_out_too) = given
    assert left_out == left_out_too == "hands"
    assert count == 50 and seed != other_seed
    assert (images == mnist.training(data).images).all()
    assert (held_out == mnist.validation(data).images).all()


def test_a_network_of_ten_classes_takes_only_digits_from_scenes(data: Path) -> None:
    crops = mnist.training(data)
    crops += module.scene_crops(crops, 60, 0)
    assert (crops.labels == NOT_A_DIGIT).sum() == 20
    images, labels = module.known_to("workshop-conv", crops, CPU)
    assert len(images) == len(labels) == len(crops) - 20 and labels.max() == 9
    assert len(module.known_to("digitnet", crops, CPU)[1]) == len(crops)


def test_an_epoch_shows_each_image_once_and_leaves_out_what_fills_no_batch() -> None:
    images = torch.arange(50, dtype=torch.uint8).view(50, 1, 1).expand(50, 28, 28)
    chosen = recipe("workshop-linear", batch=16)
    torch.manual_seed(0)
    shown, seen_labels = zip(*batches(images, torch.arange(50), chosen), strict=True)
    assert [len(batch) for batch in shown] == [16, 16, 16]
    labels = torch.cat(seen_labels)
    assert len(labels.unique()) == 48 and not torch.equal(labels, labels.sort().values)
    pixels = torch.cat(shown)[:, 0, 5, 5]
    assert torch.allclose(pixels, (labels / 255 - MEAN) / STD)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_textbooks(smoothing: float) -> None:
    scores, labels = torch.randn(9, 11), torch.arange(9)
    expected = F.cross_entropy(scores, labels, label_smoothing=smoothing)
    assert torch.allclose(smoothed_loss(scores.log_softmax(1), labels, smoothing), expected)


def test_a_training_that_diverges_says_so_and_keeps_the_last_good_epoch(data: Path) -> None:
    with pytest.raises(TrainingError, match="lower --lr"):
        trained(recipe("workshop-conv", epochs=2, lr=1e30), data)
    assert not (data.parent / "a.pt").exists()


def test_a_batch_larger_than_the_data_is_refused(data: Path) -> None:
    with pytest.raises(TrainingError, match="--batch 1000 is more than the 400 images"):
        trained(recipe("workshop-linear", batch=1000), data)


def test_weights_that_could_not_be_written_are_refused_before_training(data: Path) -> None:
    (data.parent / "file").write_text("")
    for name, message in (("file/a.pt", "cannot be written"), ("a.bin", "something.pt")):
        with pytest.raises(TrainingError, match=message):
            trained(LINEAR, data, name)


def test_progress_shows_epochs_loss_accuracy_and_time_left(data: Path) -> None:
    console = Console(force_terminal=True, width=120, record=True, file=(data.parent / "shown").open("w"))
    trained(recipe("workshop-linear", epochs=2), data, console=console)
    shown = console.export_text()
    assert "epoch 1/2  loss " in shown and "epoch 2/2  loss " in shown and "validation loss" in shown
    bar = (data.parent / "shown").read_text()
    assert "left" in bar and "accuracy" in bar and "0:00:" in bar


def process(data: Path, out: Path) -> subprocess.Popen[str]:
    """The real command on the small data."""
    script = Path(small_mnist.__file__)
    options = ["--epochs", "6", "--batch", "64", "--scenes", "30", "--threads", "1", "--data"]
    return subprocess.Popen(
        [sys.executable, script, "fit", *options, data, "--out", out],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_training_goes_on_to_the_weights_of_one_that_was_not(data: Path) -> None:
    killed, whole = data.parent / "killed.pt", data.parent / "whole.pt"
    with process(data, killed) as running:
        while not killed.with_suffix(".ckpt").exists() and running.poll() is None:
            time.sleep(0.005)
        running.kill()
    assert running.returncode == -signal.SIGKILL
    assert not killed.exists()

    with process(data, killed) as again, process(data, whole) as uninterrupted:
        shown = again.communicate()[1]
        assert "going on after epoch " in shown and "epoch 6/6" in shown and "epoch 1/6" not in shown
        assert "going on" not in uninterrupted.communicate()[1]
    assert again.returncode == uninterrupted.returncode == 0
    assert same(killed, whole)
