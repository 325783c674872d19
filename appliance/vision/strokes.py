"""From ink to strokes: the connected pieces that may be digits or parts of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.bands import crossing, without_band
from appliance.vision.ink import THIN, above, flatten
from appliance.vision.shades import without_shades

Box = tuple[int, int, int, int]
"""`(x, y, width, height)` in frame pixels."""

_FAINTEST = 14  # ink below this is paper
_FAINTEST_PEAK = 24  # a stroke must somewhere stand out this much
_BODY = 0.42  # of its own peak: what belongs to a stroke, and not to a fainter line that it touches
_MOST_BODIES = 24  # what falls apart into more is a grid or a texture
_SOFT = (0.25, 0.7)  # of its own peak: where a stroke's edge begins and where it is full
_SMALLEST = 4  # pixels; what is smaller both ways is dirt
_SMALLEST_REMAINS = 12  # the same where lines were taken out
_MOST = 64  # pieces looked at in one frame, the tallest first
_SPRAWLING = 0.6  # of the frame's width or height: lined paper, a shadow, a page, and what touches them
_HOLLOW = 0.2  # of its box: what fills less may be cells
_MOSTLY = 0.7
_END = 8  # pixels
_HALO = 4  # pixels that it is wide
_GLARING = 2.0  # times as strong
_PALE = 2.0  # times the ink of the lines: what is darker is no line
_BARE = 0.2  # shorter by longer side
_AS_STRONG = 0.9  # of the shadow's own peak, for which the strokes in it count too
_DARKER = 1.6  # times the ink of a shadow that lies across it
_LINE = 64  # pixels that a ruled line runs straight on
_RUNS_ON = 0.4  # of the frame: how long it is altogether


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

    def edges_met(self, shape: tuple[int, ...]) -> int:
        """How many of the four edges of a frame `(H, W)` it reaches."""
        return sum(away <= 1 for away in (self.left, self.top, shape[1] - self.right, shape[0] - self.bottom))


def overlap(one: Box, other: Box) -> int:
    """The area in pixels that two boxes share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def find_strokes(gray: NDArray[np.uint8]) -> tuple[list[Stroke], list[Stroke]]:
    """The strokes of a gray frame `uint8 (H, W)`: those dark on light, and those light on dark."""
    ink = flatten(gray)
    thin = ink.up_to(THIN)
    threshold = max(_FAINTEST, ink.noise)
    dark = _pieces(ink.dark, threshold, lambda: thin.dark, shaded=True)
    dark = [stroke for stroke in dark if _stands_out(gray, stroke, darker=True)]
    light = _pieces(ink.light, threshold, lambda: thin.light, ink.is_paper)
    light = [stroke for stroke in light if _stands_out(gray, stroke, darker=False)]
    return dark, [stroke for stroke in light if not _is_halo(stroke, ink.dark)]


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
    closer: Callable[[], NDArray[np.uint8]],
    is_background: Callable[[NDArray[np.bool_]], bool] = lambda where: False,
    shaded: bool = False,
) -> list[Stroke]:
    threshold = max(threshold, 3 * _quantile(ink[::4, ::4], 0.5))
    labels, stats = _components(above(ink, threshold))
    band = crossing(stats, ink.shape)
    bare = without_band(ink, labels == band, threshold) if band else ink
    if bare is not ink:
        labels, stats = _components(above(bare, threshold))
    unshaded = without_shades(bare, closer, labels, stats) if shaded else bare
    if unshaded is not bare:
        labels, stats = _components(above(unshaded, threshold))
    ink = unshaded
    sprawling = _sprawling(stats, ink.shape)
    if not sprawling.size:
        return _strokes(ink, labels, stats)
    there = _labelled(labels, sprawling)
    if is_background(there):  # nothing is written there in its own tone
        stats[sprawling] = 0
        return _strokes(ink, labels, stats)
    strokes = _strokes(ink, labels, stats)
    again, lines = _look_again(closer(), there, threshold)
    within = _others(again, strokes)
    known = [*strokes, *within]
    within += _others(_apart_from(known, _darker(ink * there), ink.shape), known)
    strokes = [stroke for stroke in strokes if not _is_shade(stroke, within, ink.shape)] + within
    near = cv2.dilate(lines, np.ones((7, 7), np.uint8))
    faint = above(ink, threshold)
    pale = _PALE * cv2.mean(ink, lines)[0]
    return [
        stroke
        for stroke in strokes
        if not (_lies_on(stroke, near) or (stroke.peak < pale and _joins(stroke, near, faint)))
    ]


