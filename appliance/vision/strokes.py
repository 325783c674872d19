"""From ink to strokes: the connected pieces that may be digits or parts of them.

A shadow that is straight is for `bands` and a broad one for `shades`; here is dealt with what only lies
across strokes, with pages and lined paper that strokes are joined with, and with what stands out too little.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import compress

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.bands import crossing, without_band
from appliance.vision.bodies import BODY, strokes_of, wholes_of
from appliance.vision.components import components, labelled
from appliance.vision.edges import is_edge
from appliance.vision.ink import FAINTEST, THIN, above, quantile, thickness
from appliance.vision.lines import RUNS_ON, has_cells, joins, lies_on, lines_in
from appliance.vision.shades import without_shades
from appliance.vision.stripes import evenly_lit
from appliance.vision.stroke import Stroke, outside, overlap, shared_areas

_USUAL, _SPREAD = 3, 4  # times the median of all ink, or its distance from the upper quartile above it
_BEYOND_DUST = 160  # of 255: no more is feigned by dust, which on a dark board shines, where it lies
_EVENLY = 0.55  # everywhere: the lower quartile by the median
_SMALLEST_REMAINS = 12  # pixels: where lines were taken out, what is less is a rest of them
_SPRAWLING = 0.6  # of the frame's width or height: lined paper, a shadow, a page, and what touches them
_HOLLOW = 0.2  # of its box: what fills less may be cells
_NET, _CARD = 0.5, 0.15  # the same where it is seen to have some; of the frame: smaller is no such card
_MOSTLY = 0.7  # of a box, or of a stroke's pixels: so much lies within another
_SAMPLES = 24  # pixels along each side of what lies around a stroke that are looked at
_CONTRAST = 6  # gray levels that a stroke differs by from most of them
_JUST_AROUND, _NEARLY_ALL = 0.08, 0.9  # of its size; of what lies there
_BLOB = 0.4  # of its size: what is thicker is nothing written
_HALO = 4  # pixels that it is wide
_GLARING = 2.0  # times as strong
_BROAD = 0.11  # of the frame's shorter side: the thickest strokes on lined paper
_AROUND = 15  # every other pixel: where the strongest ink decides what is a stroke among lines
_NEAR_LINE = 7  # pixels about a line
_PALE = 2.0  # times the ink of the lines: what is darker is no line
_AS_STRONG = 0.9  # of the shadow's own peak, for which the strokes in it count too
_DARKER = 1.6  # times the ink of a shadow that lies across it

UpTo = Callable[[float], NDArray[np.uint8]]
"""Gives a tone's ink `uint8 (H, W)` in strokes up to so much of the frame's shorter side."""

FindStrokes = Callable[[NDArray[np.uint8]], tuple[list[Stroke], list[Stroke]]]
"""Finds the dark and the light strokes of a gray frame, as `find_strokes` does."""


def find_strokes(gray: NDArray[np.uint8]) -> tuple[list[Stroke], list[Stroke]]:
    """The strokes of a gray frame `uint8 (H, W)`: those dark on light, and those light on dark."""
    gray, ink = evenly_lit(gray)
    up_to = cache(ink.up_to)
    threshold = max(FAINTEST, ink.noise)
    dark = _pieces(ink.dark, threshold, lambda thickest: up_to(thickest).dark, shaded=True)
    dark = [stroke for stroke in dark if _is_written(gray, stroke, darker=True)]
    light = _pieces(ink.light, threshold, lambda thickest: up_to(thickest).light, ink.is_paper)
    light = [stroke for stroke in light if _is_written(gray, stroke, darker=False)]
    return dark, [stroke for stroke in light if not _is_halo(stroke, ink.dark)]


def _is_written(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    return _stands_out(gray, stroke, darker) and not is_edge(gray, stroke, darker)


def _is_halo(light: Stroke, dark: NDArray[np.uint8]) -> bool:
    """Whether what is light only outlines far stronger dark ink, as a camera's sharpening does."""
    x, y, width, height = light.box
    left, top = max(0, x - _HALO), max(0, y - _HALO)
    around = dark[top : y + height + _HALO, left : x + width + _HALO]
    around = cv2.dilate(around, np.ones((2 * _HALO + 1,) * 2, np.uint8))
    near = around[y - top : y - top + height, x - left : x - left + width][light.ink > 0]
    return float(np.mean(near > _GLARING * light.peak)) > _MOSTLY


def _pieces(
    ink: NDArray[np.uint8],
    threshold: float,
    up_to: UpTo,
    is_background: Callable[[NDArray[np.bool_]], bool] = lambda where: False,
    shaded: bool = False,
) -> list[Stroke]:
    """The strokes of one tone, of ink `uint8 (H, W)` above `threshold`; `up_to` gives that of thin ones only.

    `is_background` says of what sprawls over the frame whether it is what is written on, `shaded` whether to
    look for shades.
    """
    threshold = max(threshold, _texture(ink))
    ink, labels, stats, wholes = _written(ink, threshold, up_to, shaded)
    sprawling = _sprawling(labels, stats)
    if not sprawling.size:
        return strokes_of(ink, labels, stats) + wholes
    there = labelled(labels, sprawling)
    if is_background(there):  # nothing is written there in its own tone
        stats[sprawling] = 0
        return strokes_of(ink, labels, stats) + wholes
    return wholes + _strokes_amid(there, ink, up_to, threshold, strokes_of(ink, labels, stats))


