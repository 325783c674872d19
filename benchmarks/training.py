"""How long training takes to come to an accuracy, ours beside the workshop's final code, in one run.

    python -m benchmarks.training [--data MNIST] [--threads N] [--epochs N]

Accuracy is that on the 5,000 held-out images. Seconds are of the processor, on all threads together, so
that what else the machine does matters little; evaluating is not counted. Ours trains on MNIST's images
alone here.
"""

import time
from typing import Annotated

import torch
import typer
from rich.table import Table

from benchmarks.options import Data
from benchmarks.tables import show
from training import mnist
from training.evaluate import evaluate
from training.fit import begin, known_to, train
from training.recipe import recipe

MARKS = (0.97, 0.98, 0.99, 0.995, 0.997)
"""The accuracies whose time is told."""


def main(
    data: Data = None,
    threads: Annotated[int, typer.Option(min=1, help="processor threads")] = 2,
    epochs: Annotated[int, typer.Option(min=1, help="times through the data")] = 4,
) -> None:
    """Trains both networks by their recipes, and tells when each mark was passed."""
    torch.set_num_threads(threads)
    title = f"seconds of the processor on {threads} threads until so much is right, {epochs} epochs"
    table = Table("network", *(f"{100 * mark:g} %" for mark in MARKS), "at last", "an epoch", title=title)
    for network in ("workshop-conv", "digitnet"):
        passed, last, whole = times(network, data, epochs)
        cells = (f"{passed[mark]:.0f}" if mark in passed else "not reached" for mark in MARKS)
        table.add_row(network, *cells, f"{100 * last:.2f} %", f"{whole / epochs:.0f}")
    show(table)


def times(network: str, data: Data, epochs: int) -> tuple[dict[float, float], float, float]:
    """When each mark was passed, the accuracy in the end, and what all of it took."""
    torch.manual_seed(0)
    chosen = recipe(network, epochs=epochs, scenes=0)
    held_out = mnist.validation(data)
    images, labels = known_to(network, mnist.training(data), torch.device("cpu"))
    session = begin(chosen, len(labels) // chosen.batch, torch.device("cpu"))
    passed: dict[float, float] = {}
    spent = accuracy = 0.0
    for _ in range(epochs):
        started = time.process_time()
        train(session, chosen, images, labels, lambda loss, accuracy: None)
        spent += time.process_time() - started
        accuracy = evaluate(session.averaged.module, held_out).accuracy
        for mark in MARKS:
            if accuracy >= mark:
                passed.setdefault(mark, spent)
        print(f"{network}: {100 * accuracy:.2f} % after {spent:.0f} s", flush=True)
    return passed, accuracy, spent


if __name__ == "__main__":
    typer.run(main)
