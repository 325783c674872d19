"""Plays rendered sequences through reading and steadying: how soon the right text shows, and what else does.

    python -m benchmarks.sequences [--weights FILE] [--data MNIST] [--cases N] [--seed S] [--only NAME]
                                   [--sheet FILE]

A sequence is a page with a number, moved, lit and focused frame by frame at 30 frames a second. The time to
the right text counts from the frame on which all is at rest.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
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
from appliance.steady import Steadier
from benchmarks.options import FAILURES, SHIPPED, Cases, Data, Seed, Sheet, Weights, chosen
from benchmarks.pool import Job, Pool, Tools
from benchmarks.report import Failure, share, sheet
from benchmarks.tables import aimed, show
from training import clutter, mnist, paper
from training.paper import Picture
from training.scenes import FRAME, random_look, render

FPS = 30
_MARGIN = 40  # pixels of paper beyond the frame
_AIM_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class View:
    """How one frame sees the page: moved by pixels, turned by degrees, blurred, smeared and lit."""

    shift: tuple[float, float] = (0, 0)
    turn: float = 0
    blur: float = 0
    smear: tuple[int, int] = (1, 1)
    """The lengths, across and down, over which motion smears it, in pixels."""
    gain: float = 1


@dataclass(frozen=True, slots=True)
class Film:
    """A sequence: its views, the first one from which all is at rest, and whether the page leaves."""

    views: Sequence[View]
    ready: int = 0
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one sequence, by what was shown at each of its frames."""

    seconds: float
    """From rest to the right text; infinite if that never came."""
    flickers: int
    """How often what is shown changed, beyond what had to."""
    wrong: tuple[str, ...]
    """The wrong texts that were shown."""


def slid_in(rng: np.random.Generator) -> Film:
    """A page that is slid in from one side and stops."""
    way = _slide(rng)
    return Film([*way, *[View()] * FPS], ready=len(way))


