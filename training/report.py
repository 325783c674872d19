"""The report folder: what a network gets right and wrong, as pictures and tables."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from appliance.atomic import write_atomically
from appliance.network import Card
from training.checkpoint import Epoch
from training.errors import TrainingError
from training.evaluate import Evaluation
from training.mnist import Digits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HARDEST_ROWS, HARDEST_COLUMNS = 5, 10
CELL_HEIGHT, CELL_WIDTH = 36, 34
TABLE = ("digit", "images", "right", "recall %", "precision %", "most often taken for")


def prepare(folder: Path) -> None:
    """Finds out before hours of training whether a report can be written at the end.

    Raises `ModuleNotFoundError` without matplotlib, and `TrainingError` if the folder cannot be made.
    """
    import matplotlib  # noqa: F401 (missing without the extra `train`)

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be made ({error.strerror}); give another --report") from error


def write(
    folder: Path, card: Card, tested: Evaluation, digits: Digits, history: Sequence[Epoch] = ()
) -> None:
    """Writes `report.md` with tables and pictures of the test `digits`; learning curves of a `history`.

    Raises `TrainingError` where the folder cannot be written.
    """
    prepare(folder)
    table = per_class(tested.confusion)
    pictures = {
        "confusion.png": _draw_confusion(tested.confusion),
        "hardest.png": _draw_hardest(tested, digits),
    }
    if history:
        pictures = {"curves.png": _draw_curves(history), **pictures}
    try:
        for name, figure in pictures.items():
            write_atomically(folder / name, _png(figure))
        write_atomically(folder / "classes.csv", _csv(table).encode())
        write_atomically(folder / "report.md", _markdown(card, tested, table, list(pictures)).encode())
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be written ({error.strerror}); free or allow it") from error


def per_class(confusion: Tensor) -> list[tuple[str, ...]]:
    """A row for each digit, in the columns of `TABLE`, from a confusion matrix `(10, 10)`."""
    rows: list[tuple[str, ...]] = []
    for digit, answers in enumerate(confusion.tolist()):
        right, images, called = answers[digit], sum(answers), int(confusion[:, digit].sum())
        most, other = max((count, value) for value, count in enumerate(answers) if value != digit)
        rows.append(
            (
                str(digit),
                str(images),
                str(right),
                _percent(right, images),
                _percent(right, called),
                f"{other} ({most} times)" if most else "",
            )
        )
    return rows


def hardest(evaluation: Evaluation, count: int) -> Tensor:
    """The rows of the crops whose label was held least likely, hardest first, `int64 (count,)`."""
    of_label = evaluation.log_probabilities.gather(1, evaluation.labels[:, None])[:, 0]
    return of_label.argsort()[:count]


def _percent(part: float, whole: int = 1) -> str:
    return f"{100 * part / whole:.2f}" if whole else ""


def _draw_curves(history: Sequence[Epoch]) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 4), layout="constrained")
    loss, error = figure.subplots(1, 2)
    epochs = range(1, len(history) + 1)
    loss.plot(epochs, [epoch.loss for epoch in history], label="training")
    loss.plot(epochs, [epoch.validation_loss for epoch in history], label="validation")
    error.plot(epochs, [100 * (1 - epoch.accuracy) for epoch in history], label="training (as augmented)")
    error.plot(epochs, [100 * (1 - epoch.validation_accuracy) for epoch in history], label="validation")
    for axes, title in ((loss, "loss"), (error, "errors, %")):
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
    if all(epoch.accuracy < 1 and epoch.validation_accuracy < 1 for epoch in history):
        error.set_yscale("log")
        for numbers in (error.yaxis.set_major_formatter, error.yaxis.set_minor_formatter):
            numbers("{x:g}")
    return figure


def _draw_confusion(confusion: Tensor) -> "Figure":
    """Mistakes are coloured; the diagonal would outshine them all, so it is only numbered."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    mistakes = confusion.clone().fill_diagonal_(0)
    axes.imshow(
        mistakes.numpy(), cmap="Reds", vmax=2 * max(1, int(mistakes.max()))
    )  # dark would hide the numbers
    for row, counts in enumerate(confusion.tolist()):
        for column, count in enumerate(counts):
            if count:
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8)
    axes.set(xticks=range(10), yticks=range(10), xlabel="taken for", ylabel="digit")
    axes.set_title(f"{int(mistakes.sum())} mistakes in {int(confusion.sum())}")
    return figure


def _draw_hardest(tested: Evaluation, digits: Digits) -> "Figure":
    """All on one sheet, as fifty pictures of their own take seconds to lay out."""
    from matplotlib.figure import Figure

    sheet = np.zeros((HARDEST_ROWS * CELL_HEIGHT, HARDEST_COLUMNS * CELL_WIDTH), np.uint8)
    figure = Figure(figsize=(1.2 * HARDEST_COLUMNS, 1.4 * HARDEST_ROWS), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(hardest(tested, HARDEST_ROWS * HARDEST_COLUMNS).tolist()):
        top, left = CELL_HEIGHT * (place // HARDEST_COLUMNS), CELL_WIDTH * (place % HARDEST_COLUMNS)
        sheet[top + 6 : top + 34, left + 3 : left + 31] = digits.images[row]
        label, value = int(tested.labels[row]), int(tested.values[row])
        text = f"{label} → {value}  {tested.log_probabilities[row, label].exp().item():.0%}"
        colour = "black" if label == value else "red"
        axes.text(left + CELL_WIDTH / 2, top + 4, text, ha="center", va="center", fontsize=9, color=colour)
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=255)
    axes.set_axis_off()
    axes.set_title("label → taken for, and the probability given to the label; mistakes in red")
    return figure


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _csv(table: list[tuple[str, ...]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([TABLE, *table])
    return buffer.getvalue()


def _markdown(card: Card, tested: Evaluation, table: list[tuple[str, ...]], pictures: list[str]) -> str:
    mistakes = int((tested.values != tested.labels).sum())
    facts = [
        ("network", card.network),
        ("trained with", f"`{card.command}`"),
        ("on", card.dataset),
        *((name, f"{_percent(share)} %") for name, share in card.accuracies.items()),
        ("temperature", f"{card.calibration.temperature:g}"),
        ("threshold", f"{card.calibration.threshold:g}"),
    ]
    lines = [
        "# Report",
        "",
        f"On MNIST's {len(tested.labels):,} test images: accuracy {_percent(tested.accuracy)} % "
        f"({mistakes} mistakes), average loss {tested.loss:.4f}.",
        "",
        *_head(("", "")),
        *(_row(fact) for fact in facts),
        "",
        *_head(TABLE),
        *(_row(row) for row in table),
        "",
        *(f"![{Path(name).stem}]({name})" for name in pictures),
    ]
    return "\n".join(lines) + "\n"


def _head(names: Sequence[str]) -> list[str]:
    return [_row(names), "|" + "---|" * len(names)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
