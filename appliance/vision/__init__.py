"""From a frame to crops: finds what may be digits and makes each as MNIST was made.

`strokes` finds the connected pieces: on the way it has `glare` take off what a lamp adds, `stripes` even out
the light and `ink` flatten it, `bands` take out what runs straight across, `shades` what a hand darkens,
`bodies` what is fainter than the stroke that it touches, `sprawling` part strokes from the pages, shadows and
`lines` that they touch, and `written` leave out gaps, halos and `edges`. `patterns` leaves out strokes that
repeat, `layout` arranges the others in rows and proposes what belongs together, `crops` draws the pictures
that the network sees; `find_crops`, here, has them do so one after another. Of those that the network takes
for no digit, `cuts` takes apart what may be digits that touch. Where all that is lost among much else,
`sheets` finds what was written on one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision import crops, cuts, layout
from appliance.vision.ink import thickness
from appliance.vision.patterns import without_patterns
from appliance.vision.sheets import strokes_on_sheets
from appliance.vision.stroke import Box, Stroke, encloses, overlap
from appliance.vision.strokes import FindStrokes, find_strokes

__all__ = [
    "Box",
    "Crop",
    "FindStrokes",
    "encloses",
    "enlarged",
    "find_crops",
    "find_crops_on_sheets",
    "overlap",
    "take_apart",
]

_SMALLEST_FRAME = 240  # pixels of its shorter side; a smaller frame is enlarged first
_MOST_ENLARGED = 4.0
_MOST_CROPS = 48  # that are judged in one frame, so that a page of print takes no longer than a number
_LIGHTEST = 1.05  # ink that is light nears 1 without end: so much lighter than its board nothing is
_PRINT = 0.5  # of the tallest row: where there is no time for a taller one, it is a keyboard or print;
_SMALL_PRINT = 0.2  # a lower one than this says nothing

_Proposed = tuple[layout.Row, bool, list[layout.Hypothesis]]
"""A row, whether it is dark, and what in it may be a digit."""


@dataclass(frozen=True)
class Crop:
    """What may be a digit: where it is, and as the network sees it.

    `box` is in frame pixels. `first` and `past` count the strokes of its row from the left: 2.0 to 3.0 is the
    third, 2.0 to 2.5 a left part of it. Two crops of a row with any in common cannot both be digits.
    """

    box: Box
    row: int
    first: float
    past: float
    stroke_count: int
    """How many whole strokes it joins; 0 if it is but a part of one."""
    dark: bool
    """Whether it is dark on light."""
    peak: float
    """How strong its ink is, 0 to 255 as in `Ink`: the strongest of its strokes' peaks."""
    slope: float
    """How far its row falls, in pixels for each to the right: `image` is turned by so much."""
    ink: NDArray[np.uint8] = field(repr=False)
    """`uint8 (height, width)` of the box; of a small frame, as enlarged."""
    at_edge: bool = False
    """Whether it reaches the frame's edge, beyond which it may go on."""
    left_out: bool = False
    """Whether there is no time to judge it: it only counts as something else in the frame."""

    @property
    def contrast(self) -> float:
        """How much its ink differs from what it is written on, by how light that is."""
        return self.peak if self.dark else self.peak / (_LIGHTEST - self.peak / 255)

    @property
    def aspect(self) -> float:
        """The width of its box, by its height."""
        return self.box[2] / self.box[3]

    @property
    def is_whole(self) -> bool:
        """Whether it is one stroke, neither cut nor joined with another."""
        return self.stroke_count == 1

    @property
    def is_part(self) -> bool:
        """Whether it was cut out of a stroke."""
        return self.stroke_count == 0

    @property
    def begins_stroke(self) -> bool:
        """Whether nothing of its first stroke lies left of it."""
        return self.first % 1 == 0

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """`uint8 (28, 28)`, white on black; drawn when first asked for, as many a crop is never judged."""
        return crops.as_mnist(self.ink, self.slope)

    @cached_property
    def thickness(self) -> float:
        """Of its stroke where that is thickest, in pixels of `ink`."""
        return thickness(self.ink)


def find_crops(gray: NDArray[np.uint8]) -> list[Crop]:
    """The crops of a gray frame `uint8 (H, W)`: the dark ones, then the light ones, row by row from the left.

    `layout.reading_order` says in which order the digits among them are read.
    """
    return _find_in(gray, find_strokes)


def find_crops_on_sheets(gray: NDArray[np.uint8]) -> list[Crop]:
    """The same of what lies on sheets only; none unless there is much beside them to tell them from."""
    return _find_in(gray, strokes_on_sheets)


