"""A frame is looked at as a whole, and where that is in doubt, at its sheets alone: which look counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from appliance.reading.evidence import evidence, in_full_ink, stands_alone
from appliance.reading.judged import Judged, in_rows, only_ones, tallest_of
from appliance.vision.box import as_tall, same_box

_CROWDED = 6  # crops that are none: with more, a frame shows more than a number, perhaps one on a sheet
_DOUBTFUL, _LITTLE = 3, 2.0  # or with more than so many, if no more evidence than this speaks for it
_LEAST = 0.1  # of the frame's height: what is lower on a sheet may be anything


@dataclass(frozen=True)
class Look:
    """What one look at a frame, or at its sheets, shows."""

    digits: Sequence[Judged]
    """In reading order."""
    judged: Sequence[Judged]
    """All that the network judged."""
    seen: Sequence[Judged]
    """That, and as none what there was no time to judge."""

    @cached_property
    def evidence(self) -> float:
        """What speaks for its digits, given all else; see `evidence`."""
        return evidence(self.digits, self.seen)


def may_be_on_sheets(whole: Look) -> bool:
    """Whether a frame shows no number, or so many others that one may be on a sheet.

    Fewer are enough where little speaks for its digits.
    """
    others = sum(not one.is_digit for one in whole.judged)
    if not whole.digits or others > _CROWDED:
        return True
    return others > _DOUBTFUL and whole.evidence <= _LITTLE


def sheets_count(there: Look, whole: Look, height: int) -> bool:
    """Whether what is read on sheets counts, rather than the digits of the frame, `height` pixels high.

    Where the frame has none, those must be in full ink and not small, or something has to speak for them.
    """
    least = _LEAST * height
    if only_ones(there.digits):  # several may be the edges of all that else is about
        return (
            not whole.digits and len(there.digits) == 1 and stands_alone(there.digits[0], there.seen, least)
        )
    if not whole.digits:
        return in_full_ink(there.digits, least) or there.evidence > 0
    if _is_part_of(whole.digits, there.digits):
        return True
    return not _cut(there.digits, whole) and there.evidence >= whole.evidence


def _is_part_of(digits: Sequence[Judged], there: Sequence[Judged]) -> bool:
    """Whether all digits are on sheets as well; and what is there more is digits, not many bare strokes."""
    more = _more(there, digits)
    return more is not None and (len(more) < len(digits) or not only_ones(more))


def _cut(there: Sequence[Judged], whole: Look) -> bool:
    """Whether what is on sheets is part of a row that goes on: a shadow's edge was taken for a sheet's.

    So it is where all in the row that is as tall are digits, and not only ones, which may be a sheet's edges.
    """
    others = _more(whole.digits, there)
    if others is None or only_ones(others) or len(in_rows(whole.digits)) > 1:
        return False
    row = whole.digits[0].crop.row
    beside = [one for one in whole.seen if one.crop.row == row and not one.is_digit]
    tall = tallest_of(there)
    return all(as_tall(one.crop.height, tall) for one in others) and not any(
        as_tall(one.crop.height, tall) for one in beside
    )


def _more(digits: Sequence[Judged], part: Sequence[Judged]) -> list[Judged] | None:
    """What digits are besides a part of them; None if that is no part."""
    more = [one for one in digits if not any(same_box(one.crop.box, other.crop.box) for other in part)]
    return more if len(digits) - len(more) == len(part) else None
