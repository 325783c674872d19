"""Benchmarks run as their user runs them, and their tables read."""

import io
import re
from pathlib import Path
from types import ModuleType

import pytest
import small_mnist
import typer
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner, Result

from training import mnist


def small_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the small stand-in for MNIST, which from now on passes for it."""
    for owner, name, value in small_mnist.replacements():
        if owner is mnist:
            monkeypatch.setattr(owner, name, value)
    return small_mnist.write(folder / "mnist")


def run(benchmark: ModuleType, weights: Path, data: Path, *arguments: str) -> Result:
    """`python -m benchmarks...` with its sheet in the data's folder."""
    fixed = ("--weights", str(weights), "--data", str(data), "--sheet", str(data / "failures.png"))
    return invoke(benchmark, *fixed, *arguments)


def invoke(benchmark: ModuleType, *arguments: str) -> Result:
    """`python -m benchmarks...` with these arguments."""
    app = typer.Typer()
    app.command()(benchmark.main)
    return CliRunner().invoke(app, arguments)


def printed(table: Table) -> str:
    """A table as a terminal gets it, colours included."""
    console = Console(file=io.StringIO(), width=200, record=True)
    console.print(table)
    return console.export_text(styles=True)


def row(text: str, name: str) -> list[str]:
    """The cells after the name in the row called `name`, without colours and intervals."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    line = next(line for line in plain.splitlines() if line.startswith(f"│ {name} "))
    return [cell.split()[0] for cell in line.strip("│").split("│")[1:]]
