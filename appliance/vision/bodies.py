"""From a component of ink to strokes: its strong parts, without the fainter lines and bridges between them.

Where that leaves other than it was, the whole is proposed as well: it may be a digit in uneven ink, or one
that a dry pen wrote, and the network can tell.
"""

from dataclasses import dataclass, replace

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
_MANY, _FEW = 23, 11  # parts: many are a grid or a texture, unless but a few of them are larger than specks
_SOFT = (0.25, 0.7)  # of its own peak: where a stroke's edge begins and where it is full
_SMALLEST = 4  # pixels; what is smaller both ways is dirt
_SPECK = 0.1  # of the largest of many parts: what is smaller is a speck of what it was written on
_MOST = 64  # pieces of one tone at one look, the tallest first
_TALLER = (
    1.1  # times as tall as all that there was no time for is what is no print, nor a texture, as they are
)
_AS_TALL = 0.5  # as a component in which a shade was seen: what is lower in it is no digit
_LOST = 0.12  # of its size: what is lost of its height or width, if more, is no blurred edge
_RIM = 5  # pixels, half of them to each side: what is nearer to its edge is not within a stroke
_HOLLOW = 0.66  # of its peak: what is paler within is hollow
_NEAR = 0.2  # of its size: the strongest ink so near tells how strong uneven ink is
_PALEST = 0.3  # of its peak: uneven ink is taken for no weaker


def strokes_of(ink: NDArray[np.uint8], labels: NDArray[np.integer], stats: NDArray[np.int32]) -> list[Stroke]:
    """The strokes of all components of ink `uint8 (H, W)`, given by their labels `(H, W)` and statistics."""
    sizes = np.maximum(stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_WIDTH])
    sizes[0] = 0  # the background
    seen = np.flatnonzero(sizes >= _SMALLEST)
    ordered = seen[np.argsort(-stats[seen, cv2.CC_STAT_HEIGHT])]
    strokes: list[Stroke] = []
    for label in ordered[:_MOST].tolist():
        strokes += _bodies(_Component.of(ink, labels, stats, label))
    tall = _TALLER * stats[ordered[_MOST:], cv2.CC_STAT_HEIGHT].max(initial=0)
    return [replace(one, one_of_many=True) if one.height < tall else one for one in strokes]


def wholes_of(
    ink: NDArray[np.uint8], labels: NDArray[np.integer], stats: NDArray[np.int32], some: NDArray[np.integer]
) -> list[Stroke]:
    """Those components, by their labels, each as one stroke, if it may be a digit, and as its tall bodies."""
    strokes: list[Stroke] = []
    for one in (_Component.of(ink, labels, stats, label) for label in some.tolist()):
        if one.peak < _FAINTEST_PEAK:
            continue
        tall = [body for body in _apart(one, *_parts(one)) if body.height > _AS_TALL * one.ink.shape[0]]
        strokes += _filled(one) + _whole(one) + [replace(body, fell_apart=True) for body in tall]
    return strokes


@dataclass(frozen=True, slots=True)
class _Component:
    """A component's own ink `uint8 (height, width)`, its peak, and where it is."""

    ink: NDArray[np.uint8]
    peak: float
    left: int
    top: int

    @classmethod
    def of(
        cls, ink: NDArray[np.uint8], labels: NDArray[np.integer], stats: NDArray[np.int32], label: int
    ) -> "_Component":
        left, top, width, height = stats[label, :4].tolist()
        region = slice(top, top + height), slice(left, left + width)
        own = np.multiply(labels[region] == label, ink[region], dtype=np.uint8)
        return cls(own, _peak(own), left, top)

    @property
    def is_too_wide(self) -> bool:
        """Whether it is wider than any digit."""
        return self.ink.shape[1] > WIDEST_DIGIT * self.ink.shape[0]

    def once_more(self, full: float | NDArray[np.float32]) -> Stroke:
        """It as one stroke, whose ink is full where it is as strong as that."""
        box = (self.left, self.top, *self.ink.shape[::-1])
        return Stroke(box, _soft(self.ink, full), self.peak, fell_apart=True)


