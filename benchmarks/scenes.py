"""Renders frames condition by condition, reads them, and says how much of each came out right.

    python -m benchmarks.scenes [--weights FILE] [--data MNIST] [--cases N] [--seed S] [--only NAME]
                                [--sheet FILE]

The digits are MNIST's test images, which nothing is trained on or chosen by. What is less than aimed at is
in red. The plain pipeline of public projects reads the same frames.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from appliance.config import SteadySettings
from appliance.errors import ApplianceError
from appliance.frame import Frame
from appliance.reader import Reading
from appliance.steady import Stable, Steadier
from benchmarks.conditions import CONDITIONS, Condition
from benchmarks.options import FAILURES, SHIPPED, Cases, Data, Seed, Sheet, Weights, chosen
from benchmarks.pool import Job, Pool, Tools
from benchmarks.report import Failure, share, sheet
from benchmarks.scoring import Call, calibration_error, calls
from benchmarks.tables import aimed, show
from training import mnist, paper
from training.clutter import CLUTTER
from training.scenes import random_look, render_clutter

NEGATIVES = "negatives"
"""The group of all families of things that are no digits."""

_VIEWS = 8  # frames for which each scene with nothing to read is looked at
_TREMBLE = 0.7  # pixels
_FRAME_NS = 1_000_000_000 // 30
_CALIBRATION_AIM = 2.0  # percent
_FALSE_AIMS = 5.0, 1.0  # digits in 1,000 frames, as read and as shown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one scene: the digits in it, the calls made, and whether its text was read whole."""

    wanted: int
    calls: list[Call]
    whole: bool
    plainly: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """What came of one scene with nothing to read: the digits read in its first frame, and the most shown."""

    read: int
    shown: int


def main(
    weights: Weights = SHIPPED,
    data: Data = None,
    cases: Cases = 200,
    seed: Seed = 4,
    only: Annotated[str, typer.Option(help="only this condition, or this group of them")] = "",
    sheet_file: Sheet = FAILURES,
) -> None:
    """Measures reading under every condition, and silence where there is nothing to read."""
    names = chosen(only, {one.name: one.group for one in CONDITIONS} | dict.fromkeys(CLUTTER, NEGATIVES))
    conditions = [one for one in CONDITIONS if one.name in names]
    families = [name for name in CLUTTER if name in names]
    try:
        with Pool(weights, mnist.test(data)) as pool:
            outcomes, failures = pool.measure(read_scene, (one.name for one in conditions), cases, seed)
            silences, false = pool.measure(look_long, families, cases, seed)
    except ApplianceError as error:
        sys.exit(str(error))
    if conditions:
        show(scene_table({one: outcomes[one.name] for one in conditions}))
    if families:
        show(silence_table(silences))
    sheet(failures + false, sheet_file)


def read_scene(tools: Tools, job: Job) -> tuple[Outcome, Failure | None]:
    """Renders one scene of a condition and reads it."""
    condition = next(one for one in CONDITIONS if one.name == job.name)
    scene = condition.make(tools.hand, job.rng)
    reading = tools.reader.read(Frame(scene.gray, 0, 0))
    plainly = tools.plain.read(scene.gray).text == scene.text
    outcome = Outcome(len(scene.text), calls(scene, reading.digits), reading.text == scene.text, plainly)
    if outcome.whole and all(right for _, right in outcome.calls):
        return outcome, None
    title = f"{job.name} #{job.case}: {scene.text} as {reading.text or 'nothing'}"
    return outcome, Failure(title, scene.gray, reading)


def look_long(tools: Tools, job: Job) -> tuple[Silence, Failure | None]:
    """Renders one scene with nothing to read, and looks at it for as long as a text takes to be shown."""
    rng = job.rng
    look = random_look(rng)
    still = render_clutter(job.name, replace(look, noise=0, quality=100), rng).gray
    steadier = Steadier(SteadySettings())
    readings: list[Reading] = []
    stables: list[Stable] = []
    for number in range(_VIEWS):
        gray = paper.sensed(_trembling(still, rng), look.noise, look.quality, rng)
        readings.append(tools.reader.read(Frame(gray, number, number * _FRAME_NS)))
        stables.append(steadier.update(readings[-1], number * _FRAME_NS))
    shown = max(stables, key=lambda stable: len(stable.text))
    silence = Silence(len(readings[0].digits), len(shown.text))
    if silence == Silence(0, 0):
        return silence, None
    title = f"{job.name} #{job.case}: {readings[0].text or 'nothing'}, then {shown.text or 'nothing'}"
    return silence, Failure(title, still, readings[0] if silence.read else Reading(shown.digits))


def scene_table(by_condition: dict[Condition, list[Outcome]]) -> Table:
    """A row a condition, and one for them all."""
    table = Table(
        "condition", "scenes", "digits", "recall, %", "precision, %", "whole numbers, %", "plain pipeline, %",
        "calibration error, %",
    )  # fmt: skip
    for _, group in groupby(by_condition, key=lambda condition: condition.group):
        for condition in group:
            table.add_row(condition.name, *_scores(by_condition[condition], condition.aim))
        table.add_section()
    everything = [outcome for outcomes in by_condition.values() for outcome in outcomes]
    table.add_row("all of these", *_scores(everything, None))
    return table


def silence_table(by_family: dict[str, list[Silence]]) -> Table:
    """A row a family of things that are no digits, and one for them all."""
    table = Table(
        "nothing to read", "scenes", "false digits in 1,000 frames", "frames with any, %",
        "steadied: false digits in 1,000", "steadied: frames with any, %",
    )  # fmt: skip
    for name, silences in by_family.items():
        table.add_row(name, *false_digits(silences))
    table.add_section()
    table.add_row("all of these", *false_digits([one for silences in by_family.values() for one in silences]))
    return table


def _scores(outcomes: Sequence[Outcome], aim: float | None) -> list[str]:
    made = [call for outcome in outcomes for call in outcome.calls]
    right = sum(one for _, one in made)
    wanted = sum(outcome.wanted for outcome in outcomes)
    error = 100 * calibration_error(made)
    return [
        str(len(outcomes)),
        str(wanted),
        aimed(share(right, wanted), aim is not None and 100 * right < aim * wanted),
        aimed(share(right, len(made)), aim is not None and 100 * right < aim * len(made)),
        share(sum(outcome.whole for outcome in outcomes), len(outcomes)),
        share(sum(outcome.plainly for outcome in outcomes), len(outcomes)),
        aimed(f"{error:.1f}", aim is not None and error > _CALIBRATION_AIM),
    ]


def false_digits(silences: Sequence[Silence]) -> list[str]:
    """The cells of a row: scenes, false digits in 1,000 frames and frames with any, as read and as shown."""
    cells = [str(len(silences))]
    counts: tuple[Callable[[Silence], int], ...] = (lambda one: one.read, lambda one: one.shown)
    for count, aim in zip(counts, _FALSE_AIMS, strict=True):
        digits = [count(one) for one in silences]
        rate = 1000 * sum(digits) / len(digits)
        cells += [aimed(f"{rate:.1f}", rate > aim), share(sum(map(bool, digits)), len(digits))]
    return cells


def _trembling(still: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """The scene as a hand holds the camera, `float32 (H, W)`, 0 to 1."""
    x, y = rng.normal(0, _TREMBLE, 2)
    moved = cv2.warpAffine(
        still, np.array([[1, 0, x], [0, 1, y]]), still.shape[::-1], borderMode=cv2.BORDER_REPLICATE
    )
    return moved.astype(np.float32) / 255


if __name__ == "__main__":
    typer.run(main)
