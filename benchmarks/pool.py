"""Work on every core: scenes are rendered and read by workers, each with a reader and a hand of its own."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from appliance.network import load
from appliance.reader import Reader
from benchmarks.plain import PlainReader
from benchmarks.report import Failure
from training.mnist import Digits
from training.scenes import Hand

_DRAWN = 6  # failures of each name

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Job:
    """One scene or sequence, by the name of what it shows and its number."""

    name: str
    case: int
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """The same numbers whenever it is asked, and in whatever company it is rendered."""
        return np.random.default_rng([self.seed, *self.name.encode(), self.case])


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker works with; `hand` writes the MNIST digits it was given, and draws none."""

    reader: Reader
    plain: PlainReader
    hand: Hand

    @classmethod
    def of(cls, weights: Path, digits: Digits) -> "Tools":
        """Raises `WeightsError` as `Reader`."""
        hand = Hand(np.asarray(digits.images), np.asarray(digits.labels), own=1)
        return cls(Reader(weights), PlainReader(load(weights)[0]), hand)


Work = Callable[[Tools, Job], tuple[Outcome, Failure | None]]


class Pool:
    """The workers, one a core; a context manager."""

    def __init__(self, weights: Path, digits: Digits) -> None:
        """Raises `WeightsError` if the weights cannot be used."""
        Tools.of(weights, digits)
        # OpenCV's threads do not survive a fork.
        spawn = multiprocessing.get_context("spawn")
        self._workers = ProcessPoolExecutor(os.cpu_count(), spawn, _open, (weights, digits))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.shutdown(cancel_futures=True)

    def measure(
        self, work: Work[Outcome], names: Iterable[str], cases: int, seed: int
    ) -> tuple[dict[str, list[Outcome]], list[Failure]]:
        """What came of so many cases of each name, and the first failures of each."""
        jobs = [Job(name, case, seed) for name in names for case in range(cases)]
        results = self._workers.map(partial(_with_tools, work), jobs, chunksize=4)
        bar = Console(stderr=True)
        outcomes: dict[str, list[Outcome]] = {job.name: [] for job in jobs}
        failures: dict[str, list[Failure]] = {job.name: [] for job in jobs}
        for job, (outcome, failure) in zip(
            jobs, track(results, "", len(jobs), console=bar, transient=True), strict=True
        ):
            outcomes[job.name].append(outcome)
            if failure and len(failures[job.name]) < _DRAWN:
                failures[job.name].append(failure)
        return outcomes, [failure for some in failures.values() for failure in some]


_tools: Tools


def _open(weights: Path, digits: Digits) -> None:
    global _tools
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _tools = Tools.of(weights, digits)


def _with_tools(work: Work[Outcome], job: Job) -> tuple[Outcome, Failure | None]:
    return work(_tools, job)