def take_apart(crop: Crop) -> list[Crop]:
    """The crops of what a whole stroke may fall into, if it is digits that touch."""
    left, top, width, height = crop.box
    scales = width / crop.ink.shape[1], height / crop.ink.shape[0]
    found = []
    for part in cuts.parts_of(crop.ink):
        inside = _scaled((part.left, part.top, *part.ink.shape[::-1]), scales, (height, width))
        box = left + inside[0], top + inside[1], inside[2], inside[3]
        first, past = crop.first + part.first, crop.first + part.past
        found.append(replace(crop, box=box, first=first, past=past, stroke_count=0, ink=part.ink))
    return found


def enlarged(gray: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """A gray frame `uint8 (H, W)` as vision looks at it, and how many times as large it is, at least once."""
    scale = min(_MOST_ENLARGED, _SMALLEST_FRAME / min(gray.shape))
    if scale <= 1:
        return gray, 1.0
    return cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), scale


def _find_in(gray: NDArray[np.uint8], find: FindStrokes) -> list[Crop]:
    large, scale = enlarged(gray)
    found = _find(large, find)
    if scale == 1:
        return found
    return [replace(crop, box=_scaled(crop.box, (1 / scale, 1 / scale), gray.shape)) for crop in found]


def _find(gray: NDArray[np.uint8], find: FindStrokes) -> list[Crop]:
    tones = without_patterns(*find(gray))
    rows = _rows(tones, gray.shape)
    chosen, left_out = _affordable(rows)
    if rows and not chosen:  # but for the texture of paper, or its lines, there may be few
        rows = _rows(_strong(tones), gray.shape)
        chosen, left_out = _affordable(rows)
    found: list[Crop] = []
    for number in sorted(chosen | left_out):
        row, dark, proposed = rows[number]
        late = number in left_out
        for one in filter(_is_seen_once, proposed) if late else proposed:
            box, ink = crops.drawn(one.strokes)
            peak = max(stroke.peak for stroke in one.strokes)
            # What fell apart joins what it fell apart into.
            count = len(one.strokes) + any(stroke.fell_apart for stroke in one.strokes)
            at_edge = any(stroke.edges_met(gray.shape) for stroke in one.strokes)
            found.append(
                Crop(box, number, one.first, one.past, count, dark, peak, row.slope, ink, at_edge, late)
            )
    return found


def _rows(tones: Sequence[Sequence[Stroke]], shape: tuple[int, int]) -> list[_Proposed]:
    """The rows of the dark strokes and of the light ones."""
    return [
        (row, dark, list(layout.hypotheses(row)))
        for dark, strokes in zip((True, False), tones, strict=True)
        for row in layout.find_rows(strokes, shape)
    ]


def _strong(tones: Sequence[Sequence[Stroke]]) -> list[list[Stroke]]:
    """Without the strokes that are clearly paler than the strongest."""
    palest = layout.AS_DARK * max(stroke.peak for tone in tones for stroke in tone)
    return [[stroke for stroke in tone if stroke.peak > palest] for tone in tones]


def _is_seen_once(proposed: layout.Hypothesis) -> bool:
    """Whether it is but one stroke, which no other is a part of."""
    return len(proposed.strokes) == 1 and not proposed.strokes[0].fell_apart


def _affordable(rows: Sequence[_Proposed]) -> tuple[set[int], set[int]]:
    """Which rows, by their numbers, are judged, the tallest that time allows; and which are the others.

    But for the lowest of these, which are small print.
    Where there are others, none that is far paler: that is the texture of what these are written on.
    None at all, where others about as tall would be left out: nobody writes so many digits.
    """
    left = _MOST_CROPS
    palest = 0.0
    if sum(len(proposed) for *_, proposed in rows) > left:
        palest = layout.PALER * max(row.peak for row, *_ in rows)
    chosen: set[int] = set()
    left_out: set[int] = set()
    tallest = 0
    for number in sorted(range(len(rows)), key=lambda number: -rows[number][0].height):
        row, _, proposed = rows[number]
        count = len(proposed)
        if row.peak < palest:
            continue
        if count <= left:
            left -= count
            tallest = max(tallest, row.height)
            chosen.add(number)
        elif row.height > _PRINT * tallest:
            return set(), set()
        elif row.height > _SMALL_PRINT * tallest:
            left_out.add(number)
    return chosen, left_out


def _scaled(box: Box, scales: tuple[float, float], shape: tuple[int, int]) -> Box:
    """The smallest box that holds another, scaled across and down, within what is of `shape`."""
    left, top = int(box[0] * scales[0]), int(box[1] * scales[1])
    right, bottom = ceil((box[0] + box[2]) * scales[0]), ceil((box[1] + box[3]) * scales[1])
    return left, top, min(shape[1], right) - left, min(shape[0], bottom) - top
