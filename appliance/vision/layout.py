"""Arranges strokes in rows and proposes which of them may be a digit together.

Nothing is decided here that needs to know what a digit looks like: where strokes may belong together,
every sensible grouping becomes a hypothesis, for the network to judge
(over-segmentation, as in LeCun et al., "Gradient-based learning applied to document recognition", 1998).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress, pairwise, permutations
from operator import not_
from statistics import median

import numpy as np
from numpy.typing import NDArray

from appliance.vision.box import encloses
from appliance.vision.stroke import AS_DARK, PALER, WIDEST_DIGIT, Stroke, around

_SHORTEST_DIGIT = 9  # pixels
_FLATTEST_DIGIT = 0.25  # height by width; what is flatter is a dash
_LYING = 0.6  # height by width: what is flatter may be a bar of a digit
_THINNEST = 1 / 60  # of the longer side: the hardest pencil is broader
_BARE = 0.3  # shorter by longer side: what is thinner has no shape of its own
_ALL_ACROSS, _HALF = 0.9, 0.5  # of the frame's width; of that, or of its own width: what spans the frame
_FRAGMENT = 0.1  # of the row's height: what is smaller is a speck
_BROADEST = 1.5  # a digit's heights wide, at most, is a part of it
_NEAR = 0.3  # of the row's height: how far apart the parts of one digit may lie
_MOST_TOGETHER = 3  # strokes of one digit
_LEVEL, _STEEPEST = 0.15, 0.7  # slopes of a row: what is taken for level, and what is no row
_AS_TALL = 0.7  # as the other, at least, is a digit of the same number
_AGREE = 0.2  # by so much, at most, slopes from neighbour to neighbour differ within a number
_AGREED = 0.6  # of the neighbours, at least, differ by no more, or rows have no slope
_NEIGHBOUR = 2  # heights: what is further away tells nothing of how rows slope
_LOWER = 0.28  # of the taller one's height: what is lower stands in no row with it
_LEVEL_WITH = 0.5  # of the lower one's height: so much of it lies level with its neighbour
_FAR_APART = 4  # heights: what is further away is of another row
_FLAT = 0.4  # of the row's height: strokes that are lower together are no digit


@dataclass(frozen=True, slots=True)
class Row:
    """Strokes that stand side by side, from left to right."""

    strokes: tuple[Stroke, ...]
    height: int
    """The usual one, in pixels."""
    slope: float
    """How far it falls, in pixels for each to the right; 0 unless that is clear, or if it fell apart."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Neighbouring strokes of a row that may be one digit: those from `first` up to before `past`."""

    strokes: tuple[Stroke, ...]
    first: int
    past: int

    @property
    def is_one_of_many(self) -> bool:
        """Whether one of its strokes is."""
        return any(stroke.one_of_many for stroke in self.strokes)

    def is_partly_cut_off(self, shape: tuple[int, int]) -> bool:
        """Whether the edge of a frame `(H, W)` cuts off some of its strokes, and others not."""
        return len({stroke.edges_met(shape) > 0 for stroke in self.strokes}) > 1


def find_rows(strokes: Sequence[Stroke], shape: tuple[int, int]) -> list[Row]:
    """The rows of a frame of `shape`, from top to bottom; what can belong to no digit is left out.

    What fell apart comes last, each by itself: it is one digit or none.
    """
    whole = [stroke for stroke in strokes if stroke.fell_apart and not stroke.edges_met(shape)]
    alone = [Row((one,), one.height, 0.0) for one in whole if _tall_enough(one.width, one.height)]
    digits, fragments = _told_apart([stroke for stroke in strokes if not stroke.fell_apart], shape)
    return [*_rows(digits, fragments), *alone] if digits else alone


def hypotheses(row: Row) -> Iterator[Hypothesis]:
    """What may be one digit: a stroke, or strokes that lie close together."""
    for first, stroke in enumerate(row.strokes):
        if _tall_enough(stroke.width, stroke.height):
            yield Hypothesis((stroke,), first, first + 1)
        for past in range(first + 2, min(first + _MOST_TOGETHER, len(row.strokes)) + 1):
            strokes = row.strokes[first:past]
            if not _may_be_one(strokes, row.height):
                break
            if not _is_around_another(strokes, row):
                yield Hypothesis(strokes, first, past)