def _sprawling(stats: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Which components are too large for a stroke, or large and so thin that they may be printed cells."""
    _, _, width, height, area = stats.T
    found = (width > _SPRAWLING * shape[1]) | (height > _SPRAWLING * shape[0])
    found |= (area < _HOLLOW * width * height) & (np.maximum(width, height) > _RUNS_ON * max(shape))
    found[0] = False
    return np.flatnonzero(found)


def _others(again: Sequence[Stroke], strokes: Sequence[Stroke]) -> list[Stroke]:
    """Those found again that are not, by their boxes, the same as those found before."""
    if not again or not strokes:
        return list(again)
    shared, one, other = _shared(again, strokes)
    return [again[at] for at in np.flatnonzero((shared <= 0.7 * np.maximum(one, other)).all(axis=1)).tolist()]


def _shared(
    strokes: Sequence[Stroke], others: Sequence[Stroke]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The areas that N strokes' boxes share with M others' `(N, M)`; and their own, `(N, 1)` and `(M,)`."""
    one = np.array([stroke.box for stroke in strokes])[:, np.newaxis]
    other = np.array([stroke.box for stroke in others])
    shared = np.minimum(one[..., :2] + one[..., 2:], other[:, :2] + other[:, 2:])
    shared = np.maximum(0, shared - np.maximum(one[..., :2], other[:, :2])).prod(axis=2)
    return shared, one[..., 2:].prod(axis=2), other[:, 2:].prod(axis=1)


def _look_again(
    ink: NDArray[np.uint8], where: NDArray[np.bool_], threshold: float
) -> tuple[list[Stroke], NDArray[np.uint8]]:
    """The strokes within something that sprawls over the frame, as lined paper or a page; and its lines."""
    ink = ink * where
    strongest = cv2.dilate(ink[::2, ::2], np.ones((15, 15), np.uint8))
    strongest = cv2.resize(strongest, ink.shape[::-1], interpolation=cv2.INTER_NEAREST)
    mask = above(ink, threshold) & above(cv2.subtract(ink, cv2.convertScaleAbs(strongest, alpha=_BODY)), 0)
    lines = _lines(mask)
    labels, stats = _components(mask & ~lines)
    stats[np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) < _SMALLEST_REMAINS] = 0
    return _strokes(ink, labels, stats), lines


def _darker(ink: NDArray[np.uint8]) -> list[Stroke]:
    """The strokes within something fainter, as the hard shadow of a pen that lies across them."""
    inked = ink[ink > 0]
    for _ in range(2):  # the shadow's own soft edge may be the first thing that is fainter
        threshold, _ = cv2.threshold(inked, 0, 255, cv2.THRESH_OTSU)
        faint, strong = inked[inked <= threshold], inked[inked > threshold]
        if not (faint.size and strong.size):
            break
        if strong.size < faint.size and strong.mean() > _DARKER * faint.mean():
            mask = above(ink, threshold)
            return _strokes(ink & mask, *_components(mask))
        inked = strong
    return []


def _apart_from(known: Sequence[Stroke], strokes: Sequence[Stroke], shape: tuple[int, ...]) -> list[Stroke]:
    """The strokes that lie in none of those known, but for what sprawls."""
    whole = [
        stroke
        for stroke in known
        if stroke.height < _SPRAWLING * shape[0] and stroke.width < _SPRAWLING * shape[1]
    ]
    if not strokes or not whole:
        return list(strokes)
    shared, own, _ = _shared(strokes, whole)
    return [strokes[at] for at in np.flatnonzero((shared <= _MOSTLY * own).all(axis=1)).tolist()]


