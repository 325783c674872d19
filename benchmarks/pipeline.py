"""How long a frame takes, stage by stage, beside the least it could take and the way public projects do it.

    python -m benchmarks.pipeline [--weights FILE] [--engine NAME] [--frames N] [--seed S]

Times are those of one thread on the processor, so what else the machine does matters little. Frames are the
recorded ones of the first row, and rendered ones; another seed renders others. All digits are written alike
and on the same sheets, so that only their number differs.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import typer
from gpiozero.pins.mock import MockFactory, MockPWMPin
from numpy.typing import NDArray
from rich.table import Table
from torch import nn

from appliance import reader, shipped, vision
from appliance.cameras.recording import read_still
from appliance.config import EngineName, IndicatorSettings, SteadySettings
from appliance.engine import open_engine
from appliance.errors import ApplianceError
from appliance.frame import Frame
from appliance.indicators import Indicators, open_indicators
from appliance.labels import read_labels
from appliance.reader import Reader
from appliance.steady import Steadier
from appliance.vision import ink, light
from benchmarks.options import SHIPPED, Seed, Weights
from benchmarks.plain import PlainReader
from benchmarks.tables import aimed, show
from training.clutter import CLUTTER
from training.paper import PAPERS
from training.scenes import Hand, random_look, render, render_clutter

STAGES = ("grab", "flatten", "find", "crop", "network", "explain", "steadying", "indicators")
"""What a frame goes through; `find` are strokes and rows, `grab` the conversion from a webcam's colours."""

TWICE = 2.0  # the aim: of the floor, and of one digit
_REPEATS = 3
_PERIOD_NS = 1_000_000_000 // 30

Gray = NDArray[np.uint8]


def main(
    weights: Weights = SHIPPED,
    engine: Annotated[str, typer.Option(help="torch, opencv or onnxruntime")] = "torch",
    frames: Annotated[int, typer.Option(min=4, help="frames of each kind")] = 20,
    seed: Seed = 6,
) -> None:
    """Measures every stage on frames with 1, 4 and 12 digits, with none, and with clutter."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        kinds = {kind: list(make(frames, seed)) for kind, make in KINDS.items()}
        for large in (False, True):
            one: float | None = None
            table = Table(
                "frames", "whole, median", "p99", *STAGES, "floor", "/ floor", "/ one", "plain", "x"
            )
            table.title = f"{'1280x720' if large else '640x480'}, {engine}, milliseconds of one thread"
            for kind, pictures in kinds.items():
                result = measure([enlarged(gray) if large else gray for gray in pictures], weights, engine)
                one = result.whole if kind == "one digit" else one
                table.add_row(kind, *row(result, one))
            show(table)
    except ApplianceError as error:
        sys.exit(f"benchmarks.pipeline: {error}")


@dataclass
class Result:
    """Seconds a frame."""

    wholes: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    floors: list[float] = field(default_factory=list)
    plains: list[float] = field(default_factory=list)

    @property
    def whole(self) -> float:
        return float(np.median(self.wholes))


def measure(pictures: Sequence[Gray], weights: Any, engine: EngineName) -> Result:
    """Sends each picture through everything, some times over; the ways take turns."""
    result = Result()
    pipeline, plain = Pipeline(weights, engine), PlainReader(peers_network())
    forward = open_engine(engine, weights)
    crop = np.zeros((1, 28, 28), np.uint8)
    for turn in range(_REPEATS + 1):
        for gray in pictures:
            colour = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
            wholes = took(pipeline, colour)
            with watched() as spent:
                pipeline(colour)
            floors = took(floor, gray, forward, crop)
            plains = took(plainly, plain, colour)
            if turn == 0:
                continue  # the first is for warming up
            result.wholes.append(wholes)
            result.floors.append(floors)
            result.plains.append(plains)
            for stage in STAGES:
                result.stages[stage].append(spent[stage])
    return result


def row(result: Result, one: float | None) -> Iterator[str]:
    """The cells of a table's row, in milliseconds and ratios of medians."""
    floor_, plain = float(np.median(result.floors)), float(np.median(result.plains))
    yield f"{1000 * result.whole:.2f}"
    yield f"{1000 * np.percentile(result.wholes, 99):.2f}"
    for stage in STAGES:
        yield f"{1000 * np.median(result.stages[stage]):.2f}"
    yield f"{1000 * floor_:.2f}"
    yield aimed(f"{result.whole / floor_:.2f}", one in (None, result.whole) and result.whole > TWICE * floor_)
    yield aimed(f"{result.whole / one:.2f}", result.whole > TWICE * one) if one else ""
    yield f"{1000 * plain:.2f}"
    yield f"{plain / result.whole:.2f}"