def _told_apart(strokes: Sequence[Stroke], shape: tuple[int, int]) -> tuple[list[Stroke], list[Stroke]]:
    """The strokes that may be digits, from the tallest, and those that are but fragments of others."""
    strokes = [stroke for stroke in strokes if not (_spans(stroke, shape) or _is_thread(stroke))]
    leaves = [_leaves(stroke, shape) for stroke in strokes]
    seen = list(compress(strokes, map(not_, leaves)))
    seen += [one for one in compress(strokes, leaves) if any(_is_next_to(one, other) for other in seen)]
    upright = [stroke for stroke in seen if _tall_enough(stroke.width, stroke.height, _LYING)]
    lying = [stroke for stroke in seen if not _tall_enough(stroke.width, stroke.height, _LYING)]
    # A bar is part of the digit that it lies beside; by itself it may be digits all of which touch.
    parts = np.flatnonzero(np.any(_belong(lying, upright), axis=1)).tolist()
    by_itself = [
        _tall_enough(one.width, one.height) and place not in parts for place, one in enumerate(lying)
    ]
    digits = sorted([*upright, *compress(lying, by_itself)], key=lambda stroke: -stroke.height)
    return digits, list(compress(lying, map(not_, by_itself)))


def _rows(digits: Sequence[Stroke], fragments: Sequence[Stroke]) -> list[Row]:
    """Digits that stand side by side, with the fragments that belong to them."""
    beside, slope = _beside(digits)
    belong = _belong(fragments, digits)
    groups: list[list[int]] = []
    for number in range(len(digits)):
        near = [group for group in groups if beside[number, group].any()]
        groups = [group for group in groups if group not in near] + [[number, *chain(*near)]]
    groups.sort(key=lambda group: min(digits[number].top - slope * digits[number].left for number in group))
    rows = []
    for group in groups:
        height = int(median(digits[number].height for number in group))
        parts = [fragments[place] for place in np.flatnonzero(np.any(belong[:, group], axis=1)).tolist()]
        strokes = [digits[number] for number in group]
        strokes += [part for part in parts if part.longer_side >= _FRAGMENT * height]
        strokes.sort(key=lambda stroke: stroke.left + stroke.right)
        rows.append(Row(tuple(strokes), height, slope))
    return rows


def _spans(stroke: Stroke, shape: tuple[int, int]) -> bool:
    """Whether a stroke crosses the whole frame, as a ruled line, a cell's side or a table's edge does."""
    flat = stroke.width > _ALL_ACROSS * shape[1] and stroke.height < _HALF * stroke.width
    across = stroke.left <= 1 and stroke.right >= shape[1] - 1
    down = stroke.top <= 1 and stroke.bottom >= shape[0] - 1 and stroke.width > _HALF * shape[1]
    return flat or across or down or (_is_bare(stroke) and stroke.edges_met(shape) > 1)


def _is_bare(stroke: Stroke) -> bool:
    return min(stroke.width, stroke.height) < _BARE * stroke.longer_side


def _is_thread(stroke: Stroke) -> bool:
    """Whether a stroke is thinner than any pen's, as the outline of a sheet or a telephone is."""
    half_outline = stroke.width + stroke.height
    return float(stroke.ink.sum(dtype=np.int64)) / 255 < _THINNEST * stroke.longer_side * half_outline


def _leaves(stroke: Stroke, shape: tuple[int, int]) -> bool:
    """Whether a bare stroke runs out of the frame, as the edge of a sheet or a cell does."""
    return stroke.edges_met(shape) > 0 and _is_bare(stroke)


def _is_next_to(bare: Stroke, stroke: Stroke) -> bool:
    """Whether a bare stroke stands beside another, as tall and as dark: it is a one then."""
    level = min(bare.bottom, stroke.bottom) - max(bare.top, stroke.top)
    gap = max(bare.left - stroke.right, stroke.left - bare.right)
    tall = max(bare.height, stroke.height)
    dim, strong = sorted((bare.peak, stroke.peak))
    return level > _AS_TALL * tall and gap < tall and dim > AS_DARK * strong


