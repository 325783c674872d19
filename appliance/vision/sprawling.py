"""What sprawls over a frame, as lined paper, a page or a shadow, and the strokes that it is joined with."""

from collections.abc import Callable, Sequence
from itertools import compress

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.bodies import BODY, strokes_of
from appliance.vision.box import encloses, overlap
from appliance.vision.components import components
from appliance.vision.ink import THIN, above
from appliance.vision.lines import RUNS_ON, has_cells, joins, lies_on, lines_in
from appliance.vision.stroke import INKED, WIDEST_DIGIT, Stroke, outside, shared_areas, thickness

_SMALLEST_REMAINS = 12  # pixels: where lines were taken out, what is less is a rest of them
_SPRAWLING = 0.6  # of the frame's width or height: lined paper, a shadow, a page, and what touches them
_HOLLOW = 0.2  # of its box: what fills less may be cells
_NET, _CARD = 0.5, 0.15  # the same where it is seen to have some; of the frame: smaller is no such card
_MOSTLY = 0.7  # of a stroke's box lies within another
_BROAD = 0.11  # of the frame's shorter side: the thickest strokes on lined paper
_THICK = 0.02  # of the frame's shorter side: few lines are so thick
_LONG = 3  # times as long as lines may be thick is a stroke, and no crossing of lines
_AROUND = 15  # every other pixel: where the strongest ink decides what is a stroke among lines
_NEAR_LINE = 7  # pixels about a line
_PALE = 2.0  # times the ink of the lines: what is darker is no line
_PALER, _NEARLY_ALL = 0.75, 0.85  # times the ink of what it is part of, at most; of its pixels, at least
_FLAT = 0.4  # shorter by longer side: the arcs of a ring that lines are taken for
_WITHIN = 0.15  # of an arc's pixels, at most, lie further within a ring than that is thick
_ROOMY = 0.5  # of its box, at least, lies so far within: of what lines enclose with digits, less does
_AS_STRONG = 0.9  # of the shadow's own peak, for which the strokes in it count too
_DARKER = 1.6  # times the ink of a shadow that lies across it

UpTo = Callable[[float], NDArray[np.uint8]]
"""Gives a tone's ink `uint8 (H, W)` in strokes up to so much of the frame's shorter side."""


def sprawling(labels: NDArray[np.integer], stats: NDArray[np.int32]) -> NDArray[np.int64]:
    """Which components are too large for a stroke, or large and so thin that they may be printed cells."""
    frame_height, frame_width = labels.shape
    x, y, width, height, area = stats.T
    size, filled = np.maximum(width, height) / max(labels.shape), area / (width * height)
    found = (width > _SPRAWLING * frame_width) | (height > _SPRAWLING * frame_height)
    found |= (filled < _HOLLOW) & (size > RUNS_ON)
    nets = (filled < _NET) & (size > _CARD) & ~found
    for label in np.flatnonzero(nets[1:]) + 1:
        own = labels[y[label] :, x[label] :][: height[label], : width[label]] == label
        found[label] = has_cells(own.astype(np.uint8))
    found[0] = False
    return np.flatnonzero(found)


def strokes_amid(
    there: NDArray[np.bool_],
    ink: NDArray[np.uint8],
    up_to: UpTo,
    threshold: float,
    strokes: list[Stroke],
) -> list[Stroke]:
    """The strokes of a frame, once more where something sprawls over it, without the rests of its lines."""
    again, lines = _look_again(up_to, there, threshold)
    again = [one for one in again if not any(_is_paler_part(one, each) for each in strokes)]
    within = _others(again, strokes)
    amid = ink * there
    within += _apart_from([*strokes, *within], _thick_strokes(amid, threshold), ink.shape)
    known = [*strokes, *within]
    within += _others(_apart_from(known, _strokes_in_shadow(amid), ink.shape), known)
    within = _without_arcs(within, strokes)
    strokes = [stroke for stroke in strokes if not _is_shadow_across(stroke, within, ink.shape)] + within
    near = cv2.dilate(lines, np.ones((_NEAR_LINE, _NEAR_LINE), np.uint8))
    faint = above(ink, threshold)
    pale = _PALE * cv2.mean(ink, lines)[0]
    return [
        stroke
        for stroke in strokes
        if stroke.peak >= pale or not (lies_on(stroke, near) or joins(stroke, near, faint))
    ]


def _look_again(
    up_to: UpTo, where: NDArray[np.bool_], threshold: float
) -> tuple[list[Stroke], NDArray[np.uint8]]:
    """The strokes within something that sprawls over the frame, as lined paper or a page; and its lines."""
    ink = up_to(THIN) * where
    mask = _strong(ink, threshold)
    lines = lines_in(mask)
    if lines.any():
        # The paper's own is thin then: no shade, nor page, that a thick stroke is to be told from.
        ink = up_to(_BROAD) * where
        mask = _strong(ink, threshold)
    labels, stats = components(mask & ~lines)
    stats[np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) < _SMALLEST_REMAINS] = 0
    return strokes_of(ink, labels, stats), lines


