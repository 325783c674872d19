"""Digits drawn by a pen on paper, placed where a test wants them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pens import DIGITS, MARKS, Shape, draw, trace

Ink = NDArray[np.float32]
Gray = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def digit(
    value: int, height: float = 120, thickness: float = 12, way: int = 0, seed: int | None = None
) -> Ink:
    """A digit's ink `float32 (h, w)`, 0 to 1, in one of the ways that `DIGITS` knows.

    Straight from point to point and upright; with a seed, as that hand would write it.
    """
    return _drawn(DIGITS[value][way], height, thickness, seed)


def mark(name: str, height: float = 120, thickness: float = 12, seed: int | None = None) -> Ink:
    """A letter's or sign's ink."""
    return _drawn(MARKS[name], height, thickness, seed)


def _drawn(shape: Shape, height: float, thickness: float, seed: int | None) -> Ink:
    if seed is None:
        lines = [np.array(points, np.float32) * (0.65, 1) for points in shape]
    else:
        lines = trace(shape, np.random.default_rng(seed))
    return draw(lines, height, thickness)


def blank(shape: tuple[int, int] = (480, 640), tone: float = 220) -> Ink:
    """Paper of one tone, in gray levels."""
    return np.full(shape, tone, np.float32)


def write(paper: Ink, ink: Ink, x: int, y: int, tone: float = 40) -> Box:
    """Puts ink on paper with its corner at `(x, y)`; gives the box of what is more ink than paper."""
    place = paper[y : y + ink.shape[0], x : x + ink.shape[1]]
    place += (tone - place) * ink
    rows, columns = np.nonzero(ink > 0.5)
    return (
        x + int(columns.min()),
        y + int(rows.min()),
        int(np.ptp(columns)) + 1,
        int(np.ptp(rows)) + 1,
    )


def write_touching(paper: Ink, one: Ink, other: Ink, x: int, y: int) -> tuple[Box, Box]:
    """Puts two digits side by side, just so close that they touch; gives the box of each."""
    for over in range(one.shape[1]):
        trial = blank(paper.shape, 0)
        left = write(trial, one, x, y, 1)
        right = write(trial, other, x + one.shape[1] - over, y, 1)
        if cv2.connectedComponents((trial > 0.5).astype(np.uint8))[0] == 2:
            write(paper, trial, 0, 0)
            return left, right
    raise AssertionError("they never touch")


def sheet_before_letters() -> Ink:
    """An empty sheet of 320x220 pixels, held before a wall of letters."""
    wall = blank(tone=120)
    for place in range(48):
        write(wall, mark("AEKMRW"[place % 6], 50, 8), 10 + 80 * (place % 8), 10 + 80 * (place // 8))
    wall[130:350, 160:480] = 225
    return wall


def gray(paper: Ink, noise: float = 0, seed: int = 0) -> Gray:
    """The frame that a camera with so many gray levels of noise takes of it."""
    if noise:
        paper = paper + noise * np.random.default_rng(seed).standard_normal(paper.shape, np.float32)
    return np.clip(paper, 0, 255).astype(np.uint8)


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Two boxes' intersection over their union, 0 to 1."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0, wide) * max(0, high)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
