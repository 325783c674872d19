"""How people write digits where MNIST's writers did not: shapes and hands, none of them trained on.

Points are as in `training.pens`: in a unit square, y downwards, a point given twice is a corner.
"""

import numpy as np

from training.hands import written
from training.nibs import Nib
from training.pens import Shape, again, one_of, trace
from training.scenes import Hand
from training.tracing import Lines

# fmt: off
# ruff: noqa: E501 - tables of points read best a stroke a line
SHAPES: dict[str, tuple[int, Shape]] = {
    "1 with a flag": (1, [[(0.16, 0.32), (0.5, 0.0), (0.5, 0.0), (0.52, 0.5), (0.5, 1.0)]]),
    "1 with a flag and a foot": (1, [[(0.14, 0.32), (0.5, 0.0), (0.5, 0.0), (0.5, 0.5), (0.49, 1.0)],
                                     [(0.12, 0.99), (0.5, 1.0), (0.88, 0.98)]]),
    "2 with a loop": (2, [[(0.12, 0.26), (0.42, 0.0), (0.8, 0.18), (0.7, 0.52), (0.3, 0.9), (0.08, 0.9), (0.16, 0.74),
                           (0.42, 0.84), (0.7, 0.98), (0.96, 0.88)]]),
    "2 like a z": (2, [[(0.1, 0.12), (0.5, 0.03), (0.86, 0.08), (0.86, 0.08), (0.1, 0.98), (0.1, 0.98), (0.92, 0.97)]]),
    "3 with a flat top": (3, [[(0.1, 0.02), (0.84, 0.03), (0.84, 0.03), (0.42, 0.42), (0.42, 0.42), (0.82, 0.52),
                               (0.9, 0.78), (0.55, 1.0), (0.08, 0.9)]]),
    "4 open": (4, [[(0.24, 0.0), (0.14, 0.3), (0.06, 0.56), (0.06, 0.56), (0.92, 0.56)],
                   [(0.72, 0.16), (0.7, 0.55), (0.66, 1.0)]]),
    "4 closed": (4, [[(0.64, 1.0), (0.66, 0.5), (0.66, 0.0), (0.66, 0.0), (0.04, 0.66), (0.04, 0.66), (0.98, 0.66)]]),
    "5 with its bar apart": (5, [[(0.2, 0.08), (0.16, 0.44), (0.16, 0.44), (0.5, 0.36), (0.86, 0.58), (0.72, 0.92),
                                  (0.3, 1.0), (0.04, 0.9)], [(0.3, 0.04), (0.6, 0.03), (0.95, 0.0)]]),
    "6 nearly straight": (6, [[(0.66, 0.0), (0.3, 0.4), (0.1, 0.72), (0.28, 0.98), (0.7, 0.95), (0.8, 0.7), (0.5, 0.56),
                               (0.14, 0.76)]]),
    "7 crossed": (7, [[(0.06, 0.06), (0.5, 0.03), (0.92, 0.04), (0.92, 0.04), (0.62, 0.5), (0.42, 1.0)],
                      [(0.28, 0.5), (0.58, 0.5), (0.9, 0.47)]]),
    "7 with a serif": (7, [[(0.07, 0.16), (0.06, 0.03), (0.06, 0.03), (0.5, 0.06), (0.94, 0.03), (0.94, 0.03),
                            (0.66, 0.44), (0.5, 1.0)]]),
    "8 of two rings": (8, [[(0.5, 0.45), (0.2, 0.36), (0.2, 0.1), (0.5, 0.0), (0.8, 0.12), (0.78, 0.36), (0.5, 0.45)],
                           [(0.5, 0.46), (0.12, 0.6), (0.12, 0.9), (0.5, 1.0), (0.88, 0.9), (0.86, 0.6), (0.5, 0.46)]]),
    "9 like a g": (9, [[(0.84, 0.14), (0.5, 0.0), (0.14, 0.14), (0.22, 0.42), (0.6, 0.44), (0.85, 0.12), (0.85, 0.12),
                        (0.88, 0.72), (0.58, 1.0), (0.14, 0.88)]]),
    "9 with a straight leg": (9, [[(0.82, 0.2), (0.5, 0.0), (0.16, 0.18), (0.3, 0.46), (0.66, 0.4), (0.82, 0.12),
                                   (0.82, 0.12), (0.8, 0.56), (0.78, 1.0)]]),
}
# fmt: on


class Others(Hand):
    """Writes as the hands do that no training sees."""

    def __init__(self) -> None:
        pass

    def lines(self, value: int, rng: np.random.Generator) -> Lines:
        """As one of them writes this digit."""
        return again(one_of(written(str(value), measured=True), rng), rng)


class Shaped(Hand):
    """Writes every digit in one shape."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def lines(self, value: int, rng: np.random.Generator) -> Lines:
        """The shape; `value` is for the caller to know."""
        return trace(self._shape, rng)


class Holding(Hand):
    """Writes as another hand does, with a nib of its own."""

    def __init__(self, hand: Hand, nib: Nib) -> None:
        self._hand = hand
        self._nibs = (nib,)

    def lines(self, value: int, rng: np.random.Generator) -> Lines:
        """As the other writes this digit."""
        return self._hand.lines(value, rng)
