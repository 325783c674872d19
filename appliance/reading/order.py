"""In which order digits are read: line by line, however far apart those of a line stand."""

from collections.abc import Sequence
from itertools import chain
from statistics import fmean

from appliance.reading.judged import Judged, in_rows

_ONE_LINE = 0.75  # of the mean height of two digits: what is further up or down is of another line


def in_reading_order(digits: Sequence[Judged]) -> list[Judged]:
    """The digits of all rows as they are read.

    A line goes on with what stands level with its last digit, as its rows fall.
    """
    slope = _slope(digits)
    down = {id(one): one.crop.middle[1] - slope * one.crop.middle[0] for one in digits}

    def off(one: Judged, other: Judged) -> float:
        return 2 * abs(down[id(one)] - down[id(other)]) / (one.crop.height + other.crop.height)

    lines: list[list[Judged]] = []
    for digit in sorted(digits, key=lambda one: one.crop.middle[0]):
        level = [line for line in lines if off(line[-1], digit) < _ONE_LINE]
        if level:
            min(level, key=lambda line: off(line[-1], digit)).append(digit)
        else:
            lines.append([digit])
    lines.sort(key=lambda line: fmean(down[id(digit)] for digit in line))
    return list(chain(*lines))


def _slope(digits: Sequence[Judged]) -> float:
    """How far a line of digits falls, in pixels for each to the right; what is none tells nothing of it."""
    return next((row[0].crop.slope for row in in_rows(digits) if len(row) > 1), 0.0)
