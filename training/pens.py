"""Draws digits and other marks stroke by stroke, as hands do and MNIST does not.

Real papers hold slashed zeros, ones with a flag and a foot, crossed sevens, open fours, nines like a g. Each
shape here is a few strokes through control points, bent a little differently every time.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

T = TypeVar("T")
Points = Sequence[tuple[float, float]]
Line = NDArray[np.float32]
"""Points `(n, 2)` that a pen goes through."""
Pressure = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From how far along its line a pen is to how much of its thickness shows there, both 0 to 1."""
Shape = Sequence[Points]
"""Strokes through points `(x, y)` in a unit square, y downwards; a point given twice is a corner."""

# fmt: off
_LOOP = [(0.52, 0.0), (0.15, 0.18), (0.02, 0.5), (0.15, 0.85), (0.5, 1.0), (0.85, 0.82), (0.98, 0.5), (0.85, 0.15)]
_EIGHT = [(0.82, 0.1), (0.5, 0.0), (0.15, 0.12), (0.2, 0.36), (0.55, 0.5), (0.88, 0.7), (0.8, 0.94), (0.45, 1.0)]

DIGITS: dict[int, Sequence[Shape]] = {
    0: [
        [[*_LOOP, (0.5, 0.0)]],
        [[*_LOOP, (0.6, 0.03), (0.4, 0.02)]],
        [[(0.6, 0.02), (0.25, 0.1), (0.05, 0.5), (0.2, 0.9), (0.55, 1.0), (0.9, 0.75), (0.95, 0.35), (0.7, 0.05)]],
        [[(0.35, 0.02), (0.75, 0.1), (0.95, 0.5), (0.75, 0.92), (0.4, 1.0), (0.1, 0.8), (0.04, 0.4), (0.35, 0.02)]],
        [[*_LOOP, (0.5, 0.0)], [(0.85, 0.14), (0.15, 0.86)]],
        [[*_LOOP, (0.5, 0.0)], [(1.12, 0.0), (-0.12, 1.02)]],
        [[*_LOOP, (0.5, 0.0)], [(0.15, 0.14), (0.85, 0.86)]],
    ],
    1: [
        [[(0.5, 0.0), (0.5, 0.5), (0.5, 1.0)]],
        [[(0.58, 0.0), (0.5, 0.5), (0.42, 1.0)]],
        [[(0.2, 0.28), (0.55, 0.0), (0.55, 0.0), (0.54, 0.5), (0.52, 1.0)]],
        [[(0.05, 0.4), (0.3, 0.22), (0.6, 0.0), (0.6, 0.0), (0.58, 0.5), (0.55, 1.0)]],
        [[(0.0, 0.5), (0.6, 0.0), (0.6, 0.0), (0.55, 0.5), (0.5, 1.0)]],
        [[(0.2, 0.25), (0.52, 0.0), (0.52, 0.0), (0.52, 0.5), (0.52, 1.0)], [(0.2, 1.0), (0.5, 0.99), (0.85, 1.0)]],
        [[(0.15, 0.3), (0.5, 0.02), (0.5, 0.02), (0.5, 1.0), (0.5, 1.0), (0.2, 1.0), (0.2, 1.0), (0.8, 0.98)]],
        [[(0.22, 0.36), (0.4, 0.2), (0.5, 0.0), (0.5, 0.0), (0.5, 0.5), (0.5, 1.0)], [(0.05, 1.0), (0.95, 1.0)]],
    ],
    2: [
        [[(0.08, 0.25), (0.3, 0.03), (0.7, 0.04), (0.85, 0.28), (0.6, 0.6), (0.05, 1.0), (0.05, 1.0), (0.95, 0.97)]],
        [[(0.1, 0.3), (0.35, 0.0), (0.8, 0.1), (0.8, 0.4), (0.4, 0.8), (0.1, 0.95), (0.1, 0.8), (0.3, 0.82), (0.6, 1.0),
          (0.98, 0.92)]],
        [[(0.05, 0.2), (0.4, 0.0), (0.82, 0.15), (0.7, 0.5), (0.3, 0.85), (0.05, 1.0), (0.05, 1.0), (0.5, 0.93),
          (1.0, 1.0)]],
        [[(0.05, 0.05), (0.85, 0.03), (0.85, 0.03), (0.05, 1.0), (0.05, 1.0), (0.95, 1.0)]],
        [[(0.15, 0.12), (0.5, 0.0), (0.82, 0.2), (0.6, 0.62), (0.2, 0.98), (0.2, 0.98), (0.45, 0.9), (0.9, 1.0)]],
    ],
    3: [
        [[(0.1, 0.12), (0.45, 0.0), (0.82, 0.14), (0.75, 0.38), (0.4, 0.47), (0.4, 0.47), (0.85, 0.6), (0.9, 0.85),
          (0.5, 1.0), (0.05, 0.88)]],
        [[(0.1, 0.03), (0.85, 0.02), (0.85, 0.02), (0.4, 0.42), (0.4, 0.42), (0.8, 0.52), (0.9, 0.78), (0.5, 1.0),
          (0.05, 0.9)]],
        [[(0.15, 0.1), (0.55, 0.0), (0.8, 0.2), (0.55, 0.42), (0.35, 0.46), (0.55, 0.48), (0.88, 0.7), (0.6, 0.98),
          (0.1, 0.95)]],
        [[(0.2, 0.2), (0.45, 0.0), (0.75, 0.2), (0.5, 0.45), (0.5, 0.45), (0.95, 0.75), (0.6, 1.0), (0.2, 0.95),
          (0.15, 0.8)]],
    ],
    4: [
        [[(0.45, 0.0), (0.25, 0.3), (0.0, 0.65), (0.0, 0.65), (0.95, 0.62)], [(0.7, 0.3), (0.66, 0.65), (0.62, 1.0)]],
        [[(0.15, 0.02), (0.1, 0.3), (0.08, 0.52), (0.08, 0.52), (0.9, 0.5)], [(0.78, 0.05), (0.75, 0.5), (0.7, 1.0)]],
        [[(0.7, 0.0), (0.0, 0.68), (0.0, 0.68), (1.0, 0.66)], [(0.7, 0.0), (0.7, 0.5), (0.7, 1.0)]],
        [[(0.65, 1.0), (0.68, 0.0), (0.68, 0.0), (0.02, 0.7), (0.02, 0.7), (0.98, 0.7)]],
        [[(0.1, 0.0), (0.06, 0.35), (0.3, 0.5), (0.75, 0.42), (0.75, 0.42), (0.9, 0.02), (0.9, 0.02), (0.7, 1.0)]],
        [[(0.3, 0.05), (0.0, 0.58), (0.0, 0.58), (0.9, 0.55)], [(0.62, 0.3), (0.5, 1.0)]],
        [[(0.1, 0.05), (0.1, 0.5), (0.1, 0.5), (0.95, 0.5)], [(0.72, 0.0), (0.72, 1.0)]],
        [[(0.3, 0.08), (0.05, 0.6), (0.05, 0.6), (0.5, 0.62), (0.95, 0.56)], [(0.7, 0.4), (0.62, 1.0)]],
    ],
    5: [
        [[(0.85, 0.02), (0.2, 0.04), (0.2, 0.04), (0.15, 0.42), (0.15, 0.42), (0.55, 0.38), (0.88, 0.62), (0.65, 0.95),
          (0.05, 0.95)]],
        [[(0.2, 0.05), (0.15, 0.45), (0.15, 0.45), (0.55, 0.4), (0.9, 0.65), (0.6, 1.0), (0.05, 0.92)],
         [(0.2, 0.04), (0.55, 0.05), (0.95, 0.0)]],
        [[(0.3, 0.1), (0.2, 0.4), (0.6, 0.45), (0.85, 0.7), (0.5, 1.0), (0.0, 0.9)], [(0.33, 0.03), (0.95, 0.0)]],
        [[(0.95, 0.0), (0.35, 0.02), (0.35, 0.02), (0.12, 0.45), (0.5, 0.4), (0.8, 0.6), (0.6, 0.95), (0.0, 1.0)]],
    ],
    6: [
        [[(0.75, 0.02), (0.3, 0.25), (0.05, 0.65), (0.25, 0.97), (0.7, 0.98), (0.9, 0.72), (0.6, 0.5), (0.12, 0.65)]],
        [[(0.45, 0.0), (0.15, 0.4), (0.05, 0.75), (0.35, 1.0), (0.8, 0.9), (0.85, 0.65), (0.5, 0.52), (0.1, 0.72)]],
        [[(0.9, 0.08), (0.6, 0.0), (0.2, 0.25), (0.05, 0.65), (0.3, 1.0), (0.75, 0.95), (0.88, 0.7), (0.55, 0.5),
          (0.1, 0.7)]],
        [[(0.3, 0.0), (0.1, 0.5), (0.2, 0.92), (0.6, 1.0), (0.9, 0.8), (0.6, 0.6), (0.2, 0.8)]],
    ],
    7: [
        [[(0.05, 0.05), (0.9, 0.02), (0.9, 0.02), (0.55, 0.5), (0.35, 1.0)]],
        [[(0.05, 0.05), (0.92, 0.03), (0.92, 0.03), (0.5, 0.55), (0.4, 1.0)], [(0.2, 0.5), (0.85, 0.46)]],
        [[(0.1, 0.08), (0.6, 0.06), (0.9, 0.0), (0.9, 0.0), (0.6, 0.4), (0.45, 1.0)], [(0.1, 0.52), (0.98, 0.42)]],
        [[(0.05, 0.2), (0.07, 0.04), (0.07, 0.04), (0.9, 0.02), (0.9, 0.02), (0.6, 0.45), (0.5, 1.0)]],
        [[(0.0, 0.1), (0.3, 0.02), (0.55, 0.1), (0.95, 0.02), (0.95, 0.02), (0.55, 0.55), (0.3, 1.0)]],
        [[(0.05, 0.18), (0.08, 0.05), (0.9, 0.05), (0.9, 0.05), (0.5, 1.0)], [(0.3, 0.5), (0.9, 0.5)]],
        [[(0.1, 0.06), (0.75, 0.02), (0.75, 0.02), (0.6, 0.35), (0.45, 1.15)]],
        [[(0.12, 0.12), (0.14, 0.02), (0.14, 0.02), (0.7, 0.0), (0.7, 0.0), (0.55, 0.4), (0.4, 1.1)],
         [(0.3, 0.42), (0.75, 0.38)]],
    ],
    8: [
        [[*_EIGHT, (0.1, 0.88), (0.18, 0.65), (0.5, 0.48), (0.82, 0.3), (0.82, 0.1)]],
        [[(0.5, 0.46), (0.15, 0.3), (0.3, 0.02), (0.7, 0.02), (0.85, 0.28), (0.5, 0.46), (0.08, 0.7), (0.3, 1.0),
          (0.72, 1.0), (0.92, 0.72), (0.5, 0.46)]],
        [[(0.9, 0.12), (0.55, 0.0), (0.2, 0.14), (0.35, 0.4), (0.75, 0.62), (0.75, 0.92), (0.4, 1.0), (0.1, 0.85),
          (0.3, 0.6), (0.7, 0.38), (0.92, 0.15)]],
    ],
    9: [
        [[(0.88, 0.2), (0.5, 0.0), (0.08, 0.2), (0.2, 0.48), (0.6, 0.48), (0.88, 0.2), (0.88, 0.2), (0.85, 0.6),
          (0.75, 1.0)]],
        [[(0.85, 0.22), (0.5, 0.0), (0.1, 0.22), (0.35, 0.5), (0.85, 0.25), (0.85, 0.25), (0.88, 0.75), (0.55, 1.0),
          (0.1, 0.9)]],
        [[(0.8, 0.1), (0.4, 0.02), (0.1, 0.25), (0.4, 0.48), (0.8, 0.15), (0.8, 0.15), (0.7, 0.6), (0.6, 1.0)]],
        [[(0.9, 0.05), (0.4, 0.0), (0.1, 0.22), (0.4, 0.42), (0.82, 0.2), (0.9, 0.05), (0.85, 0.65), (0.5, 0.98),
          (0.12, 0.85)]],
        [[(0.8, 0.1), (0.4, 0.0), (0.1, 0.2), (0.3, 0.42), (0.75, 0.35), (0.84, 0.05), (0.84, 0.05), (0.86, 0.5),
          (0.8, 0.9), (0.45, 1.0), (0.1, 0.82)]],
        [[(0.85, 0.25), (0.5, 0.0), (0.15, 0.22), (0.5, 0.48), (0.85, 0.25), (0.85, 0.25), (0.85, 1.0)]],
    ],
}

