"""Fine-tuning: corrections are learnt, what was known stays, and bad lessons are refused."""

import io
from pathlib import Path

import numpy as np
import pytest
import small_mnist
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from appliance.network import NOT_A_DIGIT, Card, load, normalise
from training import mnist
from training import tune as module
from training.errors import TrainingError
from training.evaluate import evaluate
from training.fit import fit
from training.mnist import Digits
from training.recipe import RECIPES, Recipe, recipe, tuning
from training.tune import Measured, better, lesson, mixtures, tune

CPU = torch.device("cpu")
GENTLE = tuning("digitnet", batch=32, scenes=200, lr=0.002, epochs=3)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, value in small_mnist.replacements():
        monkeypatch.setattr(owner, name, value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `data` and `digits.pt`, a network that reads print."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, value in small_mnist.replacements():
            patch.setattr(owner, name, value)
        chosen = recipe("digitnet", epochs=8, batch=32, scenes=200, lr=0.01)
        data = small_mnist.write(folder / "data")
        fit(chosen, folder / "digits.pt", data, folder / "report", CPU, Console(quiet=True))
    return folder


def upside_down(count: int) -> Digits:
    """Sevens that nobody prints so."""
    digits = small_mnist.printed(400, 5)
    sevens = digits[digits.labels == 7][:count]
    return Digits(np.ascontiguousarray(sevens.images[:, ::-1, ::-1]), sevens.labels)


def tuned(folder: Path, corrections: Path, tmp_path: Path, chosen: Recipe = GENTLE) -> tuple[Card, str]:
    shown = io.StringIO()
    console = Console(file=shown, width=100)
    out = tmp_path / "new.pt"
    start, data, report = folder / "digits.pt", folder / "data", tmp_path / "report"
    try:
        card = tune(chosen, start, corrections, out, data, report, CPU, console)
    except TrainingError as error:
        error.add_note(shown.getvalue())
        raise
    return card, shown.getvalue()


def row(shown: str, name: str) -> list[int]:
    line = next(line for line in shown.splitlines() if name in line)
    return [int(cell.replace(",", "")) for cell in line.strip("│ ").split("│")[1:]]


def test_corrections_are_learnt_and_the_rest_is_not_forgotten(folder: Path, tmp_path: Path) -> None:
    wrong = upside_down(8)
    old, _ = load(folder / "digits.pt")
    assert evaluate(old, wrong).accuracy < 0.5
    card, shown = tuned(folder, small_mnist.put_right(tmp_path / "c", wrong), tmp_path)

    new, loaded = load(tmp_path / "new.pt")
    assert loaded == card
    assert evaluate(new, wrong).accuracy > 0.9
    of, before, after = row(shown, "corrections")
    assert of == 8 and before < after
    for name in ("held-out images of MNIST", "held-out crops of scenes"):
        of, before, after = row(shown, name)
        assert before <= after <= of
    assert "8 corrections" in card.dataset and "--from digits.pt" in card.command
    assert (tmp_path / "report" / "curves.png").exists()


def test_what_is_no_digit_is_no_longer_read(folder: Path, tmp_path: Path) -> None:
    crosses = np.zeros((6, 28, 28), np.uint8)
    crosses[:, 6:22, 13:15] = crosses[:, 13:15, 6:22] = 255
    corrections = small_mnist.put_right(
        tmp_path / "c", Digits(crosses, np.full(6, NOT_A_DIGIT, dtype=np.int64))
    )
    tuned(folder, corrections, tmp_path)
    new, card = load(tmp_path / "new.pt")
    sure = evaluate(new, Digits(crosses, np.zeros(6, np.int64))).log_probabilities.exp()
    assert (sure[:, NOT_A_DIGIT] > 1 - card.calibration.threshold).all()


def test_lies_are_refused_and_nothing_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # About the very images that are held out, and shown more often than the truth.
    monkeypatch.setattr(module, "CORRECTED_SHARE", 4.0)
    honest = mnist.validation(folder / "data")
    lies = small_mnist.put_right(tmp_path / "c", Digits(honest.images, (honest.labels + 1) % 10))
    with pytest.raises(TrainingError, match=r"new\.pt: not written.*look through those in .*/c") as refused:
        tuned(folder, lies, tmp_path)
    of, before, after = row(refused.value.__notes__[0], "held-out images of MNIST")
    assert after < before <= of
    assert not list(tmp_path.glob("new.*"))


class Says(nn.Module):
    """Takes crop number n, which is `marked(n)`, for the digit at that place."""

    def __init__(self, *values: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(20.0 * nn.functional.one_hot(torch.tensor(values), 11))

    def forward(self, crops: Tensor) -> Tensor:
        levels = np.stack([marked(n) for n in range(len(self.scores))])
        return self.scores[torch.cdist(crops.flatten(1), normalise(levels).flatten(1)).argmin(1)].log_softmax(
            1
        )


def marked(number: int) -> NDArray[np.uint8]:
    return np.full((28, 28), 10 * number, np.uint8)


def test_only_a_network_that_has_learnt_and_forgotten_nothing_is_taken() -> None:
    def crops(first: int, *values: int) -> Digits:
        images = np.stack([marked(first + place) for place in range(len(values))])
        return Digits(images, np.array(values, np.int64))

    known = crops(0, *range(10)), crops(10, *range(10)), crops(20, 3, 3)
    before = Measured(Says(*range(10), 9, *range(1, 10), 5, 5), *known)
    forgetful = (
        Says(9, *range(1, 10), *range(10), 3, 3),  # one of MNIST's, for one of a scene
        Says(*range(10), 9, 9, *range(2, 10), 3, 3),
    )
    dull, good = (Says(*range(10), 9, *range(1, 10), *corrected) for corrected in ((5, 5), (3, 5)))
    assert better(before, iter([*forgetful, dull]), *known) is None
    taken = better(before, iter([*forgetful, dull, good]), *known)
    assert taken is not None and taken.network is good


def test_the_seed_decides_the_weights(folder: Path, tmp_path: Path) -> None:
    corrections = small_mnist.put_right(tmp_path / "c", upside_down(4))
    states = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tuned(folder, corrections, tmp_path / name)
        states.append(torch.load(tmp_path / name / "new.pt", weights_only=True))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_an_epoch_is_never_drowned_in_corrections_nor_are_they_in_it() -> None:
    images, chosen = small_mnist.printed(1_000, 3), tuning("workshop-linear")
    for corrections, times in ((1, module.MOST_TIMES), (30, 5), (2_000, 1)):
        crops = lesson(chosen, images, small_mnist.printed(corrections, 4))
        assert len(crops) == len(images) + times * corrections


def test_mixtures_go_from_the_new_network_towards_the_old() -> None:
    old, new = (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2))
    with torch.no_grad():
        for network, value in ((old, 0.0), (new, 4.0)):
            for parameter in network.parameters():
                parameter.fill_(value)
    weights: list[Tensor] = [next(mixed.parameters()) for mixed in mixtures(old, new)]
    assert [weight.unique().item() for weight in weights] == [4.0, 3.0, 2.0, 1.0]
    assert all((weight == 0).all() for weight in old.parameters())


def test_tuning_is_gentler_than_training_unless_told_otherwise() -> None:
    for network, usual in RECIPES.items():
        assert tuning(network).lr < usual.lr and tuning(network).epochs < usual.epochs
    assert tuning("digitnet", lr=0.1, epochs=9).lr == 0.1 and tuning("digitnet", epochs=9).epochs == 9
