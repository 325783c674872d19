"""Finds the sheets in a frame that shows much else: held up in a room, say, or lying on a crowded desk.

A sheet is a large even region without dents, or several that the edges of shadows divide; where there is
none, one that is uneven and lighter than all about it. Where something is written on one, and there is much
beside it, the frame is looked at as if there were nothing beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.components import components, labelled
from appliance.vision.ink import in_cells, quantiles, without_noise
from appliance.vision.stroke import Box, Stroke, scaled
from appliance.vision.strokes import find_strokes

_EVEN, _VERY_EVEN = 10, 3  # gray levels within three cells: the latter tells a sheet from a wall as light
_LINE, _UNLINED = 5, 5  # cells: no line of the paper is broader; gray levels where they are wiped away
_LEAK = 5  # cells: over no more, a sheet seems to go on with what is behind it
_LEAST, _WHOLE = 0.04, 0.9  # of the frame, at least and at most
_LARGE = 0.08  # of the frame: what is less, or less convex, is told by its corners
_UNWRITTEN = 0.5  # of a sheet, at least, is even: writing and hands take up the rest
_HIDDEN = 19  # cells of a sheet's side that fingers hide, or a digit that is joined with them, at most
_FINGER = 13  # cells: what is narrower, such as an arm as even as the sheet, is none of it
_CONVEX, _VERY_CONVEX = 0.92, 0.95  # of its hull, at least, if it has corners, and if not, or is divided
_PASSAGE = 9  # cells: through a narrower one a sheet seems to go on to something as light
_LARGER = 0.05  # power of its area with which a sheet is likelier one
_PART, _PARTS, _MOST_PARTS = 0.03, 3, 7  # of the frame, at least; of one sheet, and of all, at most
_CORNERS = 4
_STRAIGHT, _DIVIDED = 0.03, 0.04  # of its outline, by which it, or one that is divided, may differ from that
_LEVELS, _DARK_AND_LIGHT = 7, (0.02, 0.98)  # at which a sheet is looked for; of the frame is beyond these
_ABOUT, _LIGHTER = 9, 1.03  # cells that lie about one; times as light is lighter
_SEEN, _MOSTLY = 0.5, 0.7  # of its outline, at least, does not lie at the frame's edge; of that, is alike
_EDGE = 3  # cells: what is nearer a sheet's side is none of what is on it
_RIM = 3  # cells about, and with, each that must be on the sheet as well
_WRITTEN = 0.04  # of the frame's shorter side: what is lower is no writing
_MUCH = 0.06  # of all that is no sheet is not even, at least
_INSIDE = 0.97  # of a stroke's box lies on the sheet that it was written on
_BLANK = 15  # cells, of which most are paper whatever is written on it
_SMOOTH = 31  # cells
_LEAST_SHARE = 1e-3  # what the usual paper weighs in that about a place: it tells only where there is none

Mask = NDArray[np.uint8]


def strokes_on_sheets(gray: NDArray[np.uint8]) -> tuple[list[Stroke], list[Stroke]]:
    """The dark and the light strokes that lie on the sheets of a gray frame `uint8 (H, W)`."""
    small = in_cells(without_noise(gray))
    sheets = find_sheets(small)
    if not sheets.any():
        return [], []
    # A finger at the frame's edge is no stroke either.
    inner = _without_rim(sheets)
    dark, light = (
        [stroke for stroke in tone if _share_on(stroke.box, inner, gray.shape) > _INSIDE]
        for tone in _strokes_within(gray, small, sheets)
    )
    return dark, light


def find_sheets(small: NDArray[np.uint8]) -> Mask:
    """Where there are sheets with something on them in a gray frame's cells `uint8 (H, W)`: 1 there.

    Of what may be sheets and overlap, only what is likeliest one; none unless there is much beside them.
    """
    changes = _changes(small)
    unlined = _changes(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((_LINE, _LINE), np.uint8)))
    even = _even(changes, _EVEN)
    chosen = _chosen(_sheets(small, even, _even(changes, _VERY_EVEN), _even(unlined, _UNLINED)), even)
    if not chosen.any():
        chosen = _chosen(_light_sheets(small), even)
    much = 0 < chosen.mean() < _WHOLE and cv2.mean(even, 1 - chosen)[0] < 1 - _MUCH
    return chosen if much else np.zeros_like(even)


def _chosen(sheets: Sequence[Mask], even: Mask) -> Mask:
    """Those with something on them, of which none overlaps one before it."""
    chosen = np.zeros_like(even)
    for sheet in sheets:
        within = cv2.erode(sheet, np.ones((2 * _EDGE + 1,) * 2, np.uint8))
        something = cv2.boundingRect(cv2.subtract(within, even))[3] >= _WRITTEN * min(even.shape)
        if something and sheet.mean() < _WHOLE and not cv2.bitwise_and(sheet, chosen).any():
            chosen |= sheet
    return chosen


def _changes(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By how many gray levels cells differ within three."""
    return cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))


