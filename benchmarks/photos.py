"""Reads a folder of labelled photographs and says how many texts came out right, by kind.

    python -m benchmarks.photos FOLDER [--weights FILE] [--sheet FILE]

Files are named NNN_<text>.jpg, with nothing after the underscore where there is nothing to read; the
folder that a file lies in is its kind. The plain pipeline of public projects reads them in the same run.
"""

import sys
from collections import Counter
from pathlib import Path

import typer
from rich.table import Table

from appliance.cameras.recording import read_still
from appliance.errors import ApplianceError
from appliance.network import load
from appliance.reader import Reader
from benchmarks.options import FAILURES, SHIPPED, Sheet, Weights
from benchmarks.plain import PlainReader
from benchmarks.report import Failure, share, sheet
from benchmarks.tables import show


def main(folder: Path, weights: Weights = SHIPPED, sheet_file: Sheet = FAILURES) -> None:
    """Reads the labelled photographs in FOLDER and prints a table by kind."""
    paths = sorted(folder.rglob("*_*.*"))
    if not paths:
        sys.exit(f"{folder}: holds no photographs named NNN_<text>.jpg")
    try:
        measure(paths, weights, sheet_file)
    except ApplianceError as error:
        sys.exit(str(error))


def measure(paths: list[Path], weights: Path, sheet_file: Path) -> None:
    """Reads labelled photographs, prints the table and draws the failures."""
    reader, plain = Reader(weights), PlainReader(load(weights)[0])
    cases: Counter[str] = Counter()
    right: Counter[str] = Counter()
    plainly: Counter[str] = Counter()
    failures = []
    for path in paths:
        kind, text = path.parent.name, path.stem.rpartition("_")[2]
        frame = read_still(path)
        reading = reader.read(frame)
        cases[kind] += 1
        right[kind] += reading.text == text
        plainly[kind] += plain.read(frame.gray).text == text
        if reading.text != text:
            failures.append(Failure(f"{path.name}: {reading.text or 'nothing'}", frame.gray, reading))
    show(photograph_table(cases, right, plainly))
    sheet(failures, sheet_file)


def photograph_table(cases: Counter[str], right: Counter[str], plainly: Counter[str]) -> Table:
    """A row a kind, and one each for those with a number and those with nothing to read."""
    table = Table("kind", "photographs", "right, %", "plain pipeline, %")
    for kind in cases:
        of = cases[kind]
        table.add_row(kind, str(of), share(right[kind], of), share(plainly[kind], of))
    table.add_section()
    for title, kinds in (
        ("with a number", [kind for kind in cases if not kind.startswith("empty")]),
        ("with nothing to read", [kind for kind in cases if kind.startswith("empty")]),
    ):
        of = sum(cases[kind] for kind in kinds)
        counts = (sum(counter[kind] for kind in kinds) for counter in (right, plainly))
        table.add_row(title, str(of), *(share(count, of) for count in counts))
    return table


if __name__ == "__main__":
    typer.run(main)
