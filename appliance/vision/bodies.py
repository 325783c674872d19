"""From a component of ink to strokes: its strong parts, without the fainter lines and bridges between them.

Where that leaves other than it was, the whole is proposed as well: it may be a digit in uneven ink, or one
that a dry pen wrote, and the network can tell.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.box import Box
from appliance.vision.components import components_throughout
from appliance.vision.ink import above
from appliance.vision.quantiles import quantile
from appliance.vision.stroke import WIDEST_DIGIT, Stroke

BODY = 0.42
"""Of its own peak: what belongs to a stroke, and not to a fainter line that it touches."""

_PEAK = 0.9  # so much of a component's ink is weaker than its peak
_FAINTEST_PEAK = 24  # what has a lower one is no stroke
_MOST_BODIES = 23  # what falls apart into more is a grid or a texture
_SOFT = (0.25, 0.7)  # of its own peak: where a stroke's edge begins and where it is full
_SMALLEST = 4  # pixels; what is smaller both ways is dirt
_MOST = 64  # pieces of one tone at one look, the tallest first;
_TALLER = 1.1  # times as tall as all that are left out is what is not of their kind, print or a texture
_AS_TALL = 0.5  # as a component in which a shade was seen: what is lower in it is no digit
_LOST = 0.12  # of its size: what is lost of its height or width, if more, is no blurred edge
_RIM = 5  # pixels, half of them to each side: what is nearer to its edge is not within a stroke
_HOLLOW = 0.66  # of its peak: what is paler within is hollow
_NEAR = 0.2  # of its size: the strongest ink so near tells how strong uneven ink is,
_PALEST = 0.3  # of its peak at least


def strokes_of(ink: NDArray[np.uint8], labels: NDArray[np.integer], stats: NDArray[np.int32]) -> list[Stroke]:
    """The strokes of all components of ink `uint8 (H, W)`, given by their labels `(H, W)` and statistics."""
    sizes = np.maximum(stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_WIDTH])
    sizes[0] = 0  # the background
    seen = np.flatnonzero(sizes >= _SMALLEST)
    ordered = seen[np.argsort(-stats[seen, cv2.CC_STAT_HEIGHT])]
    strokes: list[Stroke] = []
    for label in ordered[:_MOST].tolist():
        strokes += _bodies(*_component(ink, labels, stats, label))
    tall = _TALLER * stats[ordered[_MOST:], cv2.CC_STAT_HEIGHT].max(initial=0)
    return [replace(one, one_of_many=True) if one.height < tall else one for one in strokes]


def wholes_of(
    ink: NDArray[np.uint8], labels: NDArray[np.integer], stats: NDArray[np.int32], some: NDArray[np.integer]
) -> list[Stroke]:
    """Those components, by their labels, each as one stroke, if it may be a digit, and as its tall bodies."""
    strokes: list[Stroke] = []
    for label in some.tolist():
        own, x, y = _component(ink, labels, stats, label)
        peak = _peak(own)
        bodies = _apart(own, *_parts(own, peak), peak, x, y) if peak >= _FAINTEST_PEAK else []
        strokes += _filled(own, peak, x, y) + _whole(own, peak, x, y)
        strokes += [replace(one, fell_apart=True) for one in bodies if one.height > _AS_TALL * own.shape[0]]
    return strokes


def _component(
    ink: NDArray[np.uint8], labels: NDArray[np.integer], stats: NDArray[np.int32], label: int
) -> tuple[NDArray[np.uint8], int, int]:
    """A component's own ink `(height, width)`, and where it is."""
    x, y, width, height = stats[label, :4].tolist()
    region = slice(y, y + height), slice(x, x + width)
    return np.multiply(labels[region] == label, ink[region], dtype=np.uint8), x, y


def _peak(own: NDArray[np.uint8]) -> float:
    return quantile(own[own > 0], _PEAK)


