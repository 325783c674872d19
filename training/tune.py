"""Fine-tuning: weights learn from corrections without forgetting what they knew.

The corrections come again and again among a replay of MNIST and scenes. What comes out is mixed with the
weights it began with (Wortsman et al., "Robust fine-tuning of zero-shot models", arXiv 2109.01903), as little
as it takes for the held-out crops to be read no worse; where nothing does, there are no new weights.
"""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from appliance.network import Calibration, Card, load, save
from training import fit, mnist, report
from training.calibrate import calibrate, rates, read_right
from training.checkpoint import Epoch
from training.corrections import read_corrections
from training.errors import TrainingError
from training.evaluate import Evaluation, evaluate
from training.mnist import Digits
from training.progress import Progress
from training.recipe import Recipe, command, with_weights

REPLAYED = 12_000
"""How many of MNIST's training images are shown again."""
CORRECTED_SHARE, MOST_TIMES = 0.15, 60
"""How much of an epoch is corrections, and how often each comes in it at most."""
NEW_SHARES = (1.0, 0.75, 0.5, 0.25)
"""How much of the new weights is tried to be kept."""


class Measured:
    """A network on held-out crops, calibrated by them, and on the corrections."""

    def __init__(self, network: nn.Module, digits: Digits, scenes: Digits, corrections: Digits) -> None:
        self.network = network
        self.validated = evaluate(network, digits)
        self.scenes = evaluate(network, scenes)
        self.corrected = evaluate(network, corrections)
        self.calibration: Calibration = calibrate(self.held_out)

    @property
    def held_out(self) -> Evaluation:
        """MNIST's held-out images and the crops of scenes rendered from them."""
        return self.validated + self.scenes

    def right(self, of: Evaluation) -> int:
        """How many crops the appliance would read right: digits as their value, others not at all."""
        return int(read_right(of, self.calibration).sum())


def tune(
    recipe: Recipe,
    start: Path,
    corrections: Path,
    out: Path,
    data: Path | None,
    pictures: Path,
    device: torch.device,
    console: Console,
) -> Card:
    """Teaches the weights in `start` the corrections in a folder, and writes what comes out as `fit` does.

    Raises `TrainingError` if the data, the weights or the disk do not allow it, or if the new weights would
    read the held-out crops worse than those in `start`; then nothing is written.
    """
    fit.prepare(out)
    report.prepare(pictures)
    known, card = load(start)
    corrected = read_corrections(corrections)
    held_out = mnist.validation(data)
    console.print(f"rendering {fit.HELD_OUT_SCENES + recipe.scenes:,} crops of scenes")
    scenes = fit.scene_crops(held_out, fit.HELD_OUT_SCENES, fit.HELD_OUT_SEED)
    before = Measured(known.to(device), held_out, scenes, corrected)

    torch.manual_seed(recipe.seed)
    learnt, history = learn(recipe, known, lesson(recipe, mnist.training(data), corrected), held_out, console)
    after = better(before, mixtures(known, learnt), held_out, scenes, corrected)
    console.print(comparison(before, after or Measured(learnt, held_out, scenes, corrected)))
    if after is None:
        raise TrainingError(
            f"{out}: not written, for the corrections cannot be learnt without reading the held-out crops "
            f"worse; look through those in {corrections} for wrong ones"
        )

    digits = mnist.test(data)
    tested = evaluate(after.network, digits)
    card = save(after.network, out, new_card(recipe, card, start, after, tested, len(corrected)))
    report.write(pictures, card, tested, digits, history)
    return card


def lesson(recipe: Recipe, images: Digits, corrections: Digits) -> Digits:
    """What an epoch shows: some of MNIST, scenes rendered from all of it, and the corrections many times."""
    rng = np.random.default_rng(recipe.seed)
    replayed = images[rng.permutation(len(images))[:REPLAYED]]
    if recipe.scenes:
        replayed += fit.scene_crops(images, recipe.scenes, recipe.seed)
    times = round(len(replayed) * CORRECTED_SHARE / len(corrections))
    return replayed + corrections[np.tile(np.arange(len(corrections)), min(max(times, 1), MOST_TIMES))]


def learn(
    recipe: Recipe, start: nn.Module, crops: Digits, held_out: Digits, console: Console
) -> tuple[nn.Module, list[Epoch]]:
    """Trains a copy of a network; gives it, and how each epoch went."""
    device = next(start.parameters()).device
    images, labels = fit.known_to(recipe.network, crops, device)
    steps = len(labels) // recipe.batch
    if not steps:
        raise TrainingError(f"--batch {recipe.batch} is more than the {len(labels):,} images there are")
    session = fit.begin(recipe, steps, device, copy.deepcopy(start))
    with Progress(console, recipe.epochs, steps, 0) as progress:
        for _ in range(recipe.epochs):
            loss, accuracy = fit.train(session, recipe, images, labels, progress.step)
            validated = evaluate(session.averaged.module, held_out)
            session.history.append(Epoch(loss, accuracy, validated.loss, validated.accuracy))
            progress.epoch(session.history[-1])
    return session.averaged.module, session.history


def mixtures(old: nn.Module, new: nn.Module) -> Iterator[nn.Module]:
    """The new network, then ever less of it and more of the old one."""
    for share in NEW_SHARES:
        mixed = copy.deepcopy(old)
        states = zip(old.state_dict().items(), new.state_dict().values(), strict=True)
        mixed.load_state_dict(
            {
                name: value.lerp(other, share) if value.is_floating_point() else other
                for (name, value), other in states
            }
        )
        yield mixed


def better(before: Measured, networks: Iterator[nn.Module], *crops: Digits) -> Measured | None:
    """The first network that has learnt from the corrections and forgotten nothing of the rest, or None."""
    for network in networks:
        after = Measured(network, *crops)
        learnt, corrections = after.right(after.corrected), len(after.corrected.labels)
        if (
            (learnt > before.right(before.corrected) or learnt == corrections)
            and after.right(after.validated) >= before.right(before.validated)
            and after.right(after.held_out) >= before.right(before.held_out)
        ):
            return after
    return None


def comparison(before: Measured, after: Measured) -> Table:
    """How much is read right before and after."""
    table = Table("read right", "of", "before", "after")
    for name, old, new in (
        ("corrections", before.corrected, after.corrected),
        ("held-out images of MNIST", before.validated, after.validated),
        ("held-out crops of scenes", before.scenes, after.scenes),
    ):
        table.add_row(name, f"{len(old.labels):,}", f"{before.right(old):,}", f"{after.right(new):,}")
    return table


def new_card(
    recipe: Recipe, old: Card, start: Path, after: Measured, tested: Evaluation, corrections: int
) -> Card:
    """The card of the tuned weights."""
    return Card(
        network=recipe.network,
        classes=old.classes,
        sha256="",
        calibration=after.calibration,
        command=f"{command(recipe)}{with_weights('from', start, old)} --corrections ...",
        dataset=f"{old.dataset}; {corrections:,} corrections",
        accuracies={
            "test": tested.accuracy,
            "validation": after.validated.accuracy,
            **rates(after.scenes, after.calibration),
        },
        date=datetime.now(UTC).date().isoformat(),
    )
