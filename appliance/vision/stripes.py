"""Evens out light that falls on a frame in stripes, as through blinds or between the bars of a window.

Along a stripe nothing changes but what is written there. So at each distance across the stripes most of the
frame is as light as its paper is there, and is made as light as paper is where it is lightest. To a camera
that looks askance stripes converge, and a homography makes them parallel.
"""

from dataclasses import dataclass
from itertools import product
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import FAINTEST, Ink, in_blocks

_COVERED = 0.3  # of a striped frame, at least, is darker than the lightest paper near it
_UNLINED = 5  # blocks: what is less than half as broad is no stripe, but a line of the paper
_SOFT = 1.0  # blocks: a step from block to block tells no direction
_COHERENT = 0.15  # of 1, if all edges were parallel
_NEAR = (20.0, 10.0, 5.0, 3.0)  # degrees from where the edges run: those that tell it better, again and again
_MOST_FANNED = 30.0  # degrees
_STEPS = (0.6, 0.3, 0.15)  # degrees, by which a course is then changed
_WAYS = ((-1, 0), (1, 0), (0, -4), (0, 4))  # across, and fanned,
_MORE = 0.003  # more, at least, a better course tells: some turns only move the blocks from row to row
_STRIPED = 0.5  # of how a frame varies its stripes tell, at least
_SHADE, _FEW = 0.3, 0.1  # of the lightest stripe: where more are darker, they are things, not shade
_LIGHTEST = 0.999  # of an evened frame is no lighter than white
_SAMPLES = 64  # of a stripe's length, at each distance across


