"""Training, told from top to bottom: the data, the network, its epochs, and one look at the test images."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from rich.console import Console
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from appliance.card import CLASSES
from appliance.network import MEAN, STD, Card, build, load, save
from training import mnist, report
from training.augment import augment
from training.calibrate import calibrate, rates
from training.checkpoint import Epoch, Session
from training.distil import TAUGHT, Teachers
from training.errors import TrainingError
from training.evaluate import evaluate
from training.mnist import Digits
from training.progress import Progress
from training.recipe import OPTIMISERS, Recipe, averaging, command, mixed_precision, schedule, with_weights
from training.scenes import make_crops
from training.team import ALONE, Team, team

SCENES_SEED = 0
"""The crops of scenes are part of the data: whatever the seed of a training, they are the same."""

HELD_OUT_SCENES, HELD_OUT_SEED = 4_000, 2**31
"""How many crops of scenes, rendered from held-out digits, calibrate a network; the same for every one."""


def fit(
    recipe: Recipe, out: Path, data: Path | None, pictures: Path, device: torch.device, console: Console
) -> Card | None:
    """Trains a network, writes its weights and card to `out` and a report to `pictures`; gives the card.

    Writes a checkpoint beside `out` after each epoch; where there is one, the training goes on from it.
    Started by torchrun, the first process does so, and the others, which get None, help it.
    Raises `TrainingError` if the data, the recipe or the disk do not allow it.
    """
    with team(device) as mates:
        if mates.leads:
            return lead(recipe, out, data, pictures, device, console, mates)
        assist(recipe, device, mates)
        return None


def lead(
    recipe: Recipe,
    out: Path,
    data: Path | None,
    pictures: Path,
    device: torch.device,
    console: Console,
    mates: Team,
) -> Card:
    """The whole story, of the process that reads and writes; see `fit`."""
    checkpoint = out.with_suffix(".ckpt")
    prepare(out)
    report.prepare(pictures)
    known, began = started(recipe)
    teachers = taught_by(recipe, device)

    torch.manual_seed(recipe.seed)
    crops, held_out = mnist.training(data), mnist.validation(data)
    if recipe.scenes:
        console.print(f"rendering {recipe.scenes:,} crops of scenes")
        crops += scene_crops(crops, recipe.scenes, SCENES_SEED, recipe.left_out)
    images, labels = known_to(recipe.network, mates.share(crops), device)
    steps = len(labels) // recipe.batch
    if not steps:
        raise TrainingError(f"--batch {recipe.batch} is more than the {len(labels):,} images there are")

    session = begin(recipe, steps, device, known, mates, teachers)
    if session.restore(checkpoint, recipe):
        console.print(f"going on after epoch {len(session.history)}, from {checkpoint}")
    mates.share(session.state())
    with Progress(console, recipe.epochs, steps, len(session.history)) as progress:
        for _ in range(len(session.history), recipe.epochs):
            loss, accuracy = train(session, recipe, images, labels, progress.step)
            validated = evaluate(session.averaged.module, held_out)
            session.history.append(Epoch(loss, accuracy, validated.loss, validated.accuracy))
            session.save(checkpoint, recipe)
            progress.epoch(session.history[-1])

    network = session.averaged.module
    console.print(f"calibrating on {HELD_OUT_SCENES:,} held-out crops of scenes")
    validated = evaluate(network, held_out)
    rendered = scene_crops(held_out, HELD_OUT_SCENES, HELD_OUT_SEED, recipe.left_out)
    scenes = evaluate(network, rendered)
    calibration = calibrate(validated + scenes)
    digits = mnist.test(data)
    tested = evaluate(network, digits)

    card = Card(
        network=recipe.network,
        classes=tested.log_probabilities.shape[1],
        sha256="",
        calibration=calibration,
        command=command(recipe) + began + (teachers.named if teachers else ""),
        dataset=f"MNIST without {len(held_out):,} held-out images, {recipe.scenes:,} crops of scenes",
        accuracies={
            "test": tested.accuracy,
            "validation": validated.accuracy,
            **rates(scenes, calibration),
        },
        date=datetime.now(UTC).date().isoformat(),
    )
    card = save(network, out, card)
    report.write(pictures, card, tested, digits, session.history)
    checkpoint.unlink(missing_ok=True)
    return card


def assist(recipe: Recipe, device: torch.device, mates: Team) -> None:
    """What the other processes do: all steps of the leading one, each on its own part of the batches."""
    images, labels = known_to(recipe.network, mates.share(), device)
    steps = len(labels) // recipe.batch
    session = begin(recipe, steps, device, mates=mates, teachers=taught_by(recipe, device))
    session.load(mates.share())
    for epoch in range(len(session.history), recipe.epochs):
        # Others than the leading one's, and the same after an interruption.
        torch.manual_seed(hash((recipe.seed, mates.number, epoch)) & 2**63 - 1)
        train(session, recipe, images, labels, lambda loss, accuracy: None)


def started(recipe: Recipe) -> tuple[nn.Module | None, str]:
    """The network that a training begins with, if not a fresh one; and how its command tells."""
    if not recipe.start:
        return None, ""
    known, card = load(Path(recipe.start))
    return known, with_weights("from", Path(recipe.start), card)


def taught_by(recipe: Recipe, device: torch.device) -> Teachers | None:
    """The networks whose answers are learnt as well, if there are any."""
    return Teachers(recipe.teachers, recipe.network, device) if recipe.teachers else None


def begin(
    recipe: Recipe,
    steps: int,
    device: torch.device,
    network: nn.Module | None = None,
    mates: Team = ALONE,
    teachers: Teachers | None = None,
) -> Session:
    """A session before its first epoch, of a fresh network or one that knows something already."""
    if recipe.batch % mates.size:
        raise TrainingError(f"--batch {recipe.batch} cannot be split evenly among {mates.size} processes")
    network = (network or build(recipe.network)).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = OPTIMISERS[recipe.optimiser](network, recipe)
    averaged = AveragedModel(network, multi_avg_fn=averaging(recipe.averaging), use_buffers=True)
    rate = schedule(optimiser, recipe, recipe.epochs * steps)
    return Session(network, averaged, optimiser, rate, mates.joined(network), mates, teachers)


def train(
    session: Session,
    recipe: Recipe,
    images: Tensor,
    labels: Tensor,
    progress: Callable[[float, float], None],
) -> tuple[float, float]:
    """One epoch; gives its mean loss and accuracy on the images as they were augmented."""
    session.joined.train()
    mixed = mixed_precision(recipe, images.device)
    total, right, seen = 0.0, 0, 0
    for batch, truth in batches(images, labels, recipe, session.mates):
        session.optimiser.zero_grad()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=mixed):
            log_probabilities = session.joined(batch)
            taught = session.teachers(batch) if session.teachers else None
        loss = loss_of(log_probabilities.float(), truth, recipe.smoothing, taught)
        loss.backward()  # type: ignore[no-untyped-call]
        session.optimiser.step()
        session.schedule.step()
        session.averaged.update_parameters(session.network)

        seen += len(truth)
        total += loss.item() * len(truth)
        right += int((log_probabilities.argmax(1) == truth).sum())
        progress(total / seen, right / seen)
    if not math.isfinite(total):
        raise TrainingError(f"the loss is no longer finite; lower --lr (it was {recipe.lr:g})")
    return total / seen, right / seen


def batches(
    images: Tensor, labels: Tensor, recipe: Recipe, mates: Team = ALONE
) -> Iterator[tuple[Tensor, Tensor]]:
    """All of `uint8 (N, 28, 28)` in random order, as the networks' input; the last few are left over.

    Of each batch only what is this process's part, in an order on which all agree.
    """
    order = mates.share_tensor(torch.randperm(len(labels)).to(labels.device))
    for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
        rows = mates.part(order[start : start + recipe.batch])
        batch = images[rows].unsqueeze(1).float() / 255
        if recipe.augment:
            batch = augment(batch)
        yield ((batch - MEAN) / STD).contiguous(memory_format=torch.channels_last), labels[rows]


def loss_of(
    log_probabilities: Tensor, labels: Tensor, smoothing: float, taught: Tensor | None = None
) -> Tensor:
    """That of the labels; and of what teachers say, their probabilities `(N, classes)`, if there are any."""
    loss = smoothed_loss(log_probabilities, labels, smoothing)
    if taught is None:
        return loss
    return (1 - TAUGHT) * loss - TAUGHT * (taught * log_probabilities).sum(1).mean()


def smoothed_loss(log_probabilities: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """The negative log-likelihood of the labels, a share `smoothing` of it spread over all classes."""
    likelihood = F.nll_loss(log_probabilities, labels)
    return (1 - smoothing) * likelihood - smoothing * log_probabilities.mean()


def scene_crops(digits: Digits, count: int, seed: int, left_out: str = "") -> Digits:
    """Crops that went through vision from scenes rendered with these digits; a family may be left out."""
    return Digits(*make_crops(digits.images, digits.labels, count, seed, left_out=left_out))


def known_to(network: str, crops: Digits, device: torch.device) -> tuple[Tensor, Tensor]:
    """The crops of classes that a network knows, on the device once and for all."""
    known = crops.labels < CLASSES[network]
    return torch.from_numpy(crops.images[known]).to(device), torch.from_numpy(crops.labels[known]).to(device)


def prepare(out: Path) -> None:
    """Finds out before hours of training whether its weights can be written."""
    if out.suffix != ".pt":
        raise TrainingError(f"{out}: weights are called something.pt; give such a name as --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise TrainingError(f"{out}: cannot be written ({error.strerror}); give another --out") from error