# None that a person could take for a digit: no slash (1), box or D (0), Y (4), & (8).
_ARC = [(1.0, 0.0), (0.45, 0.22), (0.3, 0.5), (0.45, 0.78), (1.0, 1.0)]

MARKS: dict[str, Shape] = {
    "plus": [[(0.0, 0.5), (1.0, 0.5)], [(0.5, 0.0), (0.5, 1.0)]],
    "minus": [[(0.0, 0.5), (1.0, 0.5)]],
    "times": [[(0.0, 0.0), (1.0, 1.0)], [(1.0, 0.0), (0.0, 1.0)]],
    "curly x": [[(0.05, 0.1), (0.3, 0.05), (0.5, 0.5), (0.7, 0.95), (1.0, 0.9)], [(0.9, 0.0), (0.5, 0.5), (0.1, 1.0)]],
    "star": [[(0.5, 0.0), (0.5, 1.0)], [(0.05, 0.25), (0.95, 0.75)], [(0.05, 0.75), (0.95, 0.25)]],
    "left bracket": [_ARC],
    "right bracket": [[(1 - x, y) for x, y in _ARC]],
    "square bracket": [[(0.9, 0.0), (0.1, 0.0), (0.1, 0.0), (0.1, 1.0), (0.1, 1.0), (0.9, 1.0)]],
    "equals": [[(0.0, 0.3), (1.0, 0.3)], [(0.0, 0.7), (1.0, 0.7)]],
    "question mark": [[(0.1, 0.2), (0.5, 0.0), (0.85, 0.25), (0.5, 0.5), (0.5, 0.75)], [(0.5, 0.95), (0.52, 1.0)]],
    "tick": [[(0.0, 0.55), (0.35, 1.0), (0.35, 1.0), (1.0, 0.0)]],
    "arrow right": [[(0.0, 0.5), (1.0, 0.5)], [(0.7, 0.2), (1.0, 0.5), (1.0, 0.5), (0.7, 0.8)]],
    "arrow up": [[(0.5, 0.0), (0.5, 1.0)], [(0.15, 0.35), (0.5, 0.0), (0.5, 0.0), (0.85, 0.35)]],
    "arrow down": [[(0.5, 0.0), (0.5, 1.0)], [(0.15, 0.65), (0.5, 1.0), (0.5, 1.0), (0.85, 0.65)]],
    "triangle": [[(0.5, 0), (0.5, 0), (1, 1), (1, 1), (0, 1), (0, 1), (0.5, 0)]],
    "wave": [[(0.0, 0.5), (0.2, 0.2), (0.4, 0.7), (0.6, 0.3), (0.8, 0.7), (1.0, 0.4)]],
    "hash": [[(0.3, 0.0), (0.25, 1.0)], [(0.75, 0.0), (0.7, 1.0)], [(0.0, 0.33), (1.0, 0.3)], [(0.0, 0.7), (1.0, 0.67)]],
    "A": [[(0.0, 1.0), (0.5, 0.0), (0.5, 0.0), (1.0, 1.0)], [(0.2, 0.62), (0.8, 0.62)]],
    "B": [[(0.1, 0.0), (0.1, 0.0), (0.1, 1.0), (0.1, 1.0)], [(0.0, 0.02), (0.7, 0.05), (0.75, 0.38), (0.15, 0.48),
           (0.15, 0.48), (0.85, 0.55), (0.85, 0.92), (0.0, 1.0)]],
    "C": [[(0.9, 0.15), (0.5, 0.0), (0.05, 0.45), (0.4, 1.0), (0.95, 0.85)]],
    "E": [[(0.9, 0.0), (0.1, 0.0), (0.1, 0.0), (0.1, 1.0), (0.1, 1.0), (0.9, 1.0)], [(0.1, 0.5), (0.75, 0.5)]],
    "F": [[(0.9, 0.0), (0.1, 0.0), (0.1, 0.0), (0.1, 1.0)], [(0.1, 0.48), (0.7, 0.48)]],
    "H": [[(0.1, 0.0), (0.1, 1.0)], [(0.9, 0.0), (0.9, 1.0)], [(0.1, 0.5), (0.9, 0.5)]],
    "K": [[(0.1, 0.0), (0.1, 1.0)], [(0.85, 0.0), (0.12, 0.55), (0.12, 0.55), (0.9, 1.0)]],
    "L": [[(0.15, 0.0), (0.12, 1.0), (0.12, 1.0), (0.9, 1.0)]],
    "M": [[(0.0, 1.0), (0.1, 0.0), (0.1, 0.0), (0.5, 0.7), (0.5, 0.7), (0.9, 0.0), (0.9, 0.0), (1.0, 1.0)]],
    "N": [[(0.05, 1.0), (0.1, 0.0), (0.1, 0.0), (0.9, 1.0), (0.9, 1.0), (0.95, 0.0)]],
    "P": [[(0.15, 1.0), (0.15, 0.0), (0.15, 0.0), (0.75, 0.08), (0.8, 0.4), (0.15, 0.52)]],
    "R": [[(0.15, 1.0), (0.15, 0.0), (0.15, 0.0), (0.8, 0.08), (0.75, 0.42), (0.18, 0.5), (0.18, 0.5), (0.9, 1.0)]],
    "T": [[(0.0, 0.02), (1.0, 0.0)], [(0.5, 0.0), (0.5, 1.0)]],
    "U": [[(0.1, 0.0), (0.1, 0.7), (0.5, 1.0), (0.9, 0.7), (0.9, 0.0)]],
    "V": [[(0.0, 0.0), (0.5, 1.0), (0.5, 1.0), (1.0, 0.0)]],
    "W": [[(0.0, 0.0), (0.25, 1.0), (0.25, 1.0), (0.5, 0.3), (0.5, 0.3), (0.75, 1.0), (0.75, 1.0), (1.0, 0.0)]],
    "a": [[(0.85, 0.2), (0.4, 0.05), (0.05, 0.5), (0.35, 0.95), (0.8, 0.6), (0.85, 0.1), (0.85, 0.1), (0.82, 0.7),
           (1.0, 1.0)]],
    "c": [[(0.85, 0.2), (0.45, 0.05), (0.08, 0.5), (0.45, 0.97), (0.9, 0.8)]],
    "d": [[(0.8, 0.55), (0.4, 0.42), (0.08, 0.7), (0.4, 1.0), (0.8, 0.75), (0.85, 0.0), (0.85, 0.0), (0.85, 1.0)]],
    "e": [[(0.08, 0.5), (0.9, 0.45), (0.9, 0.45), (0.7, 0.08), (0.2, 0.15), (0.08, 0.6), (0.4, 1.0), (0.92, 0.85)]],
    "f": [[(0.85, 0.1), (0.55, 0.0), (0.45, 0.3), (0.42, 1.0)], [(0.15, 0.42), (0.8, 0.4)]],
    "h": [[(0.12, 0.0), (0.12, 1.0), (0.12, 1.0), (0.2, 0.55), (0.6, 0.45), (0.8, 0.65), (0.8, 1.0)]],
    "k": [[(0.15, 0.0), (0.15, 1.0)], [(0.75, 0.4), (0.18, 0.7), (0.18, 0.7), (0.8, 1.0)]],
    "m": [[(0.05, 0.1), (0.05, 1.0), (0.05, 1.0), (0.1, 0.2), (0.4, 0.2), (0.45, 1.0), (0.45, 1.0), (0.5, 0.25),
           (0.85, 0.2), (0.9, 1.0)]],
    "n": [[(0.1, 0.1), (0.1, 1.0), (0.1, 1.0), (0.2, 0.25), (0.6, 0.08), (0.85, 0.3), (0.88, 1.0)]],
    "r": [[(0.2, 0.1), (0.22, 1.0), (0.22, 1.0), (0.3, 0.35), (0.8, 0.1)]],
    "t": [[(0.45, 0.0), (0.42, 0.8), (0.6, 1.0), (0.85, 0.9)], [(0.1, 0.32), (0.85, 0.3)]],
    "w": [[(0.0, 0.1), (0.2, 0.95), (0.5, 0.3), (0.5, 0.3), (0.75, 0.95), (1.0, 0.1)]],
    "pi": [[(0.0, 0.1), (1.0, 0.05)], [(0.3, 0.1), (0.2, 1.0)], [(0.7, 0.1), (0.75, 0.9), (0.9, 1.0)]],
}
# fmt: on


