"""Faces, rings and houses: what looks like a digit in the drawing of something else."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from math import dist

import numpy as np

from appliance.reading.judged import Judged
from appliance.vision import Crop
from appliance.vision.box import encloses, inside, same_box
from appliance.vision.stroke import AS_DARK, INKED

_FEATURE = 0.06  # of a zero's height, at least, is what is drawn in it: less may be dirt
_EYE = 0.35  # of it, at most, is an eye of what is drawn there: a number in a circle fills more of it
_EYES = 2  # or more, in an outline that is no zero, or each with a pupil
_PUPIL = 0.25  # of its height, at least: some write zeros with a dot
_OF_ONE_SHAPE = 1.15  # times as wide for its height, at most: a zero is narrower than its circle
_OFF_CENTRE = 0.1  # of the outer one's height, at most, is how far rings' middles are apart
_WITHIN = 0.66  # of the outer one's height, at most, is the inner one: the rim of a broad stroke has more
_WINDOW = 0.15  # of a house's height, at least, is the window that tells it from digits that touch
_LINES = 2  # ones, at least, that are part of a figure tell that it is drawn with straight lines
_SHARED = 0.7  # of their ink, at least, is its own
_DARKER = 1.15  # times as strong as a printed line is a digit that touches it
_BEYOND = 0.15  # of a digit's height, at least, the side of its cell goes on above and below it


def without_drawings(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """The digits of one tone without those that are but drawn, as all that is `judged` in it tells."""
    rounds = [one for one in judged if one.value == 0 and one.confidence > one.none]
    digits = _without_rings(_without_faces(digits, rounds, judged), rounds)
    return _without_figures(_without_houses(digits, judged), judged)


def _without_faces(
    digits: Sequence[Judged], rounds: Iterable[Judged], judged: Sequence[Judged]
) -> list[Judged]:
    """Without zeros that are the outline of a face, a clock or a button, and without the eyes in it."""
    faces = [(one.crop, features) for one in rounds if len(features := _features(one.crop, judged)) > 1]
    if sum(one.value == 0 for one in digits) >= _EYES:
        faces += _eyes(digits, judged)
        faces += [(crop, _features(crop, judged)) for crop in _outlines_of_eyes(digits, judged)]
    return [one for one in digits if not any(_is_drawn(one, *face) for face in faces)]


def _eyes(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[tuple[Crop, list[Judged]]]:
    """Zeros in each of which something large is drawn, as the glasses of a face, with what that is."""
    zeros = [(one.crop, _features(one.crop, judged)) for one in digits if one.value == 0]
    eyes = [
        (crop, features)
        for crop, features in zeros
        if any(one.crop.longer_side > _PUPIL * crop.height for one in features)
    ]
    return eyes if len(eyes) >= _EYES else []


def _outlines_of_eyes(digits: Sequence[Judged], judged: Iterable[Judged]) -> Iterator[Crop]:
    """What is drawn around two zeros or more and no other digit: it need not be round, a cat's has ears."""
    for outline in _figures(judged):
        within = [one.value for one in digits if encloses(outline.box, one.crop.box)]
        if len(within) >= _EYES and not any(within):
            yield outline


def _figures(judged: Iterable[Judged]) -> Iterator[Crop]:
    """The whole strokes that are no digits."""
    return (one.crop for one in judged if one.crop.is_whole and not one.is_digit)


def _features(face: Crop, judged: Iterable[Judged]) -> list[Judged]:
    """The strokes that are drawn in something round."""
    palest, smallest = AS_DARK * face.peak, _FEATURE * face.height
    return [
        one
        for one in judged
        if one.crop.is_whole
        and one.crop.peak > palest
        and one.crop.longer_side >= smallest
        and encloses(face.box, one.crop.box)
        and not face.is_inked_in(one.crop.box)
    ]


def _is_drawn(one: Judged, face: Crop, features: Sequence[Judged]) -> bool:
    """Whether one is the outline of a face, or an eye in it: small, beside what is larger and no digit."""
    if one.crop.box == face.box:
        return True
    size = one.crop.longer_side
    eye = encloses(face.box, one.crop.box) and one.crop.height < _EYE * face.height
    return eye and any(not other.is_digit and other.crop.longer_side > size for other in features)


def _without_rings(digits: Sequence[Judged], rounds: Sequence[Judged]) -> list[Judged]:
    """Without zeros within zeros, as of a target, and those around them."""
    pairs = [pair for pair in permutations((one.crop for one in rounds), 2) if _are_rings(*pair)]
    rings = [crop.box for pair in pairs for crop in pair]
    return [one for one in digits if one.value != 0 or not any(same_box(one.crop.box, box) for box in rings)]


def _are_rings(outer: Crop, inner: Crop) -> bool:
    """Whether one lies in the middle of a larger one of its shape."""
    if not inside(inner.box, outer.box) or inner.height > _WITHIN * outer.height:
        return False
    flat, flatter = sorted((outer.aspect, inner.aspect))
    return flatter < _OF_ONE_SHAPE * flat and dist(outer.middle, inner.middle) < _OFF_CENTRE * outer.height


def _without_houses(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """Without what a figure is cut into in which something is drawn that is no digit, or what that is."""
    drawn: list[Crop] = []
    if any(one.crop.is_part for one in digits):
        for whole in _figures(judged):
            furniture = _furniture(whole, judged)
            drawn += [whole, *furniture] if furniture else []
    return [one for one in digits if not any(one.crop.is_cut_from(crop) for crop in drawn)]


def _without_figures(digits: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """Without what is part of a figure that is drawn with straight lines, as a house or the cells of a form.

    A single line may be a one that touches something, unless it begins above and ends below all beside it.
    """
    for whole in _figures(judged):
        parts = [one for one in digits if _is_drawn_with(one.crop, whole)]
        lines = [one for one in parts if one.value == 1]
        if len(lines) < _LINES:
            parts = [one for one in lines if _overtops(one, digits)]
        digits = [one for one in digits if one not in parts]
    return list(digits)


def _is_drawn_with(part: Crop, whole: Crop) -> bool:
    """Whether a stroke was seen as part of a larger one as well, and is no darker than the rest of that.

    Digits that touch are no such part of the stroke that they were cut from.
    """
    if part.is_cut_from(whole) or part.box == whole.box or not inside(part.box, whole.box):
        return False
    if part.peak > _DARKER * whole.peak:
        return False
    own, there = part.ink_in(whole.box) > INKED, whole.ink_in(part.box) > INKED
    height, width = map(min, own.shape, there.shape)  # of a small frame one may be a pixel larger
    own = own[:height, :width]
    return bool(np.count_nonzero(there[:height, :width][own]) > _SHARED * np.count_nonzero(own))


def _furniture(whole: Crop, judged: Iterable[Judged]) -> list[Crop]:
    """What is drawn in it that is no digit and not small, as the door and the window of a house."""
    features = (one.crop for one in _features(whole, judged) if not one.is_digit)
    return [crop for crop in features if crop.height > _WINDOW * whole.height]


def _overtops(one: Judged, others: Iterable[Judged]) -> bool:
    """Whether one begins above and ends below the digits beside it in its row, but for ones."""
    row = [other.crop for other in others if other.crop.row == one.crop.row and other.value != 1]
    row.sort(key=lambda crop: crop.first)
    left = [crop for crop in row if crop.first < one.crop.first]
    right = [crop for crop in row if crop.first > one.crop.first]
    beside = left[-1:] + right[:1]
    return bool(beside) and all(
        one.crop.top < crop.top - _BEYOND * crop.height
        and one.crop.bottom > crop.bottom + _BEYOND * crop.height
        for crop in beside
    )