def _tall_enough(width: int, height: int, flattest: float = _FLATTEST_DIGIT) -> bool:
    return height >= max(_SHORTEST_DIGIT, flattest * width)


def _beside(digits: Sequence[Stroke]) -> tuple[NDArray[np.bool_], float]:
    """Which of N strokes may stand in a row with which, `(N, N)`, and how far down rows go a pixel right."""
    left, top, width, height, ink = _columns(digits)
    low, high = np.minimum(height, height.T), np.maximum(height, height.T)
    one_pen = np.minimum(ink, ink.T) > PALER * np.maximum(ink, ink.T)
    across, down = ((middle.T - middle) for middle in (left + width / 2, top + height / 2))
    alike = (low > _AS_TALL * high) & (np.minimum(ink, ink.T) > AS_DARK * np.maximum(ink, ink.T))
    slope = _slope(np.where(alike, across, 0), down, height)
    overlap = np.minimum(low, (low + high) / 2 - np.abs(down - slope * across))
    gap = np.abs(across) - (width + width.T) / 2
    return one_pen & (low > _LOWER * high) & (overlap > _LEVEL_WITH * low) & (gap < _FAR_APART * high), slope


def _slope(across: NDArray[np.float64], down: NDArray[np.float64], height: NDArray[np.float64]) -> float:
    """The slope of rows that most neighbours agree on; 0 where that is next to nothing, or they differ.

    `across` and `down` `(N, N)` lead from each stroke to each other, `height` is `(N, 1)`.
    """
    aside = (np.abs(down) < _STEEPEST * np.abs(across)) & (np.abs(across) < _NEIGHBOUR * height)
    away = np.where(aside, np.hypot(across, down), np.inf)
    some = np.flatnonzero(aside.any(axis=1))
    if some.size == 0:
        return 0.0
    nearest = away[some].argmin(axis=1)
    slopes = down[some, nearest] / across[some, nearest]
    slope = float(np.median(slopes))
    agreed = (np.abs(slopes - slope) < _AGREE).mean() > _AGREED
    return slope if agreed and abs(slope) > _LEVEL else 0.0


def _belong(fragments: Sequence[Stroke], digits: Sequence[Stroke]) -> NDArray[np.bool_]:
    """Which of N pieces lie so close to which of M digits that they may be part of one, `(N, M)`."""
    left, top, width, height, ink = _columns(fragments)
    x, y, wide, high, strength = _columns(digits).swapaxes(1, 2)
    apart = np.maximum(
        np.maximum(left - x - wide, x - left - width), np.maximum(top - y - high, y - top - height)
    )
    large = (width < _BROADEST * high) & (np.maximum(width, height) > _FRAGMENT * high)
    return large & (apart < _NEAR * high) & (ink > PALER * strength)


def _columns(strokes: Sequence[Stroke]) -> NDArray[np.float64]:
    """Of N strokes the left ends, tops, widths, heights and peaks, `(5, N, 1)`."""
    return np.array([(*stroke.box, stroke.peak) for stroke in strokes]).reshape(-1, 5, 1).swapaxes(0, 1)


def _may_be_one(strokes: Sequence[Stroke], height: int) -> bool:
    width, tall = around(strokes)[2:]
    if tall < max(_SHORTEST_DIGIT, _FLAT * height) or width > WIDEST_DIGIT * tall:
        return False
    if any(one.surrounds(other) for one, other in permutations(strokes, 2)):
        return False
    return all(right.left - left.right < _NEAR * height for left, right in pairwise(strokes))


def _is_around_another(strokes: Sequence[Stroke], row: Row) -> bool:
    """Whether what strokes are together reaches around another of their row, as a one and an underline do.

    What lies within one of them was seen once more, by itself.
    """
    box, least = around(strokes), _FLAT * row.height
    tall = (one.box for one in row.strokes if one.height > least and one not in strokes)
    return any(encloses(box, one) and not any(encloses(each.box, one) for each in strokes) for one in tall)
