"""From ink to strokes: the connected pieces that may be digits or parts of them.

A shadow that is straight is for `bands` and a broad one for `shades`; pages, lined paper and shadows that
strokes are joined with are for `sprawling`, and what stands out too little for `written`.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from appliance.vision.bands import crossing, without_band
from appliance.vision.bodies import strokes_of, wholes_of
from appliance.vision.components import components, labelled
from appliance.vision.ink import FAINTEST, THIN, above
from appliance.vision.light import evenly_lit
from appliance.vision.shades import without_shades
from appliance.vision.sprawling import UpTo, sprawling, strokes_amid
from appliance.vision.stroke import Stroke
from appliance.vision.texture import texture
from appliance.vision.written import is_halo, is_written

FindStrokes = Callable[[NDArray[np.uint8]], tuple[list[Stroke], list[Stroke]]]
"""Finds the dark and the light strokes of a gray frame, as `find_strokes` does."""


def find_strokes(gray: NDArray[np.uint8]) -> tuple[list[Stroke], list[Stroke]]:
    """The strokes of a gray frame `uint8 (H, W)`: those dark on light, and those light on dark."""
    gray, ink = evenly_lit(gray)
    up_to = cache(ink.up_to)
    threshold = max(FAINTEST, ink.noise)
    dark = _pieces(ink.dark, threshold, lambda thickest: up_to(thickest).dark, shaded=True)
    dark = [stroke for stroke in dark if is_written(gray, stroke, darker=True)]
    light = _pieces(ink.light, threshold, lambda thickest: up_to(thickest).light, ink.is_paper)
    light = [stroke for stroke in light if is_written(gray, stroke, darker=False)]
    return dark, [stroke for stroke in light if not is_halo(stroke, ink.dark)]


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
    threshold = max(threshold, texture(ink))
    ink, labels, stats, wholes = _components(ink, threshold, up_to, shaded)
    large = sprawling(labels, stats)
    there = labelled(labels, large) if large.size else None
    if there is not None and is_background(there):  # nothing is written there in its own tone
        stats[large], there = 0, None
    strokes = strokes_of(ink, labels, stats)
    if there is not None:
        strokes = strokes_amid(there, ink, up_to, threshold, strokes)
    return strokes + wholes


def _components(
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