def _even(changes: NDArray[np.uint8], level: float) -> Mask:
    """Where no change is more than `level`, but for what is narrower than a leak."""
    even = cv2.threshold(changes, level, 1, cv2.THRESH_BINARY_INV)[1]
    return cv2.morphologyEx(even, cv2.MORPH_OPEN, np.ones((_LEAK, _LEAK), np.uint8))


def _sheets(small: NDArray[np.uint8], *evens: Mask) -> list[Mask]:
    """All sheets that show in any of these, whatever is written on them.

    First those that the edges of shadows divide, as the last tells, where no lines do: from the largest. Then
    those that are whole, from the most rectangular.
    """
    divided = [
        _filled(hull, small) for hull in sorted(_divided(evens[-1]), key=cv2.contourArea, reverse=True)
    ]
    whole = sorted(chain(*map(_hulls, evens)), key=_rectangular, reverse=True)
    return [sheet for sheet in divided if _is_alike_throughout(sheet, small)] + [
        _filled(hull, small) for hull in whole
    ]


def _light_sheets(small: NDArray[np.uint8]) -> list[Mask]:
    """Those that are told by being lighter than all about them, however uneven: from the most rectangular."""
    sheets = [_filled(hull, small) for hull in sorted(_light(small), key=_rectangular, reverse=True)]
    return [sheet for sheet in sheets if _is_alike_throughout(sheet, small)]


def _rectangular(hull: NDArray[np.int32]) -> float:
    """How much of the smallest rectangle about it a hull fills; a little more if it is large."""
    area = cv2.contourArea(hull)
    _, (width, height), _ = cv2.minAreaRect(hull)
    return area / (width * height) * area**_LARGER


def _filled(hull: NDArray[np.int32], small: NDArray[np.uint8]) -> Mask:
    return np.asarray(cv2.fillConvexPoly(np.zeros_like(small), hull, 1))


def _hulls(even: Mask) -> Iterator[NDArray[np.int32]]:
    """Those of the regions that may be sheets, each seen in two ways."""
    labels, stats = components(even)
    for label in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] > _UNWRITTEN * _LEAST * even.size) + 1:
        region = (labels == label).astype(np.uint8)
        for outline in (_without_fingers(region), _without_passages(region)):
            hull = _hull(outline, _LARGE * even.size, _VERY_CONVEX)
            if hull is not None:
                yield hull
                continue
            hull = _hull(outline, _LEAST * even.size, _CONVEX)
            if hull is not None and _has_corners(hull, _STRAIGHT):
                yield hull


def _divided(even: Mask) -> Iterator[NDArray[np.int32]]:
    """Those of a few large regions that have together the four corners of a sheet."""
    labels, stats = components(even)
    *_, width, height, area = stats.T
    throughout = (width > _WHOLE * even.shape[1]) & (height > _WHOLE * even.shape[0])
    parts = np.flatnonzero((area > _PART * even.size) & ~throughout)
    largest = parts[np.argsort(-area[parts])][:_MOST_PARTS]
    for count in range(2, _PARTS + 1):
        for some in combinations(largest.tolist(), count):
            together = labelled(labels, np.array(some)).astype(np.uint8)
            hull = _hull(_without_fingers(together), _LARGE * even.size, _VERY_CONVEX)
            if hull is not None and _has_corners(hull, _DIVIDED):
                yield hull


