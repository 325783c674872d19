"""How the benchmarks' tables look."""

import sys

from rich.console import Console
from rich.table import Table

_WIDTH = 160  # characters, where no terminal says how many it has


def aimed(text: str, missed: bool) -> str:
    """A cell of a table, red where it is not what was aimed at."""
    return f"[red]{text}[/red]" if missed else text


def show(table: Table) -> None:
    """Prints a table, wide enough for a file or a pipe too."""
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)