def _peak(own: NDArray[np.uint8]) -> float:
    return quantile(own[own > 0], _PEAK)


def _bodies(one: _Component) -> list[Stroke]:
    """What remains of a component when judged against its own peak: faint bridges fall away."""
    if one.peak < _FAINTEST_PEAK:
        return []
    labels, boxes = _parts(one)
    if not any(max(box[2:]) >= _SMALLEST for box in boxes):
        return []
    whole = _filled(one)
    if not _is_all(boxes, one.ink.shape):
        whole += _whole(one)
    return whole + _apart(one, labels, boxes)


def _parts(one: _Component) -> tuple[NDArray[np.integer], list[Box]]:
    """What a component falls into without its faint ink: labels `(height, width)`, and the box of each."""
    labels, stats = components_throughout(above(one.ink, BODY * one.peak))
    return labels, [(left, top, width, height) for left, top, width, height, _ in stats[1:].tolist()]


def _apart(one: _Component, labels: NDArray[np.integer], boxes: list[Box]) -> list[Stroke]:
    """The large ones of those parts as strokes: of many a few without the specks about them, or none."""
    least, most = _SMALLEST, _MANY
    if len(boxes) > _MANY:
        least, most = max(least, int(_SPECK * max(max(box[2:]) for box in boxes))), _FEW
    large = [(label, box) for label, box in enumerate(boxes, 1) if max(box[2:]) >= least]
    if len(large) > most:
        return []
    alone = len(boxes) == 1
    return [_stroke(one, box, None if alone else labels == label) for label, box in large]


def _stroke(one: _Component, box: Box, mine: NDArray[np.bool_] | None) -> Stroke:
    """A part of a component as a stroke; `mine` `(height, width)` is where it is, if there are others."""
    left, top, width, height = box
    region = slice(top, top + height), slice(left, left + width)
    soft, peak = one.ink[region], one.peak
    if mine is not None:
        soft = soft * cv2.dilate(mine[region].astype(np.uint8), np.ones((3, 3), np.uint8))
        peak = _peak(soft)
    return Stroke((one.left + left, one.top + top, width, height), _soft(soft, one.peak), peak)


def _is_all(boxes: list[Box], shape: tuple[int, ...]) -> bool:
    """Whether a component is but one body."""
    width, height = boxes[0][2:]
    return len(boxes) == 1 and max(shape[0] - height, shape[1] - width) < _LOST * max(shape)


def _whole(one: _Component) -> list[Stroke]:
    """A component as one stroke, as if its ink were as strong everywhere; none if too wide for a digit."""
    if one.is_too_wide:
        return []
    reach = int(_NEAR * max(one.ink.shape)) | 1
    strongest = cv2.dilate(one.ink, np.ones((reach, reach), np.uint8)).astype(np.float32)
    return [one.once_more(np.clip(strongest, _PALEST * one.peak, one.peak))]


def _filled(one: _Component) -> list[Stroke]:
    """A component as one stroke in even ink, where it is hollow, as a felt tip's ink runs to its edges."""
    if one.is_too_wide:
        return []
    square = np.ones((_RIM, _RIM), np.uint8)
    inner = one.ink[cv2.erode(one.ink, square, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0]
    usual = quantile(inner, 0.5) if inner.size else 0
    return [one.once_more(usual)] if _FAINTEST_PEAK < usual < _HOLLOW * one.peak else []


def _soft(ink: NDArray[np.uint8], peak: float | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Ink as white as its peak where it is a stroke's, black where it is but its edge."""
    low, high = _SOFT
    soft = (ink.astype(np.float32) - low * peak) * (255 / ((high - low) * peak))
    return np.clip(soft, 0, 255).astype(np.uint8)