def _texture(ink: NDArray[np.uint8]) -> float:
    """How much ink the texture of what is written on may feign, as far as most of the frame tells."""
    few = ink[::4, ::4]
    usual = quantile(few, 0.5)
    feigned = min(_USUAL * usual, usual + _SPREAD * (quantile(few, 0.75) - usual))
    is_dust = feigned > _BEYOND_DUST and quantile(few, 0.25) > _EVENLY * usual
    return _BEYOND_DUST if is_dust else feigned


def _written(
    ink: NDArray[np.uint8], threshold: float, up_to: UpTo, shaded: bool
) -> tuple[NDArray[np.uint8], NDArray[np.integer], NDArray[np.int32], list[Stroke]]:
    """The ink without a band and without shades, its components' labels and statistics, and the strokes that
    those would be from which shade was taken.
    """
    labels, stats = components(above(ink, threshold))
    band = crossing(stats, ink.shape)
    bare = without_band(ink, labels == band, threshold) if band else ink
    if bare is not ink:
        labels, stats = components(above(bare, threshold))
    unshaded = without_shades(bare, lambda: up_to(THIN), labels, stats) if shaded else bare
    wholes: list[Stroke] = []
    if unshaded is not bare:
        wholes = wholes_of(bare, labels, stats, np.unique(labels[unshaded != bare]))
        labels, stats = components(above(unshaded, threshold))
    return unshaded, labels, stats, wholes


def _strokes_amid(
    there: NDArray[np.bool_],
    ink: NDArray[np.uint8],
    up_to: UpTo,
    threshold: float,
    strokes: list[Stroke],
) -> list[Stroke]:
    """The strokes of a frame, once more where something sprawls over it, without the rests of its lines."""
    again, lines = _look_again(up_to, there, threshold)
    within = _others(again, strokes)
    known = [*strokes, *within]
    within += _others(_apart_from(known, _strokes_in_shadow(ink * there), ink.shape), known)
    strokes = [stroke for stroke in strokes if not _is_shadow_across(stroke, within, ink.shape)] + within
    near = cv2.dilate(lines, np.ones((_NEAR_LINE, _NEAR_LINE), np.uint8))
    faint = above(ink, threshold)
    pale = _PALE * cv2.mean(ink, lines)[0]
    return [
        stroke
        for stroke in strokes
        if not (lies_on(stroke, near) or (stroke.peak < pale and joins(stroke, near, faint)))
    ]


def _sprawling(labels: NDArray[np.integer], stats: NDArray[np.int32]) -> NDArray[np.int64]:
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


def _others(again: Sequence[Stroke], strokes: Sequence[Stroke]) -> list[Stroke]:
    """Those found again that are not, by their boxes, the same as those found before."""
    if not again or not strokes:
        return list(again)
    shared, one, other = shared_areas(again, strokes)
    new = np.all(shared <= _MOSTLY * np.maximum(one, other), axis=1)
    return list(compress(again, new.tolist()))


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
    whole = [
        stroke
        for stroke in known
        if stroke.height < _SPRAWLING * shape[0] and stroke.width < _SPRAWLING * shape[1]
    ]
    return outside(strokes, whole, _MOSTLY)


def _is_shadow_across(stroke: Stroke, within: Sequence[Stroke], shape: tuple[int, ...]) -> bool:
    """Whether what runs from edge to edge of the frame only lies across strokes, as a pole's shadow does."""
    if stroke.edges_met(shape) < 2:
        return False
    strong = [one for one in within if one.peak > _AS_STRONG * stroke.peak]
    return any(overlap(stroke.box, one.box) > _MOSTLY * one.width * one.height for one in strong)


def _stands_out(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    """Whether a stroke differs from most of what lies around it, and is not the gap between strokes."""
    x, y, width, height = stroke.box
    reach = max(width, height) // 2 + 2
    top, left = max(0, y - reach), max(0, x - reach)
    step = max(1, (max(width, height) + 2 * reach) // _SAMPLES)
    nearby = gray[top : y + height + reach : step, left : x + width + reach : step]
    middle = nearby.size // 2
    around = float(np.partition(nearby, middle, axis=None)[middle])
    full = above(stroke.ink, 127)
    if not full.any():
        return False
    own = cv2.mean(gray[y : y + height, x : x + width], full)[0]
    if darker:
        return own < around - _CONTRAST
    return own > around + _CONTRAST or own > _beside(gray, stroke) + _CONTRAST


def _beside(gray: NDArray[np.uint8], stroke: Stroke) -> float:
    """The gray level of the lightest that lies just around a stroke's box, but for a tenth.

    What is lighter than that is written on something dark that may itself be small, as a screen or a label.
    255 at the frame's edge, and for a blob, which is rather the hole of a dark stroke.
    """
    x, y, width, height = stroke.box
    if stroke.edges_met(gray.shape) or thickness(stroke.ink) > _BLOB * max(width, height):
        return 255.0
    reach = int(_JUST_AROUND * max(width, height)) + 2
    top, left = max(0, y - reach), max(0, x - reach)
    near = gray[top : y + height + reach, left : x + width + reach]
    is_beside = np.ones(near.shape, np.bool_)
    is_beside[y - top : y - top + height, x - left : x - left + width] = False
    return quantile(near[is_beside], _NEARLY_ALL)