@dataclass(frozen=True, slots=True)
class _Course:
    """How stripes run, in degrees."""

    across: float
    """The direction across those in the frame's middle, from the right downwards."""
    fan: float = 0.0
    """How far those in the frame's corner are turned against them."""

    def straightened(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """The homography from a frame to a square, as wide as that across corners, whose rows are stripes."""
        reach = hypot(*shape) / 2
        right, down = np.cos(np.radians(self.across)), np.sin(np.radians(self.across))
        converge = np.radians(self.fan) / reach
        turn = np.array([[-down, right, 0], [right, down, 0], [converge * down, -converge * right, 1]])
        return _moved(reach, reach) @ turn @ _moved((1 - shape[1]) / 2, (1 - shape[0]) / 2)

    def rows(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """In which row of that square each pixel is, `(H, W)`."""
        _, across, far = self.straightened(shape)
        right, down = np.arange(shape[1]), np.arange(shape[0])[:, np.newaxis]
        row, scale = (line[0] * right + (line[1] * down + line[2]) for line in (across, far))
        return np.clip(row / scale, 0, hypot(*shape))


def without_stripes(gray: NDArray[np.uint8], ink: Ink) -> NDArray[np.uint8]:
    """A gray frame `uint8 (H, W)` with this ink, evened out; the same frame if no stripes are in it."""
    course = _stripes(gray) if _is_covered(ink) else None
    return gray if course is None else _evened(gray, course)


def _is_covered(ink: Ink) -> bool:
    few = ink.dark[::4, ::4]
    return bool(np.count_nonzero(few > FAINTEST) > _COVERED * few.size)


def _stripes(gray: NDArray[np.uint8]) -> _Course | None:
    """How a frame's stripes run; None if it has none."""
    unlined = cv2.medianBlur(in_blocks(gray), _UNLINED)
    small = cv2.GaussianBlur(unlined.astype(np.float32), (0, 0), _SOFT)
    course = _course_of_edges(small)
    if course is None:
        return None
    told = _told(small, course)
    for step, (across, fan) in product(_STEPS, _WAYS):
        other = _Course(course.across + step * across, course.fan + step * fan)
        if (more := _told(small, other)) > told + _MORE:
            course, told = other, more
    return course if told > _STRIPED else None


def _course_of_edges(small: NDArray[np.float32]) -> _Course | None:
    """How the edges of a frame `float32 (H, W)` run; None if they run in all directions.

    First as the structure tensor tells (Bigun and Granlund, "Optimal orientation detection of linear
    symmetry", 1987), then by least squares, with how they fan out, as those near that tell.
    """
    right, down = cv2.Scharr(small, cv2.CV_32F, 1, 0), cv2.Scharr(small, cv2.CV_32F, 0, 1)
    strength = right**2 + down**2
    edges = strength > strength.mean()
    right, down, strength = right[edges], down[edges], strength[edges]
    tensor = complex((right**2 - down**2).sum(), (2 * right * down).sum())
    if abs(tensor) <= _COHERENT * strength.sum():
        return None
    course = np.array([np.angle(tensor) / 2, 0.0])
    rows = _Course(np.degrees(course[0])).rows(small.shape)[edges]
    model = np.stack([np.ones_like(rows), 2 * rows / hypot(*small.shape) - 1], axis=1)
    for near in _NEAR:
        off = (np.arctan2(down, right) - model @ course + np.pi / 2) % np.pi - np.pi / 2
        weights = np.sqrt(strength) * (np.abs(off) < np.radians(near))
        course += np.linalg.lstsq(model * weights[:, np.newaxis], off * weights, rcond=None)[0]
    across, fan = np.degrees(course).tolist()
    return _Course(across, min(max(-_MOST_FANNED, fan), _MOST_FANNED))


def _told(small: NDArray[np.float32], course: _Course) -> float:
    """How much of a frame's variance the rows tell that its pixels are in, 0 to 1, if stripes run so."""
    rows = course.rows(small.shape).astype(np.int64).ravel()
    values = (small - small.mean()).ravel()
    counts, sums = np.bincount(rows), np.bincount(rows, values)
    return float((sums**2 / np.maximum(counts, 1)).sum() / max(1e-6, values @ values))


def _evened(gray: NDArray[np.uint8], course: _Course) -> NDArray[np.uint8]:
    """A frame as it would be without stripes; the same frame if they are darker than shade is."""
    straightened = course.straightened(gray.shape)
    levels = _levels(gray, straightened)
    if np.count_nonzero(levels < _SHADE * levels.max()) > _FEW * levels.size:
        return gray
    gains = (levels.max() / np.maximum(levels, 1)).astype(np.float32)
    straightened[0] = 0  # one column is as wide a picture as any
    back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    each = cv2.warpPerspective(
        gains, straightened, gray.shape[::-1], flags=back, borderMode=cv2.BORDER_REPLICATE
    )
    evened = cv2.multiply(gray, each, dtype=cv2.CV_16U)
    # What is lighter than its board would else be cut off as white.
    lightest = float(np.quantile(evened[::4, ::4], _LIGHTEST))
    return cv2.convertScaleAbs(evened, alpha=min(1.0, 255 / lightest))


def _levels(gray: NDArray[np.uint8], straightened: NDArray[np.float64]) -> NDArray[np.uint8]:
    """How light most of each row is, `uint8 (N, 1)`; beyond the frame, as the nearest row in it."""
    side = int(hypot(*gray.shape)) + 1
    few = np.diag([_SAMPLES / side, 1, 1]) @ straightened
    # The nearest pixel, not a mixture: at the rim that would be one with the black beyond it.
    sampled = cv2.warpPerspective(cv2.max(gray, 1), few, (_SAMPLES, side), flags=cv2.INTER_NEAREST)
    rows = np.sort(sampled, axis=1)
    beyond = np.count_nonzero(rows == 0, axis=1)[:, np.newaxis]
    middle = np.minimum((beyond + _SAMPLES) // 2, _SAMPLES - 1)
    seen = np.flatnonzero(beyond < _SAMPLES)
    inside = np.clip(np.arange(side), seen[0], seen[-1])
    return np.take_along_axis(rows, middle, axis=1)[inside]


def _moved(right: float, down: float) -> NDArray[np.float64]:
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1]])