def _strong(ink: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """Where there is more ink than that, and not far less than somewhere around."""
    strongest = cv2.dilate(ink[::2, ::2], np.ones((_AROUND, _AROUND), np.uint8))
    least = cv2.max(cv2.convertScaleAbs(strongest, alpha=BODY), int(threshold))
    return cv2.compare(ink, cv2.resize(least, ink.shape[::-1], interpolation=cv2.INTER_NEAREST), cv2.CMP_GT)


def _thick_strokes(ink: NDArray[np.uint8], threshold: float) -> list[Stroke]:
    """The strokes that are thicker than the lines of what sprawls, as paint on a wall of bricks."""
    line = int(_THICK * min(ink.shape)) | 1
    mask = cv2.morphologyEx(above(ink, threshold), cv2.MORPH_OPEN, np.ones((line, line), np.uint8))
    labels, stats = components(mask)
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    stats[(np.maximum(width, height) <= _LONG * line) | ~_is_within(width, height, ink.shape)] = 0
    return strokes_of(ink & mask, labels, stats)


def _strokes_in_shadow(ink: NDArray[np.uint8]) -> list[Stroke]:
    """The strokes within something fainter, as the hard shadow of a pen that lies across them."""
    inked = ink[ink > 0]
    for _ in range(2):  # the shadow's own soft edge may be the first thing that is fainter
        threshold, _ = cv2.threshold(inked, 0, 255, cv2.THRESH_OTSU)
        faint, strong = inked[inked <= threshold], inked[inked > threshold]
        if not (faint.size and strong.size):
            break
        if strong.size < faint.size and strong.mean() > _DARKER * faint.mean():
            mask = above(ink, threshold)
            return strokes_of(ink & mask, *components(mask))
        inked = strong
    return []


def _apart_from(known: Sequence[Stroke], strokes: Sequence[Stroke], shape: tuple[int, ...]) -> list[Stroke]:
    """The strokes that lie in none of those known; of these, what sprawls does not count."""
    width, height = np.array([stroke.box[2:] for stroke in known]).reshape(-1, 2).T
    return outside(strokes, list(compress(known, _is_within(width, height, shape).tolist())), _MOSTLY)


def _is_within(
    width: NDArray[np.integer], height: NDArray[np.integer], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which of several things `(N,)` do not sprawl over a frame of that shape."""
    return (width < _SPRAWLING * shape[1]) & (height < _SPRAWLING * shape[0])


def _others(again: Sequence[Stroke], strokes: Sequence[Stroke]) -> list[Stroke]:
    """Those found again that are not, by their boxes, the same as those found before."""
    if not again or not strokes:
        return list(again)
    shared, one, other = shared_areas(again, strokes)
    new = np.all(shared <= _MOSTLY * np.maximum(one, other), axis=1)
    return list(compress(again, new.tolist()))


def _is_paler_part(one: Stroke, whole: Stroke) -> bool:
    """Whether a stroke is but a paler part of one that may be a digit, as large as that is in its frame."""
    may_be_digit = whole.width <= WIDEST_DIGIT * whole.height
    return may_be_digit and one.peak <= _PALER * whole.peak and _is_part(one, whole)


def _without_arcs(within: Sequence[Stroke], strokes: Sequence[Stroke]) -> list[Stroke]:
    """Without the pieces of strokes that are drawn around others, as a circle around a number."""
    rings = [one for one in strokes if any(map(one.surrounds, strokes))]
    return [one for one in within if not any(_is_arc(one, ring) for ring in rings)]


def _is_arc(one: Stroke, ring: Stroke) -> bool:
    """Whether a stroke is a part of a ring, flat or along its outline, and nothing that touches it."""
    if encloses(ring.box, one.box) or not _is_part(one, ring):
        return False
    return min(one.box[2:]) < _FLAT * one.longer_side or _is_outline(one, ring)


def _is_outline(one: Stroke, ring: Stroke) -> bool:
    """Whether a part of a ring runs along it all the way, and nothing of it lies within."""
    outlines, _ = cv2.findContours(above(ring.ink, INKED), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = cv2.drawContours(np.zeros_like(ring.ink), outlines, -1, 255, cv2.FILLED)
    reach = 2 * int(thickness(ring.ink)) + 1
    within = cv2.erode(
        filled, np.ones((reach, reach), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    if np.count_nonzero(within) < _ROOMY * within.size:
        return False
    return _share(one, within, ring) < _WITHIN


def _is_part(one: Stroke, whole: Stroke) -> bool:
    """Whether a stroke's ink is another's as well."""
    if overlap(one.box, whole.box) < one.width * one.height:
        return False
    return _share(one, whole.ink, whole) > _NEARLY_ALL


def _share(one: Stroke, mask: NDArray[np.uint8], whole: Stroke) -> float:
    """How much of a stroke's ink lies where a mask of the box of one around it is more than `INKED`."""
    x, y = one.left - whole.left, one.top - whole.top
    there = mask[y : y + one.height, x : x + one.width]
    own = above(one.ink, INKED) > 0
    return float((there[own] > INKED).mean()) if own.any() else 0.0


def _is_shadow_across(stroke: Stroke, within: Sequence[Stroke], shape: tuple[int, ...]) -> bool:
    """Whether what runs from edge to edge of the frame only lies across strokes, as a pole's shadow does."""
    if stroke.edges_met(shape) < 2:
        return False
    strong = [one for one in within if one.peak > _AS_STRONG * stroke.peak]
    return any(overlap(stroke.box, one.box) > _MOSTLY * one.width * one.height for one in strong)
