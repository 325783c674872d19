"""Trains without one family of things that are no digits at a time, and says how often digits are read in it.

    python -m benchmarks.rejection [--data MNIST] [--epochs N] [--scenes N] [--cases N] [--seed S]
                                   [--only NAME]

What a network was never shown is what it will meet. Each training is a short one of the shipped recipe; the
first, which leaves nothing out, is what the others are compared with.
"""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from appliance.errors import ApplianceError
from benchmarks.options import Cases, Data, Seed, chosen
from benchmarks.pool import Pool
from benchmarks.scenes import Silence, false_digits, look_long
from benchmarks.tables import show
from training import mnist
from training.fit import fit
from training.recipe import RECIPES, Recipe
from training.scenes import SHOWN

SHORT = replace(RECIPES["digitnet"], epochs=4, scenes=20_000)
"""Long enough to reject what was shown, and short enough for a training a family."""


def main(
    data: Data = None,
    epochs: Annotated[int, typer.Option(min=1, help="times through the data")] = SHORT.epochs,
    scenes: Annotated[int, typer.Option(min=1, help="crops of rendered scenes")] = SHORT.scenes,
    cases: Cases = 200,
    seed: Seed = 4,
    only: Annotated[str, typer.Option(help="only this family")] = "",
) -> None:
    """Measures silence before what was left out of training."""
    families = chosen(only, {family: family for family in SHOWN})
    short = replace(SHORT, epochs=epochs, scenes=scenes)
    try:
        shown = measured(short, families, data, cases, seed)
        unseen: dict[str, list[Silence]] = {}
        for family in families:
            unseen |= measured(replace(short, left_out=family), [family], data, cases, seed)
    except ApplianceError as error:
        sys.exit(str(error))
    show(rejection_table(shown, unseen))


def measured(
    recipe: Recipe, families: list[str], data: Path | None, cases: int, seed: int
) -> dict[str, list[Silence]]:
    """What weights by this recipe say before scenes of these families."""
    console = Console(stderr=True)
    console.print(f"training without {recipe.left_out}" if recipe.left_out else "training with every family")
    with TemporaryDirectory() as folder:
        weights = Path(folder, "short.pt")
        fit(recipe, weights, data, Path(folder, "report"), torch.device("cpu"), console)
        with Pool(weights, mnist.test(data)) as pool:
            return pool.measure(look_long, families, cases, seed)[0]


def rejection_table(shown: dict[str, list[Silence]], unseen: dict[str, list[Silence]]) -> Table:
    """A row a family: what is read by weights that were shown it in training, and by those that were not."""
    table = Table(
        "nothing to read", "scenes", "trained with it: false digits in 1,000 frames", "frames with any, %",
        "steadied: in 1,000", "steadied: frames, %", "without it: false digits in 1,000 frames",
        "frames with any, %", "steadied: in 1,000", "steadied: frames, %",
    )  # fmt: skip
    for family, silences in shown.items():
        table.add_row(family, *false_digits(silences), *false_digits(unseen[family])[1:])
    return table


if __name__ == "__main__":
    typer.run(main)
