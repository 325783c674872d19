"""The report folder: its tables are right, its pictures are pictures."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import small_mnist
import torch

from appliance.network import Calibration, Card
from training import report
from training.checkpoint import Epoch
from training.errors import TrainingError
from training.evaluate import Evaluation

CARD = Card(
    network="digitnet",
    classes=11,
    sha256="",
    calibration=Calibration(1.25, 0.6),
    command="digit-train fit",
    dataset="MNIST",
    accuracies={"test": 0.9975},
)
HISTORY = [Epoch(0.5, 0.9, 0.4, 0.95), Epoch(0.3, 0.95, 0.2, 0.97)]


@pytest.fixture
def digits() -> small_mnist.Digits:
    return small_mnist.printed(80, 4)


@pytest.fixture
def tested(digits: small_mnist.Digits) -> Evaluation:
    """All right, except that the first is taken for the digit that follows its own."""
    labels = torch.from_numpy(digits.labels)
    log_probabilities = torch.full((80, 10), -5.0)
    log_probabilities[torch.arange(80), labels] = -0.1
    log_probabilities[0, (labels[0] + 1) % 10], log_probabilities[0, labels[0]] = -0.05, -8.0
    return Evaluation(log_probabilities, labels)


def test_the_folder_has_curves_confusion_hardest_digits_and_tables(
    tmp_path: Path, tested: Evaluation, digits: small_mnist.Digits
) -> None:
    report.write(tmp_path / "a" / "b", CARD, tested, digits, HISTORY)
    text = (tmp_path / "a" / "b" / "report.md").read_text()
    for name in ("curves.png", "confusion.png", "hardest.png"):
        picture = cv2.imread(str(tmp_path / "a" / "b" / name))
        assert picture is not None and picture.std() > 5
        assert f"({name})" in text
    assert "accuracy 98.75 % (1 mistakes)" in text and "99.75 %" in text and "digit-train fit" in text
    with (tmp_path / "a" / "b" / "classes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["digit"] for row in rows] == [str(value) for value in range(10)]
    assert sum(int(row["images"]) for row in rows) == 80 and sum(int(row["right"]) for row in rows) == 79


def test_without_a_history_there_are_no_curves(
    tmp_path: Path, tested: Evaluation, digits: small_mnist.Digits
) -> None:
    report.write(tmp_path, CARD, tested, digits)
    assert not (tmp_path / "curves.png").exists() and "curves" not in (tmp_path / "report.md").read_text()


def test_a_row_says_what_a_digit_was_taken_for() -> None:
    confusion = torch.diag(torch.full((10,), 100))
    confusion[4, 9], confusion[4, 1], confusion[3, 9] = 5, 20, 1
    rows = [dict(zip(report.TABLE, row, strict=True)) for row in report.per_class(confusion)]
    assert rows[4] == {
        "digit": "4",
        "images": "125",
        "right": "100",
        "recall %": "80.00",
        "precision %": "100.00",
        "most often taken for": "1 (20 times)",
    }
    assert rows[9]["precision %"] == "94.34" and rows[9]["most often taken for"] == ""


def test_a_digit_that_is_nowhere_has_no_rates() -> None:
    row = report.per_class(torch.zeros(10, 10, dtype=torch.int64))[0]
    assert row == ("0", "0", "0", "", "", "")


def test_the_hardest_come_first(tested: Evaluation) -> None:
    tested.log_probabilities[7, tested.labels[7]] = -2.0
    assert report.hardest(tested, 2).tolist() == [0, 7]


def test_a_perfect_network_has_a_report_too(
    tmp_path: Path, tested: Evaluation, digits: small_mnist.Digits
) -> None:
    perfect = Evaluation(tested.log_probabilities[1:], tested.labels[1:])
    report.write(tmp_path, CARD, perfect, digits[slice(1, None)], [Epoch(0.0, 1.0, 0.0, 1.0)])
    assert (tmp_path / "curves.png").exists()


def test_a_folder_that_cannot_be_made_is_named_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=f"{tmp_path / 'file' / 'report'}: cannot be made"):
        report.prepare(tmp_path / "file" / "report")


def test_a_report_that_cannot_be_written_is_named(
    tmp_path: Path, tested: Evaluation, digits: small_mnist.Digits
) -> None:
    (tmp_path / "confusion.png" / "folder in its place").mkdir(parents=True)
    with pytest.raises(TrainingError, match=f"{tmp_path}: cannot be written"):
        report.write(tmp_path, CARD, tested, digits)


def test_importing_training_imports_no_matplotlib_and_its_command_no_torch() -> None:
    script = (
        "import sys, training.cli; assert 'torch' not in sys.modules\n"
        "import training.report; assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=100)