def taken_away(rng: np.random.Generator) -> Film:
    """A page at rest, which is taken away; then the table, for longer than a text is held."""
    way = _slide(rng)
    return Film([*[View()] * 20, *way[::-1], *[way[0]] * (FPS + FPS // 2)], leaves=True)


def trembling_hand(rng: np.random.Generator) -> Film:
    """A page, or the camera, in a hand."""
    strength = rng.uniform(0.5, 2.5)
    x, y, turn = strength * _wander(rng, FPS + 15), strength * _wander(rng, FPS + 15), _wander(rng, FPS + 15)
    return Film([View((a, b), c / 3) for a, b, c in zip(x, y, turn, strict=True)])


def refocus(rng: np.random.Generator) -> Film:
    """A lens that hunts for its focus, from far off, through it, and back."""
    time = np.arange(2 * FPS)
    blurs = rng.uniform(5, 10) * np.exp(-time / rng.uniform(5, 9)) * np.abs(np.cos(time / rng.uniform(3, 6)))
    return Film([View(blur=blur) for blur in blurs], ready=int(np.flatnonzero(blurs > 1)[-1]) + 1)


def exposure_change(rng: np.random.Generator) -> Film:
    """A lamp switched on or off, after which the camera finds its exposure again."""
    jump = rng.choice([rng.uniform(0.2, 0.6), rng.uniform(1.5, 3)])
    gains = 1 + (jump - 1) * np.exp(-np.arange(FPS) / rng.uniform(3, 8))
    return Film([*[View()] * 20, *(View(gain=gain) for gain in gains)])


KINDS: dict[str, Callable[[np.random.Generator], Film]] = {
    "paper slid in": slid_in,
    "trembling hand": trembling_hand,
    "refocus": refocus,
    "exposure change": exposure_change,
    "paper taken away": taken_away,
}


def main(
    weights: Weights = SHIPPED,
    data: Data = None,
    cases: Cases = 200,
    seed: Seed = 4,
    only: Annotated[str, typer.Option(help="only this kind")] = "",
    sheet_file: Sheet = FAILURES,
) -> None:
    """Measures how soon and how steadily the right text is shown."""
    kinds = chosen(only, {kind: kind for kind in KINDS})
    try:
        with Pool(weights, mnist.test(data)) as pool:
            outcomes, failures = pool.measure(play, kinds, cases, seed)
    except ApplianceError as error:
        sys.exit(str(error))
    show(sequence_table(outcomes))
    sheet(failures, sheet_file)


def play(tools: Tools, job: Job) -> tuple[Outcome, Failure | None]:
    """Renders one sequence and reads it, as the appliance would."""
    rng = job.rng
    text = "".join(map(str, rng.integers(0, 10, int(rng.integers(1, 5)))))
    film = KINDS[job.name](rng)
    steadier = Steadier(SteadySettings())
    shown: list[str] = []
    failure = None
    for number, gray in enumerate(_frames(tools, text, film, rng)):
        reading = tools.reader.read(Frame(gray, number, number * 1_000_000_000 // FPS))
        stable = steadier.update(reading, number * 1_000_000_000 // FPS)
        shown.append(stable.text)
        late = number == len(film.views) - 1 and text not in shown
        if failure is None and (late or stable.text not in ("", text)):
            title = f"{job.name} #{job.case}, frame {number}: {text} as {stable.text or 'nothing'}"
            failure = Failure(title, gray, reading if late else Reading(stable.digits))
    return outcome(shown, text, film), failure


def outcome(shown: Sequence[str], text: str, film: Film) -> Outcome:
    """What the texts shown at a film's frames amount to."""
    right = shown.index(text) if text in shown else None
    changes = sum(before != after for before, after in pairwise(["", *shown]))
    # The text has to come and, with its page, to go.
    needed = 0 if right is None else 1 + (film.leaves and shown[-1] == "")
    wrong = tuple(sorted({one for one in shown if one not in ("", text)}))
    seconds = float("inf") if right is None else max(0, right - film.ready) / FPS
    return Outcome(seconds, max(0, changes - needed), wrong)


def sequence_table(by_kind: dict[str, list[Outcome]]) -> Table:
    """A row a kind of sequence, and one for them all."""
    table = Table(
        "sequences", "played", "median s to the text", "95th percentile s", "never right, %", "flickers",
        "wrong texts", "sequences with any, %",
    )  # fmt: skip
    for kind, outcomes in by_kind.items():
        table.add_row(kind, *_figures(outcomes))
    table.add_section()
    table.add_row("all of these", *_figures([one for outcomes in by_kind.values() for one in outcomes]))
    return table


def _figures(outcomes: Sequence[Outcome]) -> list[str]:
    seconds = [one.seconds for one in outcomes]
    median, late = (float(np.percentile(seconds, percent, method="higher")) for percent in (50, 95))
    wrong = sum(len(one.wrong) for one in outcomes)
    return [
        str(len(outcomes)),
        aimed(f"{median:.2f}", median > _AIM_SECONDS),
        f"{late:.2f}",
        share(sum(one.seconds == float("inf") for one in outcomes), len(outcomes)),
        str(sum(one.flickers for one in outcomes)),
        aimed(str(wrong), wrong > 0),
        share(sum(bool(one.wrong) for one in outcomes), len(outcomes)),
    ]


def _frames(tools: Tools, text: str, film: Film, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """The sequence as the camera gives it: a page whose number a person reads at a glance, on a table."""
    look = random_look(
        rng, height=rng.uniform(50, 150), stroke=rng.uniform(0.06, 0.15), ink=rng.uniform(0.5, 0.95),
        focus=0.6, motion=0, noise=0, quality=100,
    )  # fmt: skip
    page = render([text], look, tools.hand, rng).gray.astype(np.float32) / 255
    page = cv2.copyMakeBorder(page, *[_MARGIN] * 4, cv2.BORDER_REPLICATE)
    table = clutter.table(FRAME, rng) * look.exposure
    noise = rng.uniform(1, 4)
    for view in film.views:
        yield paper.sensed(seen(page, table, view), noise, 100, rng)


def seen(page: Picture, table: Picture, view: View) -> Picture:
    """What a frame sees of a page that reaches `_MARGIN` pixels beyond it, on a table."""
    height, width = FRAME
    moved = cv2.getRotationMatrix2D((width / 2 + _MARGIN, height / 2 + _MARGIN), view.turn, 1)
    moved[:, 2] += np.array(view.shift) - _MARGIN
    picture = cv2.warpAffine(
        page, moved, (width, height), dst=table.copy(), borderMode=cv2.BORDER_TRANSPARENT
    )
    picture = cv2.blur(picture, view.smear)
    if view.blur > 0.1:
        picture = cv2.GaussianBlur(picture, (0, 0), view.blur)
    return picture * np.float32(view.gain)


def _slide(rng: np.random.Generator) -> list[View]:
    """From out of view to almost where it rests, slower and slower, smeared by half of its speed."""
    frames = int(rng.integers(10, 25))
    whole = np.array([FRAME[1], FRAME[0]]) + 2 * _MARGIN
    side = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)][int(rng.integers(4))])
    away = np.linspace(1, 0, frames + 1) ** 2
    return [
        View(tuple(far * whole * side), smear=_smear(whole * side * (far - near) / 2))
        for far, near in pairwise(away)
    ]


def _smear(way: NDArray[np.float64]) -> tuple[int, int]:
    across, down = (1 + round(abs(length)) for length in way)
    return across, down


def _wander(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """A smooth random walk that stays about zero, of about unit deviation."""
    way = np.zeros(frames)
    for step in range(1, frames):
        way[step] = 0.9 * way[step - 1] + rng.normal(0, 0.44)
    return way


if __name__ == "__main__":
    typer.run(main)