def _bodies(own: NDArray[np.uint8], x: int, y: int) -> list[Stroke]:
    """What remains of a component when judged against its own peak: faint bridges fall away."""
    peak = _peak(own)
    if peak < _FAINTEST_PEAK:
        return []
    labels, boxes = _parts(own, peak)
    if not any(map(_is_large, boxes)):
        return []
    whole = _filled(own, peak, x, y)
    if not _is_all(boxes, own.shape):
        whole += _whole(own, peak, x, y)
    return whole + _apart(own, labels, boxes, peak, x, y)


def _parts(own: NDArray[np.uint8], peak: float) -> tuple[NDArray[np.integer], list[Box]]:
    """What a component falls into without its faint ink: labels `(height, width)`, and the box of each."""
    labels, stats = components_throughout(above(own, BODY * peak))
    return labels, [(left, top, width, height) for left, top, width, height, _ in stats[1:].tolist()]


def _apart(
    own: NDArray[np.uint8], labels: NDArray[np.integer], boxes: list[Box], peak: float, x: int, y: int
) -> list[Stroke]:
    """The large ones of those parts as strokes; none of a grid or a texture."""
    if len(boxes) > _MOST_BODIES:
        return []
    return [
        _stroke(own, labels == label if len(boxes) > 1 else None, box, peak, x, y)
        for label, box in enumerate(boxes, 1)
        if _is_large(box)
    ]


def _is_large(box: Box) -> bool:
    return max(box[2:]) >= _SMALLEST


def _is_all(boxes: list[Box], shape: tuple[int, ...]) -> bool:
    """Whether a component is but one body."""
    width, height = boxes[0][2:]
    return len(boxes) == 1 and max(shape[0] - height, shape[1] - width) < _LOST * max(shape)


def _whole(own: NDArray[np.uint8], peak: float, x: int, y: int) -> list[Stroke]:
    """A component as one stroke, as if its ink were as strong everywhere; none if too wide for a digit."""
    if _too_wide(own) or peak < _FAINTEST_PEAK:
        return []
    reach = int(_NEAR * max(own.shape)) | 1
    strongest = cv2.dilate(own, np.ones((reach, reach), np.uint8))
    return [_once_more(own, np.clip(strongest.astype(np.float32), _PALEST * peak, peak), peak, x, y)]


def _filled(own: NDArray[np.uint8], peak: float, x: int, y: int) -> list[Stroke]:
    """A component as one stroke in even ink, where it is hollow, as a felt tip's ink runs to its edges."""
    if _too_wide(own):
        return []
    square = np.ones((_RIM, _RIM), np.uint8)
    inner = own[cv2.erode(own, square, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0]
    usual = quantile(inner, 0.5) if inner.size else 0
    return [_once_more(own, usual, peak, x, y)] if _FAINTEST_PEAK < usual < _HOLLOW * peak else []


def _too_wide(own: NDArray[np.uint8]) -> bool:
    """Whether a component is wider than any digit."""
    return own.shape[1] > WIDEST_DIGIT * own.shape[0]


def _once_more(
    own: NDArray[np.uint8], full: float | NDArray[np.float32], peak: float, x: int, y: int
) -> Stroke:
    """A component as one stroke whose ink is full where it is as strong as that."""
    return Stroke((x, y, *own.shape[::-1]), _soft(own, full), peak, fell_apart=True)


def _stroke(
    own: NDArray[np.uint8], mine: NDArray[np.bool_] | None, box: Box, peak: float, x: int, y: int
) -> Stroke:
    left, top, width, height = box
    region = slice(top, top + height), slice(left, left + width)
    soft = own[region]
    if mine is not None:
        near = cv2.dilate(mine[region].astype(np.uint8), np.ones((3, 3), np.uint8))
        soft = soft * near
    own_peak = peak if mine is None else _peak(soft)
    return Stroke((x + left, y + top, width, height), _soft(soft, peak), own_peak)


def _soft(ink: NDArray[np.uint8], peak: float | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Ink as white as its peak where it is a stroke's, black where it is but its edge."""
    low, high = _SOFT
    soft = (ink.astype(np.float32) - low * peak) * (255 / ((high - low) * peak))
    return np.clip(soft, 0, 255).astype(np.uint8)
