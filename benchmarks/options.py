"""The options that the benchmarks share."""

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
