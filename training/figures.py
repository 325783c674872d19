"""Figures that people draw and wire that lies about: closed lines, as a zero is, and no digits.

Points are as in `training.pens`: in a unit square, y downwards, a point given twice is a corner.
"""

import numpy as np

from training.pens import Points, Shape, again, curves, one_of, rotation
from training.tracing import Lines


def _around(count: int, turn: float = 0, inner: float = 1) -> list[tuple[float, float]]:
    """Points about the middle and the first again, every other one as near to it as `inner` says."""
    angles = 2 * np.pi * (np.arange(count + 1) + turn) / count - np.pi / 2
    far = np.where(np.arange(count + 1) % 2, inner, 1) / 2
    points = np.stack([0.5 + far * np.cos(angles), 0.5 + far * np.sin(angles)], axis=1)
    return [(x, y) for x, y in points.tolist()]


def _ring(x: float, y: float, radius: float) -> Points:
    return [(x + 2 * radius * (p - 0.5), y + 2 * radius * (q - 0.5)) for p, q in _around(8)]


def _corners(*points: tuple[float, float]) -> Points:
    return [point for point in points for _ in range(2)]


_FACE = _ring(0.5, 0.5, 0.5)
_BOX = _corners((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
_HEART = [(0.5, 0.28), (0.5, 0.28), (0.3, 0.02), (0.02, 0.2), (0.1, 0.55), (0.5, 1), (0.5, 1)]
_MIRRORED = [(1 - x, y) for x, y in _HEART[::-1]]

FIGURES: dict[str, Shape] = {
    "box": [_BOX],
    "ticked box": [_BOX, [(0.2, 0.5), (0.45, 0.85), (0.45, 0.85), (1.1, -0.2)]],
    "crossed box": [_BOX, [(0.15, 0.15), (0.85, 0.85)], [(0.85, 0.15), (0.15, 0.85)]],
    "box in a box": [_BOX, _corners((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75), (0.25, 0.25))],
    "envelope": [_BOX, _corners((0, 0), (0.5, 0.6), (1, 0))],
    "window": [_BOX, [(0.5, 0), (0.5, 1)], [(0, 0.5), (1, 0.5)]],
    "diamond": [_corners(*_around(4))],
    "pentagon": [_corners(*_around(5))],
    "hexagon": [_corners(*_around(6, 0.5))],
    "triangle down": [_corners((0, 0), (1, 0), (0.5, 1), (0, 0))],
    "two triangles": [_corners((0.5, 0), (0.95, 0.75), (0.05, 0.75), (0.5, 0)),
                      _corners((0.5, 1), (0.05, 0.25), (0.95, 0.25), (0.5, 1))],
    "star of one line": [_corners(*(_around(5)[2 * k % 5] for k in range(6)))],
    "star": [_corners(*_around(10, inner=0.4))],
    "house": [_corners((0.1, 1), (0.1, 0.45), (0.9, 0.45), (0.9, 1), (0.1, 1)),
              _corners((0, 0.5), (0.5, 0), (1, 0.5))],
    "house with a door": [_corners((0.05, 1), (0.05, 0.45), (0.5, 0), (0.95, 0.45), (0.95, 1), (0.05, 1)),
                          _corners((0.4, 1), (0.4, 0.65), (0.6, 0.65), (0.6, 1))],
    "heart": [_HEART + _MIRRORED],
    "smile": [_FACE, [(0.33, 0.3), (0.33, 0.42)], [(0.67, 0.3), (0.67, 0.42)],
              [(0.25, 0.62), (0.5, 0.8), (0.75, 0.62)]],
    "crossed ring": [_FACE, [(0.15, 0.15), (0.85, 0.85)], [(0.85, 0.15), (0.15, 0.85)]],
    "target": [_FACE, _ring(0.5, 0.5, 0.25)],
    "clock": [_FACE, [(0.5, 0.15), (0.5, 0.5), (0.5, 0.5), (0.75, 0.6)]],
    "sun": [_ring(0.5, 0.5, 0.22), *([(0.5 + 0.32 * np.cos(a), 0.5 + 0.32 * np.sin(a)),
                                      (0.5 + 0.5 * np.cos(a), 0.5 + 0.5 * np.sin(a))]
                                     for a in np.arange(0, 2 * np.pi, np.pi / 4))],
    "flower": [_ring(0.5, 0.5, 0.15), *(_ring(0.5 + 0.32 * np.cos(a), 0.5 + 0.32 * np.sin(a), 0.16)
                                        for a in np.arange(5) * 2 * np.pi / 5)],
    "cloud": [[(0.2, 0.9), (0.0, 0.7), (0.2, 0.5), (0.2, 0.5), (0.3, 0.2), (0.6, 0.25), (0.6, 0.25),
               (0.85, 0.25), (0.85, 0.5), (0.85, 0.5), (1, 0.7), (0.85, 0.9), (0.2, 0.9)]],
    "moon": [[(0.65, 0), (0.65, 0), (0.15, 0.2), (0.1, 0.75), (0.65, 1), (0.65, 1),
              (0.4, 0.75), (0.4, 0.25), (0.65, 0)]],
    "fish": [[(1, 0.2), (1, 0.2), (0.6, 0.55), (0.25, 0.7), (0, 0.5), (0.25, 0.3), (0.6, 0.45),
              (1, 0.8), (1, 0.8), (1, 0.2)]],
    "tree": [_corners((0.5, 0), (0.95, 0.7), (0.05, 0.7), (0.5, 0)),
             _corners((0.42, 0.7), (0.42, 1), (0.58, 1), (0.58, 0.7))],
    "person": [_ring(0.5, 0.15, 0.14), [(0.5, 0.3), (0.5, 0.65)], [(0.15, 0.42), (0.85, 0.42)],
               _corners((0.2, 1), (0.5, 0.65), (0.8, 1))],
    "arrow in outline": [_corners((0, 0.35), (0.55, 0.35), (0.55, 0.1), (1, 0.5), (0.55, 0.9), (0.55, 0.65),
                                  (0, 0.65), (0, 0.35))],
    "lightning": [_corners((0.55, 0), (0.1, 0.6), (0.45, 0.6), (0.3, 1), (0.9, 0.38), (0.5, 0.38),
                           (0.55, 0))],
}  # fmt: skip
"""What is drawn with a pen."""

CLIP: Shape = [[(0.72, 0.28), (0.72, 0.78), (0.66, 0.86), (0.52, 0.9), (0.38, 0.86), (0.32, 0.78),
                (0.32, 0.14), (0.4, 0.04), (0.65, 0), (0.9, 0.04), (0.98, 0.14), (0.98, 0.86),
                (0.85, 0.96), (0.55, 1), (0.2, 0.96), (0.06, 0.84), (0.06, 0.3)]]  # fmt: skip
"""A paper clip, upright."""


def figure(rng: np.random.Generator) -> Lines:
    """One of the figures, drawn this once; hardly narrower than high, for a narrow box may be a zero."""
    return again(curves(FIGURES[one_of(list(FIGURES), rng)]), rng)


def clip(rng: np.random.Generator) -> Lines:
    """A paper clip of some make, lying anyhow."""
    (wire,) = curves(CLIP)
    stretched = wire * (rng.uniform(0.18, 0.4), 1)
    return [(stretched @ rotation(rng.uniform(0, 2 * np.pi)).T).astype(np.float32)]