class Pipeline:
    """The appliance without its camera: from a picture in colour to simulated pins."""

    def __init__(self, weights: Any, engine: EngineName) -> None:
        self._reader = Reader(weights, engine=engine)
        self._steadier = Steadier(SteadySettings())
        self._indicators = open_indicators(IndicatorSettings(), MockFactory(pin_class=MockPWMPin))
        self._sequence = 0

    def __call__(self, colour: NDArray[np.uint8]) -> None:
        gray = np.asarray(self.grab(colour), np.uint8)
        self._sequence += 1
        reading = self._reader.read(Frame(gray, self._sequence, self._sequence * _PERIOD_NS))
        self._indicators.show(self._steadier.update(reading, self._sequence * _PERIOD_NS))

    def grab(self, colour: NDArray[np.uint8]) -> Any:
        return cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)


def floor(gray: Gray, forward: Callable[[Gray], object], crop: Gray) -> None:
    """The least that reading so can cost: a threshold, its components, one look of the network."""
    mask = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 10)
    cv2.connectedComponentsWithStats(mask, connectivity=8)
    forward(crop)


def peers_network() -> nn.Module:
    """The network of Keras's MNIST example, which most public projects took over: 1.2 M parameters."""
    layers = (
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    return nn.Sequential(*layers).eval()


def plainly(plain: PlainReader, colour: Gray) -> None:
    """The way of public projects, from a picture in colour as well."""
    plain.read(np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8))


def took(work: Callable[..., object], *arguments: Any) -> float:
    """The seconds of this thread that something takes."""
    started = time.thread_time()
    work(*arguments)
    return time.thread_time() - started


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Meanwhile, the seconds spent in each stage itself, without those that it calls."""
    spent = dict.fromkeys(STAGES, 0.0)
    inner = [0.0]

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any) -> Any:
            inner.append(0.0)
            started = time.thread_time()
            try:
                return function(*arguments)
            finally:
                whole = time.thread_time() - started
                spent[stage] += whole - inner.pop()
                inner[-1] += whole

        return call

    places: list[tuple[Any, str, str]] = [
        (Pipeline, "grab", "grab"),
        (light, "flatten", "flatten"),
        (ink, "_ratio", "flatten"),
        (ink.Ink, "_background", "flatten"),
        (reader, "find_crops", "find"),
        (reader, "find_crops_on_sheets", "find"),
        (vision.crops, "drawn", "crop"),
        (vision.crops, "as_mnist", "crop"),
        (Reader, "_judge", "network"),
        (reader, "digits_of", "explain"),
        (Steadier, "update", "steadying"),
        (Indicators, "show", "indicators"),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, stage in places:
        setattr(owner, name, timed(stage, getattr(owner, name)))
    try:
        yield spent
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


# --- frames ---


def recorded(frames: int, seed: int) -> Iterator[Gray]:
    """The recorded frames of one digit, all of them."""
    yield from _recorded([name for name, text in read_labels(shipped.frames()).items() if len(text) == 1])


def with_digits(texts: Sequence[str]) -> Callable[[int, int], Iterator[Gray]]:
    """Numbers of these lengths, a row each, on plain paper in every light."""

    def make(frames: int, seed: int) -> Iterator[Gray]:
        hand = Hand(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))
        for number in range(frames):
            rng = np.random.default_rng([seed, number])
            look = random_look(rng, paper="plain", height=90, motion=0, focus=0.6)
            written = ["".join(str(rng.integers(10)) for _ in text) for text in texts]
            yield render(written, look, hand, rng).gray

    return make


def empty(frames: int, seed: int) -> Iterator[Gray]:
    """Papers, tables and corners of pages with nothing on them."""
    hand = Hand(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))
    recorded = _named("empty-blank", "empty-table", "empty-page-corner")
    yield from _recorded(recorded)
    for number in range(frames - len(recorded)):
        rng = np.random.default_rng([seed, 0, number])
        look = random_look(rng, paper=list(PAPERS)[number % len(PAPERS)])
        yield render([], look, hand, rng).gray


def cluttered(frames: int, seed: int) -> Iterator[Gray]:
    """Keyboards, cables, print, letters: everything that is no digit."""
    recorded = _named("empty-cables", "empty-keyboard", "empty-print", "empty-letters", "empty-objects")
    yield from _recorded(recorded)
    families = list(CLUTTER)
    for number in range(frames - len(recorded)):
        rng = np.random.default_rng([seed, 99, number])
        yield render_clutter(families[number % len(families)], random_look(rng), rng).gray


KINDS: dict[str, Callable[[int, int], Iterator[Gray]]] = {
    "recorded": recorded,
    "one digit": with_digits(["0"]),
    "4 digits": with_digits(["0000"]),
    "12 digits": with_digits(["0000", "0000", "0000"]),
    "empty": empty,
    "cluttered": cluttered,
}


def enlarged(gray: Gray) -> Gray:
    """The picture as a camera of 1280x720 would take it, with more to both sides."""
    tall = cv2.resize(gray, (960, 720), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.copyMakeBorder(tall, 0, 0, 160, 160, cv2.BORDER_REFLECT), np.uint8)


def _named(*kinds: str) -> list[str]:
    return [name for name in read_labels(shipped.frames()) if any(kind in name for kind in kinds)]


def _recorded(names: Sequence[str]) -> Iterator[Gray]:
    for name in names:
        yield read_still(shipped.frames() / name).gray


if __name__ == "__main__":
    typer.run(main)
