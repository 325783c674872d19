"""Follows the pen that wrote a digit: from its image to lines that any other pen can draw again."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

_SIZE = 64  # pixels of height at which the middle line is found
_ROOM = 2  # pixels of the image around it, so that nothing touches the edge
_INK = 110  # gray levels, once sharpened
_SPECK = 0.03  # of the ink: what is less is dirt
_FILLED = 1.8  # as wide as the pen usually is, and a loop is filled: it has no line to follow
_BROAD = 8.5  # pixels of half a pen that is too broad for the shape of what it wrote
_LOST = 0.006  # of the ink that its line may be far from
_SMOOTH = 2.0  # steps along the line, by which it is less angular than its pixels

Lines = list[NDArray[np.float32]]
"""Each `float32 (n, 2)`, points `(x, y)` with y downwards."""

_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # clockwise from north


def trace_image(image: NDArray[np.uint8]) -> Lines | None:
    """The lines along the middle of a digit's strokes, white on black `uint8 (H, W)`.

    None where strokes have run together so far that their lines would show another shape.
    """
    solid = _solid(image)
    line = thinned(solid)
    return list(_chains(line)) if _follows(line, solid) else None


def _solid(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The digit's ink as ones, enlarged, with the gray in a narrow loop taken for the hole that it is."""
    x, y, w, h = cv2.boundingRect((image > 60).astype(np.uint8))
    scale = _SIZE / max(h, 0.6 * w, 1)
    small = cv2.copyMakeBorder(image[y : y + h, x : x + w], *[_ROOM] * 4, cv2.BORDER_CONSTANT)
    big = cv2.resize(small.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    big = cv2.GaussianBlur(big, (0, 0), 0.35 * scale)
    sharp = 2 * big - cv2.GaussianBlur(big, (0, 0), 1.6 * scale)
    solid = ((sharp > _INK) & (big > 0.6 * _INK)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] > _SPECK * solid.sum()
    kept[0] = False
    return kept[labels].astype(np.uint8)


def _follows(line: NDArray[np.uint8], solid: NDArray[np.uint8]) -> bool:
    """Whether a pen of one width along the line leaves about this ink."""
    if not line.any():
        return False
    widths = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    away = cv2.distanceTransform(1 - line, cv2.DIST_L2, 5)
    pen = float(np.median(widths[line > 0]))
    lost = float((away[solid > 0] > 1.5 * pen + 2).mean())
    return pen < _BROAD and lost < _LOST and bool(widths.max() < _FILLED * pen)


def thinned(solid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle line of a shape of ones, one pixel wide (Guo and Hall, 1989).

    Unlike Zhang and Suen's better known one, it leaves thin slanted strokes as long as they were.
    """
    line = np.pad(solid > 0, 1)
    while True:
        before = line.sum()
        for second in (False, True):
            n, ne, e, se, s, sw, w, nw = (
                line[1 + dy : line.shape[0] - 1 + dy, 1 + dx : line.shape[1] - 1 + dx] for dy, dx in _AROUND
            )
            parts = _count(~n & (ne | e), ~e & (se | s), ~s & (sw | w), ~w & (nw | n))
            pairs = np.minimum(_count(nw | n, ne | e, se | s, sw | w), _count(n | ne, e | se, s | sw, w | nw))
            kept = ((n | ne | ~se) & e) if second else ((s | sw | ~nw) & w)
            line[1:-1, 1:-1] &= ~((parts == 1) & (pairs >= 2) & (pairs <= 3) & ~kept)
        if line.sum() == before:
            return line[1:-1, 1:-1].astype(np.uint8)


def _count(*which: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.sum(which, axis=0, dtype=np.uint8)


def _chains(line: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """The pieces of a line between its ends and forks, smoothed."""
    beside = _neighbours(line)
    forks = [pixel for pixel, others in beside.items() if len(others) != 2]
    walked: set[tuple[int, int]] = set()
    for start in [*forks, *beside]:  # a ring has neither end nor fork, and is left for last
        if start in walked:
            continue
        for following in beside[start]:
            if following in walked:
                continue
            chain = [start, following]
            while len(beside[chain[-1]]) == 2 and chain[-1] != start:
                walked.add(chain[-1])
                one, other = beside[chain[-1]]
                chain.append(other if one == chain[-2] else one)
            yield _smoothed(np.array(chain, np.float32)[:, ::-1])
        walked.add(start)
        if not beside[start]:
            yield np.array([start[::-1]] * 2, np.float32)


def _neighbours(line: NDArray[np.uint8]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Each pixel `(y, x)` of a line and those it goes on to: no diagonal where there is a way around."""
    pixels = {(int(y), int(x)) for y, x in np.argwhere(line)}
    beside = {}
    for y, x in pixels:
        straight = [p for p in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)) if p in pixels]
        slanted = [(y + down, x + right) for down in (-1, 1) for right in (-1, 1)]
        beside[y, x] = straight + [
            p for p in slanted if p in pixels and (p[0], x) not in straight and (y, p[1]) not in straight
        ]
    return dict(sorted(beside.items()))


def _smoothed(chain: NDArray[np.float32]) -> NDArray[np.float32]:
    """A chain of pixels as a curve with the same ends; a ring stays closed."""
    reach = round(3 * _SMOOTH)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SMOOTH) ** 2)
    weights /= weights.sum()
    if ring := bool((chain[0] == chain[-1]).all()):
        padded = np.pad(chain[:-1], ((reach, reach), (0, 0)), "wrap")
    else:
        padded = np.pad(chain, ((reach, reach), (0, 0)), "reflect", reflect_type="odd")
    curve = np.stack([np.convolve(column, weights, "valid") for column in padded.T], 1).astype(np.float32)
    return np.concatenate([curve, curve[:1]]) if ring else curve