def _is_shade(stroke: Stroke, within: Sequence[Stroke], shape: tuple[int, ...]) -> bool:
    """Whether what runs from edge to edge of the frame only lies across strokes, as a pole's shadow does."""
    if stroke.edges_met(shape) < 2:
        return False
    strong = [one for one in within if one.peak > _AS_STRONG * stroke.peak]
    return any(overlap(stroke.box, one.box) > _MOSTLY * one.width * one.height for one in strong)


def _is_large(stroke: Stroke, shape: tuple[int, ...]) -> bool:
    """Whether a stroke, however straight, may be that of a large digit."""
    return stroke.height > _RUNS_ON * shape[0] or stroke.width > _RUNS_ON * shape[1]


def _lies_on(stroke: Stroke, lines: NDArray[np.uint8]) -> bool:
    """Whether a stroke is but the rest of ruled lines."""
    if _is_large(stroke, lines.shape):
        return False
    x, y, width, height = stroke.box
    own = stroke.ink > 0
    met = int(np.count_nonzero(lines[y : y + height, x : x + width][own]))
    return met > _MOSTLY * int(np.count_nonzero(own))


def _joins(stroke: Stroke, lines: NDArray[np.uint8], faint: NDArray[np.uint8]) -> bool:
    """Whether a bare stroke runs from one line to another, if faintly, as the side of a printed cell does."""
    x, y, width, height = stroke.box
    if min(width, height) > _BARE * max(width, height) or _is_large(stroke, lines.shape):
        return False
    if width > height:
        x, y, width, height, lines, faint = y, x, height, width, lines.T, faint.T
    top = max(0, y - _LINE // 2)
    band = slice(top, y + height + _LINE // 2), slice(max(0, x - 1), x + width + 1)
    inked = faint[band].max(axis=1) > 0
    met = lines[band].max(axis=1) > 0
    middle = y + height // 2 - top
    begins = int(np.flatnonzero(np.append(True, ~inked[:middle]))[-1])
    ends = middle + int(np.flatnonzero(np.append(~inked[middle:], True))[0])
    end = max(_END, height // 5)
    return bool(met[begins : begins + end].any() and met[ends - end : ends].any())


def _lines(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where long thin lines run, down and across, but for where a stroke crosses them."""
    return _lines_down(mask) | cv2.transpose(_lines_down(cv2.transpose(mask)))


def _lines_down(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Wider both ways: over gaps, and over the steps of a line that is not quite upright.
    wide = cv2.dilate(mask, np.ones((15, 5), np.uint8))
    labels, stats = _components(cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones((_LINE, 1), np.uint8)))
    runs_on = stats[:, cv2.CC_STAT_HEIGHT] > _RUNS_ON * mask.shape[0]
    runs_on[0] = False
    if not runs_on.any():
        return np.zeros_like(mask)
    lines = mask * _labelled(labels, np.flatnonzero(runs_on))
    thickness = np.count_nonzero(lines) / max(1, int(stats[runs_on, cv2.CC_STAT_HEIGHT].sum()))
    crossing = np.ones((1, 2 + int(1.5 * thickness)), np.uint8)
    return lines & ~cv2.morphologyEx(mask, cv2.MORPH_OPEN, crossing)


def _components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
    """The connected components of a frame: the label of each pixel, and the statistics of each label.

    Most frames are paper, so only the part that holds anything is gone through.
    """
    x, y, width, height = cv2.boundingRect(mask)
    there = slice(y, y + height), slice(x, x + width)
    found, stats = _all_components(mask[there]) if width else (None, np.zeros((1, 5), np.int32))
    labels = np.zeros(mask.shape, np.int32 if found is None else found.dtype)
    if found is not None:
        labels[there] = found
    stats[:, : cv2.CC_STAT_TOP + 1] += (x, y)
    stats[0] = (0, 0, mask.shape[1], mask.shape[0], mask.size - stats[1:, cv2.CC_STAT_AREA].sum())
    return labels, stats


def _all_components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
    # In two bytes OpenCV is twice as fast; it takes no more labels than there are pixels.
    kind = cv2.CV_16U if cv2.countNonZero(mask) < 2**16 else cv2.CV_32S
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, kind, cv2.CCL_BBDT)
    return labels, stats


def _labelled(labels: NDArray[np.integer], some: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the components with some of the labels are, at least one."""
    return reduce(np.logical_or, (labels == label for label in some.tolist()))


def _strokes(ink: NDArray[np.uint8], labels: NDArray[np.integer], stats: NDArray[np.int32]) -> list[Stroke]:
    sizes = np.maximum(stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_WIDTH])
    seen = np.flatnonzero(sizes >= _SMALLEST)[1:]
    strokes: list[Stroke] = []
    for label in seen[np.argsort(-stats[seen, cv2.CC_STAT_HEIGHT])][:_MOST]:
        x, y, width, height = (int(value) for value in stats[label, :4])
        region = slice(y, y + height), slice(x, x + width)
        own = np.multiply(labels[region] == label, ink[region], dtype=np.uint8)
        strokes += _bodies(own, x, y)
    return strokes


def _bodies(own: NDArray[np.uint8], x: int, y: int) -> list[Stroke]:
    """What remains of a component when judged against its own peak: faint bridges fall away."""
    peak = _quantile(own[own > 0], 0.9)
    if peak < _FAINTEST_PEAK:
        return []
    _, mask = cv2.threshold(own, _BODY * peak, 255, cv2.THRESH_BINARY)
    labels, stats = _all_components(mask)
    count = len(stats)
    if count > _MOST_BODIES:
        return []
    strokes = []
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label, :4])
        if max(width, height) >= _SMALLEST:
            mine = labels == label if count > 2 else None
            strokes.append(_stroke(own, mine, (left, top, width, height), peak, x, y))
    return strokes


def _stroke(
    own: NDArray[np.uint8], mine: NDArray[np.bool_] | None, box: Box, peak: float, x: int, y: int
) -> Stroke:
    left, top, width, height = box
    region = slice(top, top + height), slice(left, left + width)
    soft = own[region]
    if mine is not None:
        near = cv2.dilate(mine[region].astype(np.uint8), np.ones((3, 3), np.uint8))
        soft = soft * near
    low, high = (share * peak for share in _SOFT)
    soft = np.clip((soft.astype(np.float32) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return Stroke((x + left, y + top, width, height), soft, peak)


def _quantile(values: NDArray[np.uint8], share: float) -> float:
    """The value that so many lie below; numpy sorts bytes by counting them, but its own quantiles do not."""
    ordered = np.sort(values, axis=None, kind="stable")
    place = share * (ordered.size - 1)
    low, high = (int(ordered[rank]) for rank in (int(place), min(int(place) + 1, ordered.size - 1)))
    return low + (high - low) * (place % 1)


def _stands_out(gray: NDArray[np.uint8], stroke: Stroke, darker: bool) -> bool:
    """Whether a stroke differs from most of what lies around it, and is not the gap between strokes."""
    x, y, width, height = stroke.box
    reach = max(width, height) // 2 + 2
    top, left = max(0, y - reach), max(0, x - reach)
    step = max(1, (max(width, height) + 2 * reach) // 24)
    nearby = gray[top : y + height + reach : step, left : x + width + reach : step]
    middle = nearby.size // 2
    around = float(np.partition(nearby, middle, axis=None)[middle])
    _, full = cv2.threshold(stroke.ink, 127, 255, cv2.THRESH_BINARY)
    if not full.any():
        return False
    own = cv2.mean(gray[y : y + height, x : x + width], full)[0]
    return own < around - 6 if darker else own > around + 6
