"""From ink to strokes: the connected pieces that may be digits or parts of them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import Ink

Box = tuple[int, int, int, int]
"""`(x, y, width, height)` in frame pixels."""

_FAINTEST = 20  # ink below this is paper
_FAINTEST_PEAK = 34  # a stroke must somewhere stand out this much
_BODY = 0.42  # of its own peak: what belongs to a stroke, and not to a fainter line that it touches
_SOFT = (0.25, 0.7)  # of its own peak: where a stroke's edge begins and where it is full
_SHORTEST = 12  # pixels; a lower digit cannot be told from dirt
_MOST = 96  # pieces looked at in one frame, the tallest first


@dataclass(frozen=True, slots=True)
class Stroke:
    """One connected piece of ink; `ink` is `uint8 (height, width)`, 255 where it is full."""

    box: Box
    ink: NDArray[np.uint8]
    peak: float

    @property
    def left(self) -> int:
        return self.box[0]

    @property
    def top(self) -> int:
        return self.box[1]

    @property
    def width(self) -> int:
        return self.box[2]

    @property
    def height(self) -> int:
        return self.box[3]

    @property
    def right(self) -> int:
        return self.box[0] + self.box[2]

    @property
    def bottom(self) -> int:
        return self.box[1] + self.box[3]


def find_strokes(gray: NDArray[np.uint8], ink: Ink) -> list[Stroke]:
    """The strokes of a frame, dark on light and light on dark, in no order."""
    dark = [stroke for stroke in _pieces(ink.dark) if _stands_out(gray, stroke, darker=True)]
    light = [stroke for stroke in _pieces(ink.light) if _stands_out(gray, stroke, darker=False)]
    return dark + light


def _pieces(ink: NDArray[np.uint8]) -> list[Stroke]:
    threshold = max(_FAINTEST, 3 * float(np.median(ink[::4, ::4])))
    _, mask = cv2.threshold(ink, threshold, 255, cv2.THRESH_BINARY)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    tall = np.flatnonzero(np.maximum(stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH]) >= _SHORTEST / 3) + 1
    order = tall[np.argsort(-stats[tall, cv2.CC_STAT_HEIGHT])][:_MOST]
    strokes: list[Stroke] = []
    for label in order:
        x, y, width, height = (int(value) for value in stats[label, :4])
        region = slice(y, y + height), slice(x, x + width)
        own = np.where(labels[region] == label, ink[region], 0).astype(np.uint8)
        strokes += _bodies(own, x, y)
    return strokes


def _bodies(own: NDArray[np.uint8], x: int, y: int) -> list[Stroke]:
    """What remains of a component when judged against its own peak: faint bridges fall away."""
    peak = _peak(own)
    if peak < _FAINTEST_PEAK:
        return []
    _, mask = cv2.threshold(own, _BODY * peak, 255, cv2.THRESH_BINARY)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    strokes = []
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label, :4])
        if max(width, height) < _SHORTEST / 3:
            continue
        strokes.append(_stroke(own, labels == label if count > 2 else None, (left, top, width, height), peak, x, y))
    return strokes


def _stroke(own, mine, box: Box, peak: float, x: int, y: int) -> Stroke:
    left, top, width, height = box
    region = slice(top, top + height), slice(left, left + width)
    soft = own[region]
    if mine is not None:
        near = cv2.dilate(mine[region].astype(np.uint8), np.ones((3, 3), np.uint8))
        soft = soft * near
    low, high = (share * peak for share in _SOFT)
    soft = np.clip((soft.astype(np.float32) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return Stroke((x + left, y + top, width, height), soft, peak)


def _peak(own: NDArray[np.uint8]) -> float:
    values = own[own > 0]
    return float(np.percentile(values, 90)) if values.size else 0.0


def _stands_out(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    """Whether a stroke differs from most of what lies around it, and is not the gap between strokes."""
    x, y, width, height = stroke.box
    reach = max(width, height) // 2 + 2
    top, left = max(0, y - reach), max(0, x - reach)
    step = max(1, (max(width, height) + 2 * reach) // 24)
    around = float(np.median(gray[top : y + height + reach : step, left : x + width + reach : step]))
    full = stroke.ink > 127
    if not full.any():
        return False
    own = float(gray[y : y + height, x : x + width][full].mean())
    return own < around - 6 if darker else own > around + 6
