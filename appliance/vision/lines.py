"""Finds ruled lines, and strokes that are but the rest of them or the sides of printed cells: no writing."""

from itertools import compress

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.components import components, labelled
from appliance.vision.stroke import Stroke

_MOSTLY = 0.7  # of a stroke's pixels
_END = 8  # pixels from either end of a cell's side, at least, within which a line must be met
_SIDE_OF_CELL = 0.2  # shorter by longer side, at most
_LINE = 64  # pixels that a ruled line runs straight on
RUNS_ON = 0.4  # of the frame: how long it is altogether
_OVER_GAPS, _OVER_STEPS = 15, 5  # pixels: a printed line breaks off, and one not quite upright has steps
_CROSSED = 1.5  # times as thick as the line is what crosses it
_CELL = 16  # pixels: a smaller hole is none
_FEW_CELLS = 4  # two eights that touch have as many holes


def _is_large(stroke: Stroke, shape: tuple[int, ...]) -> bool:
    """Whether a stroke, however straight, may be that of a large digit."""
    return stroke.height > RUNS_ON * shape[0] or stroke.width > RUNS_ON * shape[1]


def lies_on(stroke: Stroke, lines: NDArray[np.uint8]) -> bool:
    """Whether a stroke is but the rest of ruled lines."""
    if _is_large(stroke, lines.shape):
        return False
    x, y, width, height = stroke.box
    own = stroke.ink > 0
    met = int(np.count_nonzero(lines[y : y + height, x : x + width][own]))
    return met > _MOSTLY * int(np.count_nonzero(own))


def joins(stroke: Stroke, lines: NDArray[np.uint8], faint: NDArray[np.uint8]) -> bool:
    """Whether a bare stroke runs from one line to another, if faintly, as the side of a printed cell does."""
    x, y, width, height = stroke.box
    if not _is_bare(stroke) or _is_large(stroke, lines.shape):
        return False
    if width > height:
        x, y, width, height, lines, faint = y, x, height, width, lines.T, faint.T
    top = max(0, y - _LINE // 2)
    band = slice(top, y + height + _LINE // 2), slice(max(0, x - 1), x + width + 1)
    inked = faint[band].max(axis=1) > 0
    met = lines[band].max(axis=1) > 0
    middle = y + height // 2 - top
    begins = int(np.flatnonzero(np.append(True, ~inked[:middle]))[-1])
    ends = middle + int(np.flatnonzero(np.append(~inked[middle:], True))[0])
    end = max(_END, height // 5)
    return bool(met[begins : begins + end].any() and met[max(0, ends - end) : ends].any())


def _is_bare(stroke: Stroke) -> bool:
    """Whether a stroke, however it slants, is long and thin."""
    _, sides, _ = cv2.minAreaRect(cv2.findNonZero(stroke.ink))
    return min(sides) <= _SIDE_OF_CELL * max(sides)


def has_cells(piece: NDArray[np.uint8]) -> bool:
    """Whether a connected piece has more holes than digits that touch, as squares have."""
    outlines, hierarchy = cv2.findContours(piece, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    is_hole = hierarchy[0, :, 3] >= 0
    return sum(cv2.contourArea(hole) > _CELL for hole in compress(outlines, is_hole)) > _FEW_CELLS


def lines_in(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where long thin lines run, down and across, but for where a stroke crosses them."""
    return _lines_down(mask) | cv2.transpose(_lines_down(cv2.transpose(mask)))


def _runs_down(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where strokes run straight down, gaps and steps closed."""
    wide = cv2.dilate(mask, np.ones((_OVER_GAPS, _OVER_STEPS), np.uint8))
    return cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones((_LINE, 1), np.uint8))


def _close_across(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lines across, as of narrow ruled paper, that with the gaps between them closed would run down."""
    across = cv2.dilate(mask, np.ones((_OVER_STEPS, 1), np.uint8))
    across = cv2.morphologyEx(across, cv2.MORPH_OPEN, np.ones((1, _LINE), np.uint8))
    return across & _runs_down(across)


def _lines_down(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels, stats = components(_runs_down(mask & ~_close_across(mask)))
    runs_on = stats[:, cv2.CC_STAT_HEIGHT] > RUNS_ON * mask.shape[0]
    runs_on[0] = False
    if not runs_on.any():
        return np.zeros_like(mask)
    lines = mask * labelled(labels, np.flatnonzero(runs_on))
    thickness = np.count_nonzero(lines) / max(1, int(stats[runs_on, cv2.CC_STAT_HEIGHT].sum()))
    crossing = np.ones((1, 2 + int(_CROSSED * thickness)), np.uint8)
    return lines & ~cv2.morphologyEx(mask, cv2.MORPH_OPEN, crossing)