def _light(small: NDArray[np.uint8]) -> Iterator[NDArray[np.int32]]:
    """Those of the regions lighter than some level that have a sheet's corners."""
    blank = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((_LINE, _LINE), np.uint8))
    darkest, lightest = quantiles(blank, *_DARK_AND_LIGHT)
    for level in np.linspace(darkest, lightest, _LEVELS + 2)[1:-1].tolist():
        lighter = cv2.erode(cv2.threshold(blank, level, 1, cv2.THRESH_BINARY)[1], np.ones((3, 3), np.uint8))
        for outline in cv2.findContours(lighter, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
            hull = _hull(outline, _LEAST * small.size, _VERY_CONVEX)
            if hull is not None and _has_corners(hull, _STRAIGHT):
                yield hull


def _has_corners(hull: NDArray[np.int32], straight: float) -> bool:
    """Whether the polygon that a hull about is has no more than a sheet's (Douglas and Peucker, 1973)."""
    return len(cv2.approxPolyDP(hull, straight * cv2.arcLength(hull, True), True)) <= _CORNERS


def _hull(outline: NDArray[np.int32], least: float, convex: float) -> NDArray[np.int32] | None:
    """The convex hull of what has an outline; None where that has dents, or less area."""
    hull, area = cv2.convexHull(outline), cv2.contourArea(outline)
    return hull if area > max(least, convex * cv2.contourArea(hull)) else None


def _without_fingers(region: Mask) -> NDArray[np.int32]:
    """The outline of a region without what is narrow, in it or of it."""
    return _outline(cv2.morphologyEx(_closed(region), cv2.MORPH_OPEN, np.ones((_FINGER, _FINGER), np.uint8)))


def _without_passages(region: Mask) -> NDArray[np.int32]:
    """The outline of the largest part of a region to which it goes on through no narrow passage."""
    square = np.ones((_PASSAGE, _PASSAGE), np.uint8)
    parts = cv2.morphologyEx(_within(_outline(region), region), cv2.MORPH_OPEN, square)
    return _outline(_closed(_within(_outline(parts), region)))


def _closed(region: Mask) -> Mask:
    # Without room beyond the frame, what lies between a sheet and its edge would be closed as well.
    roomy = cv2.copyMakeBorder(region, *(4 * [_HIDDEN]), cv2.BORDER_CONSTANT, value=0)
    whole = cv2.morphologyEx(roomy, cv2.MORPH_CLOSE, np.ones((_HIDDEN, _HIDDEN), np.uint8))
    return whole[_HIDDEN:-_HIDDEN, _HIDDEN:-_HIDDEN]


def _outline(region: Mask) -> NDArray[np.int32]:
    """The outline of the largest part of a region; a point where it is empty."""
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(outlines, key=cv2.contourArea, default=np.zeros((1, 1, 2), np.int32))


def _within(outline: NDArray[np.int32], like: Mask) -> Mask:
    """What an outline encloses, however much of that is written on."""
    return np.asarray(cv2.drawContours(np.zeros_like(like), [outline], -1, 1, cv2.FILLED), np.uint8)


def _is_alike_throughout(sheet: Mask, small: NDArray[np.uint8]) -> bool:
    """Whether a sheet is lighter than what lies about it, or darker, on all its sides.

    What is but a part of one, or goes beyond it, has the edge of a shadow for a side, and another of its own.
    """
    rim = cv2.subtract(sheet, _without_rim(sheet)) > 0
    _, within = _surroundings(small, sheet)
    share, about = (found[rim] for found in _surroundings(small, 1 - sheet))
    within, about = within[rim][share > _LEAST_SHARE], about[share > _LEAST_SHARE]
    alike = max(np.count_nonzero(within > _LIGHTER * about), np.count_nonzero(about > _LIGHTER * within))
    return about.size > _SEEN * share.size and alike > _MOSTLY * about.size


def _without_rim(sheets: Mask) -> Mask:
    """Without what lies next to a side, or to the frame's edge."""
    square = np.ones((_RIM, _RIM), np.uint8)
    return np.asarray(cv2.erode(sheets, square, borderType=cv2.BORDER_CONSTANT, borderValue=0), np.uint8)


def _surroundings(small: NDArray[np.uint8], where: Mask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of what lies about each cell is there, and its mean level."""
    share, level = (
        cv2.blur(what.astype(np.float32), (_ABOUT, _ABOUT), borderType=cv2.BORDER_CONSTANT)
        for what in (where, small * where)
    )
    return share, level / np.maximum(share, _LEAST_SHARE)


def _alone(gray: NDArray[np.uint8], small: NDArray[np.uint8], sheets: Mask) -> NDArray[np.uint8]:
    """The frame with nothing but sheets: their own paper goes on beside them."""
    inner = cv2.erode(sheets, np.ones((3, 3), np.uint8))
    paper, share = cv2.medianBlur(small, _BLANK).astype(np.float32), inner.astype(np.float32)
    usual = cv2.mean(paper, inner)[0]
    size = (_SMOOTH, _SMOOTH)
    paper = (cv2.blur(paper * share, size) + _LEAST_SHARE * usual) / (cv2.blur(share, size) + _LEAST_SHARE)
    paper = cv2.resize(paper, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    on = cv2.resize(inner, gray.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.where(on > 0, gray, paper.astype(np.uint8))


def _strokes_within(gray: NDArray[np.uint8], small: NDArray[np.uint8], sheets: Mask) -> list[list[Stroke]]:
    """The dark and the light strokes of the part of a frame that holds its sheets: no more is looked at."""
    scale = sheets.shape[0] / gray.shape[0]
    x, y, width, height = cv2.boundingRect(sheets)
    left, top = int(x / scale), int(y / scale)
    part = gray[top : ceil((y + height) / scale), left : ceil((x + width) / scale)]
    within = np.s_[y : y + height, x : x + width]
    tones = find_strokes(_alone(part, small[within], sheets[within]))
    return [
        [replace(one, box=(one.left + left, one.top + top, one.width, one.height)) for one in tone]
        for tone in tones
    ]


def _share_on(box: Box, sheets: Mask, shape: tuple[int, ...]) -> float:
    """How much of a box in a frame of `shape` lies on sheets, of which no fewer than one cell is asked."""
    scales = sheets.shape[1] / shape[1], sheets.shape[0] / shape[0]
    left, top, width, height = scaled(box, scales, sheets.shape)
    return float(sheets[top : top + height, left : left + width].mean())