def trace(shape: Shape, rng: np.random.Generator, wobble: float = 0.035) -> list[NDArray[np.float32]]:
    """A shape as one hand would write it this time: smooth lines `float32 (n, 2)` about the unit square."""
    # A bare line bent much is a bracket.
    bend = 0.05 if max(map(len, shape)) > 3 else 0.02
    lines = [_smooth(_shaken(np.array(points, np.float64), rng, wobble)) for points in shape]
    return _bent(lines, rng.uniform(0.3, 0.95), bend, rng)


def curves(shape: Shape) -> list[NDArray[np.float32]]:
    """A shape as it is meant: smooth lines `float32 (n, 2)` in the unit square."""
    return [_smooth(np.array(points)).astype(np.float32) for points in shape]


def again(lines: Sequence[NDArray[np.float32]], rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Lines that a hand wrote once, as it would write them another time."""
    every = np.concatenate(lines)
    low, size = every.min(axis=0), np.ptp(every, axis=0)
    unit = [((line - low - size / 2) / height_of(every) + 0.5).astype(np.float64) for line in lines]
    return _bent(unit, rng.uniform(0.75, 1.25), 0.03, rng)


def _bent(
    lines: Sequence[NDArray[np.float64]], aspect: float, bend: float, rng: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Lines in the unit square bent, stretched, slanted and turned a little."""
    stem = np.exp(rng.normal(0, 0.2))  # some hands write long stems and small bowls
    slant = rng.normal(0.05, 0.18)
    turn = np.deg2rad(rng.normal(0, 5))
    waves = rng.normal(0, bend, size=(2, 2, 2))
    turned = rotation(turn)
    bent = []
    for line in lines:
        line = line + np.stack([_waves(line, waves[0]), _waves(line, waves[1])], axis=1)
        line[:, 1] = np.maximum(line[:, 1], 0) ** stem
        line[:, 0] = (line[:, 0] - 0.5) * aspect - slant * (line[:, 1] - 0.5)
        line[:, 1] -= 0.5
        bent.append((line @ turned.T).astype(np.float32))
    return bent


def rotation(angle: float) -> NDArray[np.float64]:
    """The matrix `(2, 2)` that turns a column vector by an angle in radians."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def any_size(smallest: float, largest: float, rng: np.random.Generator) -> float:
    """A size between two, in each octave as likely."""
    return float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))


def one_of(choices: Sequence[T], rng: np.random.Generator) -> T:
    """One of some, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def draw(
    lines: Sequence[Line], height: float, thickness: float, pressed: Pressure | None = None
) -> NDArray[np.float32]:
    """Lines drawn with a round pen, cut to their bounds: `float32 (h, w)`, 1 where there is ink.

    `height` is the digit's and `thickness` the pen's, both in pixels; below one pixel the ink pales.
    `pressed` says how much of that thickness it has along each line.
    """
    every = np.concatenate(lines)
    scale = max(height - thickness, 0) / height_of(every)
    oversample = 1 if thickness > 12 else 2 if thickness > 4 else 4
    margin = thickness / 2 + 1.5
    low = every.min(axis=0)
    size = np.ceil(np.ptp(every, axis=0) * scale + 2 * margin).astype(int) + 1
    canvas = np.zeros((size[1] * oversample, size[0] * oversample), np.uint8)
    for line in lines:
        pixels = np.round(((line - low) * scale + margin) * oversample * 16).astype(np.int32)
        parts, widths = [pixels], [1.0]
        if pressed is not None and len(pixels) > 1:
            parts = list(sliding_window_view(pixels, 2, 0).swapaxes(1, 2))
            widths = pressed(np.linspace(0, 1, len(parts))).tolist()
        for part, width in zip(parts, widths, strict=True):
            thick = max(1, round(thickness * oversample * width))
            cv2.polylines(canvas, [part], False, 255, thick, cv2.LINE_AA, shift=4)
    small = cv2.resize(canvas, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def height_of(points: Line) -> float:
    """How high a digit with these points is taken to be; a flat one is no wider than it would be high."""
    width, height = np.ptp(points, axis=0).tolist()
    return max(height, 0.6 * width, 1e-3)


def _shaken(points: NDArray[np.float64], rng: np.random.Generator, wobble: float) -> NDArray[np.float64]:
    moved = rng.normal(0, wobble, points.shape)
    for i in range(1, len(points)):
        if (points[i] == points[i - 1]).all():
            moved[i] = moved[i - 1]  # a corner stays one
    return points + moved


def _smooth(points: NDArray[np.float64], steps: int = 10) -> NDArray[np.float64]:
    """A centripetal-like Catmull-Rom curve through the points (Catmull and Rom, 1974)."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        if (b == c).all():
            continue
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.concatenate([*pieces, points[-1:]])


def _waves(line: NDArray[np.float64], amount: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = np.pi * line[:, 0], np.pi * line[:, 1]
    return (
        amount[0, 0] * np.sin(x)
        + amount[0, 1] * np.sin(y)
        + amount[1, 0] * np.sin(2 * y)
        + amount[1, 1] * np.sin(x + y)
    )
