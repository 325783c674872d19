"""The options that the benchmarks share."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from appliance import shipped

SHIPPED = shipped.models() / "digits.pt"
FAILURES = Path("failures.png")

Weights = Annotated[Path, typer.Option(help="the weights to read with")]
Data = Annotated[Path | None, typer.Option(help="a folder with MNIST's files")]
Cases = Annotated[int, typer.Option(min=1, help="how many of each kind")]
Seed = Annotated[int, typer.Option(min=0, help="another seed gives others")]
Sheet = Annotated[Path, typer.Option("--sheet", help="where the failures are drawn")]


def chosen(only: str, groups: Mapping[str, str]) -> list[str]:
    """The names that `only` asks for, by themselves or by their group; all of them where it is empty.

    `groups` has each name's group. Ends the program, saying what there is, where nothing is called so.
    """
    names = [name for name, group in groups.items() if only in ("", name, group)]
    if not names:
        sys.exit(
            f"nothing is called '{only}'; known are {', '.join(dict.fromkeys([*groups.values(), *groups]))}"
        )
    return names
