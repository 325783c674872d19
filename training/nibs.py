"""What a pen leaves where it goes: a round tip a line of one width, others more.

A tip cut straight, as a marker's or a fountain pen's, leaves broad lines one way and thin ones the other; a
soft one, as a brush's, tells how hard it was pressed; a felt one leaves most ink at the edges; and in a hurry
there is no time for curves.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.paper import Picture, pixel
from training.pens import Line, draw, height_of

Nib = Callable[[Sequence[Line], float, float, np.random.Generator], Picture]
"""Draws lines so many pixels high with a pen so thick, as `pens.draw` does."""

_CUT = 0.5  # of its width: how thick a straight tip is
_LEAST_PRESSED = 0.25  # of its width: what a soft tip leaves at least
_RIM = 4.0  # over one in so much of the pen's width its ink pales
_CORNERS = 0.06  # of the height: what bends less is straight in a hurry


def round_tip(lines: Sequence[Line], height: float, thickness: float, rng: np.random.Generator) -> Picture:
    """Lines of one width."""
    return draw(lines, height, thickness)


def straight_tip(lines: Sequence[Line], height: float, thickness: float, rng: np.random.Generator) -> Picture:
    """Lines as broad as they go across the tip's edge."""
    thin = max(1.0, _CUT * thickness)
    reach = round(thickness * rng.uniform(0.3, 0.6))
    angle = rng.uniform(0, np.pi)
    edge = reach * np.array([np.cos(angle), np.sin(angle)])
    tip = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    cv2.line(tip, pixel(reach - edge), pixel(reach + edge), 1)
    picture = draw(lines, max(thin, height - 2 * abs(edge[1])), thin)
    return cv2.dilate(cv2.copyMakeBorder(picture, *[reach] * 4, cv2.BORDER_CONSTANT), tip)


def soft_tip(lines: Sequence[Line], height: float, thickness: float, rng: np.random.Generator) -> Picture:
    """Lines that thin out towards their end, or swell and thin."""
    fades, phase, swells = rng.random() < 0.5, rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2)

    def pressed(way: NDArray[np.float64]) -> NDArray[np.float64]:
        share = 1 - way if fades else (1 + np.sin(phase + 2 * np.pi * swells * way)) / 2
        return _LEAST_PRESSED + (1 - _LEAST_PRESSED) * share

    return draw(lines, height, thickness, pressed)


def felt_tip(lines: Sequence[Line], height: float, thickness: float, rng: np.random.Generator) -> Picture:
    """Lines whose ink has run to their edges."""
    picture = draw(lines, height, thickness)
    inked = cv2.copyMakeBorder((picture > 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    away = cv2.distanceTransform(inked, cv2.DIST_L2, 3)[1:-1, 1:-1] / thickness
    return picture * (1 - rng.uniform(0.2, 0.7) * np.clip(_RIM * (away - 0.15), 0, 1))


def in_a_hurry(lines: Sequence[Line], height: float, thickness: float, rng: np.random.Generator) -> Picture:
    """Straight lines from corner to corner."""
    least = _CORNERS * rng.uniform(0.3, 1) * height_of(np.concatenate(lines))
    return draw([cv2.approxPolyDP(line, least, closed=False)[:, 0] for line in lines], height, thickness)


NIBS: Sequence[Nib] = (*(6 * [round_tip]), straight_tip, soft_tip, felt_tip, in_a_hurry)
"""Those that hands write with, each as often as it is here."""
