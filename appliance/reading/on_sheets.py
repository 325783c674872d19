"""A frame is read as a whole, and by what lies on its sheets alone: which of the two readings counts."""

from collections.abc import Sequence

from appliance.reading.evidence import evidence, in_full_ink, stands_alone
from appliance.reading.judged import Judged, in_rows, only_ones, tallest_of
from appliance.vision.box import as_tall, same_box

_LEAST = 0.1  # of the frame's height: what is lower on a sheet may be anything


def sheets_count(
    there: Sequence[Judged],
    seen_there: Sequence[Judged],
    digits: Sequence[Judged],
    seen: Sequence[Judged],
    height: int,
) -> bool:
    """Whether what is read on sheets counts, rather than the digits of the frame, `height` pixels high.

    Given with either is all that was seen with it. Where the frame has none, those must be in full ink and
    not small, or something has to speak for them.
    """
    least = _LEAST * height
    if only_ones(there):  # several may be the edges of all that else is about
        return not digits and len(there) == 1 and stands_alone(there[0], seen_there, least)
    if not digits:
        return in_full_ink(there, least) or evidence(there, seen_there) > 0
    if _is_part_of(digits, there):
        return True
    return not _cut(there, digits, seen) and evidence(there, seen_there) >= evidence(digits, seen)


def _is_part_of(digits: Sequence[Judged], there: Sequence[Judged]) -> bool:
    """Whether all digits are on sheets as well; and what is there more is digits, not many bare strokes."""
    more = _more(there, digits)
    return more is not None and (len(more) < len(digits) or not only_ones(more))


def _cut(there: Sequence[Judged], digits: Sequence[Judged], seen: Sequence[Judged]) -> bool:
    """Whether what is on sheets is part of a row that goes on: a shadow's edge was taken for a sheet's.

    So it is where all in the row that is as tall are digits, and not only ones, which may be a sheet's edges.
    """
    others = _more(digits, there)
    if others is None or only_ones(others) or len(in_rows(digits)) > 1:
        return False
    beside = [one for one in seen if one.crop.row == digits[0].crop.row and not one.is_digit]
    tall = tallest_of(there)
    return all(as_tall(one.crop.height, tall) for one in others) and not any(
        as_tall(one.crop.height, tall) for one in beside
    )


def _more(digits: Sequence[Judged], part: Sequence[Judged]) -> list[Judged] | None:
    """What digits are besides a part of them; None if that is no part."""
    more = [one for one in digits if not any(same_box(one.crop.box, other.crop.box) for other in part)]
    return more if len(digits) - len(more) == len(part) else None
