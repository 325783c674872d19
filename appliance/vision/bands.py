"""Takes out of the ink what runs straight across a frame: a pole's shadow, a streak of light, a printed line.

Along such a band nothing changes but what is written across it. So at each distance from its middle line the
ink that most of it has there is the band's own, and what is written remains when that is divided away.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_LONG = 0.2  # of the frame's shorter side
_NEAR = 0.025  # of the same: so far from the frame's edge a band may be seen to end
_SOLID = 0.4  # of all between its sides is a band's own ink, at least
_BARE = 0.35  # of a band, at least, nothing is written on
_SAMPLES = 160  # along it, at every distance from its middle
_GONE = 0.6  # of its pixels, at least, or it was no band
_MOST = 0.3  # of its component, at least: what is written across a thin one may be more
_AT_EDGE = 2.0  # pixels
_CORNER = 0.1  # of the frame's shorter side
_CUT_OFF = 32  # pixels long: of a longer band, only where it is whole tells how it runs


def crossing(stats: NDArray[np.int32], shape: tuple[int, ...]) -> int:
    """The label of the largest component that may run from edge to edge of a frame; 0 if none does.

    `stats` are OpenCV's of all components.
    """
    x, y, width, height, area = stats.T
    shorter = min(shape)
    away = np.stack([x, y, shape[1] - x - width, shape[0] - y - height])
    crosses = ((away <= _NEAR * shorter).sum(axis=0) > 1) & (np.maximum(width, height) > _LONG * shorter)
    crosses[0] = False
    return int((area * crosses).argmax())


def without_band(ink: NDArray[np.uint8], where: NDArray[np.bool_], threshold: float) -> NDArray[np.uint8]:
    """The ink `uint8 (H, W)` without the band that the component `where (H, W)` is.

    What is written on it stays; the same ink if it is no straight band.
    Ink up to `threshold` is taken for paper.
    """
    ends = _middle_line(where)
    if ends is None or not _crosses(ends, ink.shape):
        return ink
    distances = _distances(ink.shape, ends)
    reach = int(np.abs(distances[where]).max()) + 1
    levels = _levels(ink, ends, reach)
    band = levels[np.clip(distances, -reach, reach) + reach]
    own = where & (band > threshold)
    left = cv2.divide(cv2.subtract(ink, band), 255 - band, scale=255)
    size, gone = np.count_nonzero(own), np.count_nonzero(left[own] <= threshold)
    return left if gone > _GONE * size and size > _MOST * np.count_nonzero(where) else ink


def _middle_line(where: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Both ends `((x, y), (x, y))` of the line midway between a component's sides.

    None where most of what lies between them is not its own.
    """
    _, y, width, height = cv2.boundingRect(where.astype(np.uint8))
    if width > height:
        turned = _middle_line(where.T)
        return None if turned is None else turned[:, ::-1]
    rows = where[y : y + height]
    begin = rows.argmax(axis=1)
    past = where.shape[1] - rows[:, ::-1].argmax(axis=1)
    if np.count_nonzero(where) < _SOLID * (past - begin).sum():
        return None
    middles = np.column_stack([(begin + past - 1) / 2, np.arange(y, y + height)]).astype(np.float32)
    whole = (begin > 0) & (past < where.shape[1])
    straight = middles[whole] if np.count_nonzero(whole) >= _CUT_OFF else middles
    direction, point = cv2.fitLine(straight, cv2.DIST_L1, 0, 0.01, 0.01).astype(np.float64).reshape(2, 2)
    along = (middles - point) @ direction
    return point + np.outer((along.min(), along.max()), direction)


def _crosses(ends: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Whether a line leaves a frame at both ends; in a corner, where ink may be missed, it need not quite."""
    last = np.array(shape[::-1]) - 1
    away = np.minimum(ends, last - ends)  # from the sides, and from the top or bottom
    in_corner = np.hypot(*away.T) < _CORNER * min(shape)
    return bool(((away.min(axis=1) < _AT_EDGE) | in_corner).all())


def _direction(ends: NDArray[np.float64]) -> NDArray[np.float64]:
    way = ends[1] - ends[0]
    return way / np.hypot(*way)


def _distances(shape: tuple[int, ...], ends: NDArray[np.float64]) -> NDArray[np.int32]:
    """Of every pixel of a frame from a line, in pixels; less than 0 on one side."""
    (x, y), (along, down) = ends[0], _direction(ends)
    across = (np.arange(shape[0]) - y)[:, np.newaxis] * along - (np.arange(shape[1]) - x) * down
    return np.rint(across).astype(np.int32)


def _levels(ink: NDArray[np.uint8], ends: NDArray[np.float64], reach: int) -> NDArray[np.uint8]:
    """A band's ink at each distance from `-reach` to `reach` of its middle line, `uint8 (2 * reach + 1,)`."""
    along, down = _direction(ends)
    aside = np.arange(-reach, reach + 1)[:, np.newaxis]
    xs, ys = np.linspace(ends[0], ends[1], _SAMPLES).T
    xs, ys = (xs - aside * down).astype(np.float32), (ys + aside * along).astype(np.float32)
    seen = cv2.remap(ink, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    levels = np.sort(seen, axis=1)[:, int(_BARE * _SAMPLES)]
    # No line is fitted to a fraction of a pixel: without this, a band's sides would remain.
    return cv2.dilate(levels, np.ones(3, np.uint8))[:, 0]
