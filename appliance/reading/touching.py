"""Judges crops, and what strokes may be cut into: what is not clearly a digit may be several that touch."""

from collections.abc import Sequence

from appliance.reading.judged import AS_LARGE, Judge, Judged, tallest_of
from appliance.vision import Crop, take_apart
from appliance.vision.box import encloses

_DOUBTED = 0.9  # what is less sure may be digits that touch
_MOST_DOUBTED = 4  # where more are, it is print or clutter
_HOPELESS = 0.3  # what is less sure is no digit, whatever stands beside it
_TOO_NARROW = 0.5  # width by height


def judged_with_parts(crops: Sequence[Crop], judge: Judge) -> list[Judged]:
    """The crops of one tone, judged; and the parts of those in doubt that may be digits that touch."""
    judged = judge(crops)
    sure = [one.crop.box for one in judged if one.is_sure]
    doubted = [one for one in judged if _may_be_several(one)]
    doubted = [one for one in doubted if not any(encloses(one.crop.box, box) for box in sure)]
    tall = AS_LARGE * tallest_of(doubted)
    doubted = [one for one in doubted if one.crop.height >= tall]
    if not doubted or len(doubted) > _MOST_DOUBTED:
        return judged
    parts = [part for one in doubted for part in take_apart(one.crop)]
    return sorted([*judged, *_judged_parts(parts, judge)], key=lambda one: one.crop.row)


def _judged_parts(parts: Sequence[Crop], judge: Judge) -> list[Judged]:
    """What strokes may fall into, judged from the left: only where what lies left of it may be a digit.

    Most of what is in doubt is no number: what begins with no digit is not several.
    """
    begun = {(part.row, part.first) for part in parts}
    # What may be followed by nothing leaves a rest that is no digit.
    parts = [part for part in parts if part.ends_stroke or (part.row, part.past) in begun]
    found: list[Judged] = []
    reached = {(part.row, part.first) for part in parts if part.begins_stroke}
    new = reached
    while new:
        there = judge([part for part in parts if (part.row, part.first) in new])
        hopeful = [one.crop for one in there if one.confidence > _HOPELESS]
        # What follows on a digit is needed, digit or not: else it would be nothing that is left out.
        found += [one for one in there if one.confidence > _HOPELESS or not one.crop.begins_stroke]
        new = {(part.row, part.past) for part in hopeful if not part.ends_stroke} - reached
        reached = reached | new
    return found


def _may_be_several(one: Judged) -> bool:
    """Whether a whole stroke may be digits that touch, for it is not clearly one."""
    return one.crop.is_whole and one.confidence < _DOUBTED and one.crop.aspect >= _TOO_NARROW
