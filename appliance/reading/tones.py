"""A page has one tone, dark on light or light on dark: which of the two its digits are written in."""

from collections.abc import Sequence
from itertools import groupby

from appliance.reading.credible import credible
from appliance.reading.judged import Judge, Judged
from appliance.reading.rows import read_rows
from appliance.reading.touching import judged_with_parts
from appliance.vision import Crop
from appliance.vision.box import encloses

_ON_GROUND = 0.6  # of its height, at most, is what is written on something round: a zero's hole is taller


def digits_of_one_tone(
    crops: Sequence[Crop], judge: Judge, threshold: float
) -> tuple[list[Judged], list[Judged]]:
    """The digits of the dark or of the light crops; and all judged.

    A page has one tone, and what is seen in the other is the paper between the strokes. So where one tone
    shows what nothing in the other could outweigh, the other is not judged. Of two that weigh the same, the
    dark one counts.
    """
    tones = [[crop for crop in crops if crop.dark is dark] for dark in (True, False)]
    first, second = (0, 1) if _greatest_weight(tones[0]) >= _greatest_weight(tones[1]) else (1, 0)
    judged = judged_with_parts(tones[first], judge)
    digits = credible(read_rows(judged, threshold), judged)
    sure, weight = _weight(digits)
    outweighed = weight > _greatest_weight(tones[second])
    if sure and outweighed and not any(_is_around(one, crop) for one in digits for crop in tones[second]):
        return digits, judged
    judged_too = judged_with_parts(tones[second], judge)
    digits_too = credible(read_rows(judged_too, threshold), judged_too)
    both = _without_outlines(digits, digits_too), _without_outlines(digits_too, digits)
    return max(both, key=lambda one: (_weight(one), _are_dark(one))), [*judged, *judged_too]


def _are_dark(digits: Sequence[Judged]) -> bool:
    return any(one.crop.dark for one in digits)


def _without_outlines(digits: Sequence[Judged], others: Sequence[Judged]) -> list[Judged]:
    """Without the zeros that are but the outline of what digits of the other tone are written on.

    The hole of a zero may look like a digit, mostly like a zero itself.
    """
    written = [one.crop for one in others if one.value and one.is_beyond_doubt]
    return [one for one in digits if not any(_is_around(one, crop) for crop in written)]


def _is_around(one: Judged, crop: Crop) -> bool:
    """Whether one looks like a zero around something smaller than its own hole."""
    smaller = crop.height < _ON_GROUND * one.crop.height
    return one.value == 0 and smaller and encloses(one.crop.box, crop.box)


def _greatest_weight(crops: Sequence[Crop]) -> int:
    """What digits made of these weigh at most, unless some touch; see `_weight`."""
    rows = (list(members) for _, members in groupby(crops, key=lambda crop: crop.row))
    return sum(int(max(crop.past for crop in row)) * max(crop.height for crop in row) for row in rows)


def _weight(digits: Sequence[Judged]) -> tuple[bool, float]:
    """How much speaks for the digits of one tone: strokes alone may be what lies between other strokes."""
    return any(one.is_beyond_doubt for one in digits), sum(one.confidence * one.crop.height for one in digits)
