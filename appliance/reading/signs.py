"""Signs that by themselves look like digits: brackets, commas, quotation marks, degrees, percent signs.

What they are is told by what stands beside them, which the network does not see in a crop.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from appliance.reading.judged import Judged, tallest_of
from appliance.vision.stroke import AS_DARK

_BOWED = 0.06  # of its height, at least, lies a bracket's middle beside its ends' line
_CLEARLY_BOWED = 0.09  # the same of one alone that closes: of 250 ones one is bowed so
_TALLER = 1.15  # times as tall as the digit before it, at least, is such a one
_AS_TALL = 0.75  # of what they enclose, and of each other
_NEAR = 0.7  # of its height: further apart stand numbers of which one ends and the next begins with a one
_NARROW = 0.5  # width by height
_STRAYS = 0.02  # of its height, from an arc, at most
_INKED = 100  # of 255: ink that is less is the blur about a line
_RING = 0.6  # of a slash's height, at most, are the rings of a percent sign
_BEYOND = 0.1  # of a slash's height: no further does such a ring reach beyond its middle
_SMALL = 0.45  # of the height of what it stands beside


def without_signs(row: Sequence[Judged]) -> list[Judged]:
    """What explains a row, from left to right, without brackets, percents and raised or lowered signs."""
    left = _without(_brackets(row), row)
    left = _without(_percents(left), left)
    while signs := _raised_or_lowered(left):  # of two quotation marks the second stands beside the first
        left = _without(signs, left)
    return left


def _without(places: set[int], row: Sequence[Judged]) -> list[Judged]:
    return [one for place, one in enumerate(row) if place not in places]


def _brackets(row: Sequence[Judged]) -> set[int]:
    """The places of brackets that enclose something, and of clear ones that close what none opened."""
    found: set[int] = set()
    left = len(row)
    for place, bow in enumerate(map(_bow, row)):
        if bow < -_BOWED:
            left = place
        elif bow > _BOWED and _enclose(row[left : place + 1]):
            found |= {left, place}
            left = len(row)
        elif bow > _CLEARLY_BOWED and place and row[place].crop.height > _TALLER * row[place - 1].crop.height:
            found.add(place)
    return found


def _bow(one: Judged) -> float:
    """How far the middle of a narrow arc lies right of its ends' line, by its height; 0 of what is none."""
    height, width = one.crop.ink.shape
    if width > _NARROW * height:
        return 0.0
    inked = one.crop.ink > _INKED
    inked = inked[inked.any(axis=1)]
    if not len(inked):
        return 0.0
    middles = inked @ np.arange(width) / inked.sum(axis=1)
    powers = np.vander(np.linspace(-1, 1, len(inked)), 3)
    arc, *_ = np.linalg.lstsq(powers, middles, rcond=None)
    strays = float(np.sqrt(np.mean((powers @ arc - middles) ** 2)))
    return -float(arc[0]) / height if strays < _STRAYS * height else 0.0


def _enclose(row: Sequence[Judged]) -> bool:
    """Whether what opens and what closes stand near what lies between, if anything does, and as tall."""
    if len(row) < 3:
        return False
    low = min(row[0].crop.height, row[-1].crop.height)
    gaps = [right.crop.left - left.crop.right for left, right in pairwise(row)]
    return low >= _AS_TALL * tallest_of(row) and max(gaps) < _NEAR * low


def _percents(row: Sequence[Judged]) -> set[int]:
    """The places of percent signs: of a slash, which is a one to the network, and the rings beside it."""
    places = (place for place in range(1, len(row) - 1) if _is_percent(*row[place - 1 : place + 2]))
    return {part for place in places for part in (place - 1, place, place + 1)}


def _is_percent(before: Judged, slash: Judged, after: Judged) -> bool:
    """Whether what stands before a slash is small and set high, and what stands after it set low."""
    height, middle = slash.crop.height, slash.crop.middle[1]
    raised = before.crop.bottom < middle + _BEYOND * height
    lowered = after.crop.top > middle - _BEYOND * height
    small = max(before.crop.height, after.crop.height) < _RING * height
    return slash.value == 1 and small and raised and lowered


def _raised_or_lowered(row: Sequence[Judged]) -> set[int]:
    """The places of what is small and lies wholly above or below the middle of a digit beside it."""
    beside = [*pairwise(range(len(row))), *pairwise(reversed(range(len(row))))]
    beside = [(place, other) for place, other in beside if row[place].is_digit and row[other].is_digit]
    return {place for place, other in beside if _is_raised_or_lowered(row[place], row[other])}


def _is_raised_or_lowered(one: Judged, digit: Judged) -> bool:
    """Whether one is set as high as an exponent, or is a comma: some write small zeros low.

    Beside what is far paler it is neither: that may be a pen that lies there, or a stain.
    """
    middle = digit.crop.middle[1]
    raised, lowered = one.crop.bottom < middle, one.value == 1 and one.crop.top > middle
    small = one.crop.height < _SMALL * digit.crop.height
    return small and (raised or lowered) and digit.crop.peak > AS_DARK * one.crop.peak
