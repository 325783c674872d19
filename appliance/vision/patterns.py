"""Leaves out what repeats alike at equal distances, as the coils of a notebook or the teeth of a comb do."""

from collections.abc import Iterator, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from appliance.vision.stroke import Stroke, outside

_MANY = 12  # strokes, at least: nobody writes so many digits in a row
_AS_BROAD, _AS_LONG = 1.25, 1.6  # times, at most: the frame's edge cuts off more of one than of another
_EQUAL = 0.15  # of the usual distance: by no more does that from one to the next differ from a multiple of it
_MISSED = 3.5  # times the usual distance: so far apart, at most, are two if others were missed between them
_IN_LINE = np.cos(np.radians(20))  # twice the angle by which the way from one to the next may turn
_BEHIND = 0.5  # of that distance, at least, is one behind the other: what is level with it is in another line
_MOSTLY = 0.7  # of those alike; of a stroke


def without_patterns(*tones: Sequence[Stroke]) -> list[list[Stroke]]:
    """The dark and the light strokes of a frame that are part of no pattern, nor lie within such a part."""
    seen_once = ([stroke for stroke in strokes if not stroke.fell_apart] for strokes in tones)
    parts = [part for strokes in seen_once for part in _parts(strokes)]
    return [outside(strokes, parts, _MOSTLY) for strokes in tones]


def _parts(strokes: Sequence[Stroke]) -> Iterator[Stroke]:
    """Those strokes of one tone that make up patterns."""
    if len(strokes) < _MANY:
        return iter(())
    boxes = np.array([stroke.box for stroke in strokes])
    sizes, middles = np.log(np.sort(boxes[:, 2:], axis=1)), boxes[:, :2] + boxes[:, 2:] / 2
    alike = np.all(np.abs(sizes - sizes[:, np.newaxis]) < np.log((_AS_BROAD, _AS_LONG)), axis=2)
    within, known = np.zeros(len(strokes), np.bool_), np.zeros(len(strokes), np.bool_)
    for one in np.argsort(-alike.sum(axis=1)):
        some = np.flatnonzero(alike[one])
        if some.size >= _MANY and not known[one]:
            within[some[_in_pattern(middles[some])]] = True
            known[some] = True
    return compress(strokes, within.tolist())


def _in_pattern(middles: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of those alike, `float64 (N, 2)`, follow each other evenly in one line; none unless most do."""
    where = middles @ (1, 1j)
    ways = where - where[:, np.newaxis]
    distances = np.abs(ways)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    every = np.arange(len(where))
    away, way = distances[every, nearest], ways[every, nearest]
    usual = np.median(away)
    turns = (way / np.maximum(away, 1)) ** 2  # squared, a way and the way back are one
    course = np.sqrt(turns.mean())
    times = away / max(usual, 1)
    follow = (np.abs(times - np.rint(times)) < _EQUAL) & (times < _MISSED)
    follow &= (turns * np.conj(course**2)).real > _IN_LINE * np.abs(course) ** 2
    along = np.sort((where[follow] * np.conj(course)).real) / max(np.abs(course), 1e-6)
    enough = along.size >= max(_MANY, _MOSTLY * len(where))
    return follow & (enough and np.mean(np.diff(along) > _BEHIND * usual) > _MOSTLY)
