"""Trains with one ingredient of the recipe taken away at a time: what each is worth on the held-out images.

    python -m benchmarks.ingredients [--data MNIST] [--epochs N] [--scenes N] [--seeds N] [--only NAME]

`--only "the whole recipe" --seeds 5` is the mean of five seeds. The test images are printed for the whole
recipe alone, so that nothing can be chosen by them.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table

from appliance.errors import ApplianceError
from benchmarks.options import Data, chosen
from benchmarks.tables import show
from training.fit import fit
from training.recipe import RECIPES, Recipe

WHOLE = "the whole recipe"
WITHOUT: dict[str, dict[str, Any]] = {
    WHOLE: {},
    "without augmentation": {"augment": False},
    "without scenes": {"scenes": 0},
    "without averaged weights": {"averaging": 0.0},
    "without one cycle": {"one_cycle": False},
    "without label smoothing": {"smoothing": 0.0},
    "without weight decay": {"weight_decay": 0.0},
}
"""What is taken away, and how the recipe says so."""

Accuracies = dict[str, float]


def main(
    data: Data = None,
    epochs: Annotated[int, typer.Option(min=1, help="times through the data")] = RECIPES["digitnet"].epochs,
    scenes: Annotated[int, typer.Option(min=0, help="crops of scenes")] = RECIPES["digitnet"].scenes,
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, from 0 on")] = 1,
    only: Annotated[str, typer.Option(help="only this row of the table")] = "",
) -> None:
    """Measures what the recipe's ingredients are worth."""
    results = {}
    try:
        for name in chosen(only, {name: name for name in WITHOUT}):
            choices = {"epochs": epochs, "scenes": scenes, **WITHOUT[name]}
            recipe = replace(RECIPES["digitnet"], **choices)
            results[name] = [accuracies(replace(recipe, seed=seed), data) for seed in range(seeds)]
    except ApplianceError as error:
        sys.exit(str(error))
    show(ingredient_table(results))


def accuracies(recipe: Recipe, data: Path | None) -> Accuracies:
    """Trains by a recipe; what the weights were measured at."""
    console = Console(stderr=True)
    with TemporaryDirectory() as folder:
        card = fit(recipe, Path(folder, "a.pt"), data, Path(folder, "report"), torch.device("cpu"), console)
    return card.accuracies


def ingredient_table(results: dict[str, Sequence[Accuracies]]) -> Table:
    """A row a recipe: its mean accuracies in percent, with the range over its seeds."""
    table = Table(
        "recipe", "seeds", "held-out, %", "scene digits read right, %", "scene non-digits read, %", "test, %"
    )
    for name, of_seeds in results.items():
        row = [
            spread([one[measure] for one in of_seeds])
            for measure in ("validation", "scene digits read right", "scene non-digits read")
        ]
        test = spread([one["test"] for one in of_seeds]) if name == WHOLE else ""
        table.add_row(name, str(len(of_seeds)), *row, test)
    return table


def spread(shares: Sequence[float]) -> str:
    """The mean of some shares and their range, in percent, such as `99.64 (99.61-99.70)`."""
    return f"{100 * mean(shares):.2f} ({100 * min(shares):.2f}-{100 * max(shares):.2f})"


if __name__ == "__main__":
    typer.run(main)
