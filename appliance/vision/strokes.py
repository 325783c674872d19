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
from appliance.vision.cells import written_in_cells
from appliance.vision.components import components, labelled
from appliance.vision.ink import FAINTEST, THIN, Ink, above
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
    dark, light = (
        [stroke for stroke in _pieces(ink, is_dark) if is_written(gray, stroke, darker=is_dark)]
        for is_dark in (True, False)
    )
    return dark, [stroke for stroke in light if not is_halo(stroke, ink.dark)]


def _pieces(inks: Ink, dark: bool) -> list[Stroke]:
    """The strokes of one tone of a frame's ink.

    Only what is dark may be shaded, and only what is light the paper between the strokes.
    """
    up_to = cache(lambda thickest: inks.up_to(thickest).of(dark))
    ink = inks.of(dark)
    threshold = max(FAINTEST, inks.noise, texture(ink))
    ink, labels, stats, wholes = _components(ink, threshold, up_to, shaded=dark)
    large = sprawling(labels, stats)
    there = labelled(labels, large) if large.size else None
    if there is not None and not dark and inks.is_paper(there):
        stats[large], there = 0, None
    strokes = strokes_of(ink, labels, stats)
    if there is not None:
        strokes = strokes_amid(there, ink, up_to, threshold, strokes)
    return strokes + written_in_cells(strokes) + wholes


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
