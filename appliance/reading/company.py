"""What stands beside digits beyond doubt is hardly nothing."""

from collections.abc import Sequence
from dataclasses import replace

from appliance.reading.judged import AS_LARGE, Judged, gap, tallest_of
from appliance.vision import Crop

_COMPANY = 0.02  # times as likely as alone is it, beside such a digit, that something is none
_UNLIKELY = 0.02  # what is less sure is none even there
_TALLER = 1.5  # times as tall, at most, is what is in the company of a digit
_FAR = 3.0  # heights: so far from the next such digit it is in no company


def in_company(one: Judged, doubtless: Sequence[Judged]) -> Judged:
    """What to think of what stands beside digits beyond doubt: it is hardly nothing.

    Unless it is a stroke of such a digit, or far smaller or larger, or far away, or next to certainly none;
    or a bare stroke that the frame's edge cuts off, which may be the side of anything.
    """
    if one.value == 1 and one.crop.at_edge:
        return one
    if any(_share_strokes(one.crop, other.crop) for other in doubtless):
        return one
    least, most = AS_LARGE * tallest_of(doubtless), _TALLER * tallest_of(doubtless)
    if not least <= one.crop.height <= most or one.confidence < _UNLIKELY:
        return one
    if min(max(gap(one, other), gap(other, one)) for other in doubtless) > _FAR:
        return one
    none = _COMPANY * one.none
    whole = float(one.probabilities.sum()) + none
    return replace(one, probabilities=one.probabilities / whole, none=none / whole)


def _share_strokes(one: Crop, other: Crop) -> bool:
    return one.first < other.past and other.first < one.past
