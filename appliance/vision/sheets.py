"""Finds the sheets in a frame that shows much else: held up in a room, say, or lying on a crowded desk.

A sheet is a large even region without dents, or several that the edges of shadows divide; where there is
none, one that is uneven and lighter than what lies about it. Where something is written on one, and there is
much beside it, the frame is looked at as if there were nothing beside it.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.box import Box, scaled
from appliance.vision.hulls import Mask, divided_hulls, light_hulls, whole_hulls
from appliance.vision.ink import in_blocks
from appliance.vision.noise import without_noise
from appliance.vision.stroke import Stroke
from appliance.vision.strokes import find_strokes

_EVEN, _VERY_EVEN = 10, 3  # gray levels within three blocks: the latter tells a sheet from a wall as light
_UNLINED = 5  # gray levels within three blocks, where lines are wiped away
_LINE = 5  # blocks: no line of the paper is broader
_LEAK = 5  # blocks: over no more, a sheet seems to go on with what is behind it
_LARGER = 0.05  # power of its area with which a sheet is likelier one
_EDGE = 3  # blocks: what is nearer a sheet's side is none of what is on it
_WHOLE = 0.9  # of the frame, at most, is a sheet
_RIM = 3  # blocks about, and with, each that must be on the sheet as well
_WRITTEN = 0.04  # of the frame's shorter side: what is lower is no writing
_MUCH = 0.06  # of all that is no sheet is not even, at least
_INSIDE = 0.97  # of a stroke's box lies on the sheet that it was written on
_BLANK = 15  # blocks, of which most are paper whatever is written on it
_SMOOTH = 31  # blocks
_LEAST_SHARE = 1e-3  # what the usual paper weighs in that about a place: it tells only where there is none


def strokes_on_sheets(gray: NDArray[np.uint8]) -> tuple[list[Stroke], list[Stroke]]:
    """The dark and the light strokes that lie on the sheets of a gray frame `uint8 (H, W)`."""
    small = in_blocks(without_noise(gray))
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
    """Where there are sheets with something on them in a gray frame's blocks `uint8 (H, W)`: 1 there.

    Of what may be sheets and overlap, only what is likeliest one; none unless there is much beside them.
    """
    changes = _changes(small)
    unlined = _changes(_without_lines(small))
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


def _without_lines(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blocks `uint8 (h, w)` without the thin dark lines on them, nor what is written there."""
    return cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((_LINE, _LINE), np.uint8))


def _changes(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By how many gray levels blocks differ within three."""
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
    divided = sorted(divided_hulls(evens[-1]), key=cv2.contourArea, reverse=True)
    whole = sorted(chain(*map(whole_hulls, evens)), key=_rectangular, reverse=True)
    return [_filled(hull, small) for hull in (*divided, *whole)]


def _light_sheets(small: NDArray[np.uint8]) -> list[Mask]:
    """Those that are lighter than what lies about them, however uneven: from the most rectangular."""
    return [_filled(hull, small) for hull in sorted(light_hulls(small), key=_rectangular, reverse=True)]


def _rectangular(hull: NDArray[np.int32]) -> float:
    """How much of the smallest rectangle about it a hull fills; a little more if it is large."""
    area = cv2.contourArea(hull)
    _, (width, height), _ = cv2.minAreaRect(hull)
    return area / (width * height) * area**_LARGER


def _filled(hull: NDArray[np.int32], small: NDArray[np.uint8]) -> Mask:
    return np.asarray(cv2.fillConvexPoly(np.zeros_like(small), hull, 1))


def _without_rim(sheets: Mask) -> Mask:
    """Without what lies next to a side, or to the frame's edge."""
    square = np.ones((_RIM, _RIM), np.uint8)
    return np.asarray(cv2.erode(sheets, square, borderType=cv2.BORDER_CONSTANT, borderValue=0), np.uint8)


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
    x, y, width, height = box = cv2.boundingRect(sheets)
    within = np.s_[y : y + height, x : x + width]
    scales = gray.shape[1] / sheets.shape[1], gray.shape[0] / sheets.shape[0]
    left, top, width, height = scaled(box, scales, gray.shape)
    part = gray[top : top + height, left : left + width]
    tones = find_strokes(_alone(part, small[within], sheets[within]))
    return [
        [replace(one, box=(one.left + left, one.top + top, one.width, one.height)) for one in tone]
        for tone in tones
    ]


def _share_on(box: Box, sheets: Mask, shape: tuple[int, ...]) -> float:
    """How much of a box in a frame of `shape` lies on sheets, of which no fewer than one block is asked."""
    scales = sheets.shape[1] / shape[1], sheets.shape[0] / shape[0]
    left, top, width, height = scaled(box, scales, sheets.shape)
    return float(sheets[top : top + height, left : left + width].mean())
