"""Which rows of strokes there is time to judge: the tallest; the others only count as something else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.vision.layout import Hypothesis, Row, find_rows, hypotheses
from appliance.vision.stroke import AS_DARK, PALER, Stroke

MOST_CROPS = 48  # that are judged in one frame, so that a page of print takes no longer than a number
_PRINT = 0.5  # of the tallest row: where there is no time for a taller one, it is a keyboard or print
_SMALL_PRINT = 0.2  # of the tallest row: a lower one says nothing, not even that something else is there


@dataclass(frozen=True, slots=True)
class Proposed:
    """A row of one tone, and what in it may be a digit."""

    row: Row
    dark: bool
    hypotheses: list[Hypothesis]
    left_out: bool = False
    """Whether there is no time to judge them."""

    @property
    def crop_count(self) -> int:
        """How many have to be judged: what is one of many pieces only counts, however much time there is."""
        return sum(not one.is_one_of_many for one in self.hypotheses)


def affordable(tones: Sequence[Sequence[Stroke]], shape: tuple[int, int]) -> list[Proposed]:
    """The rows of the dark and of the light strokes of a frame `(H, W)` that are judged, or only counted.

    Where there is more than there is time for, nothing that is far paler than the strongest: that is the
    texture of what is written on, or its lines. If nothing can be chosen then, nothing that is clearly paler.
    """
    rows = _proposed(tones, shape)
    # Of a texture most pieces only count, and yet it is to go.
    if sum(len(one.hypotheses) for one in rows) > MOST_CROPS:
        rows = _proposed(_stronger(tones, PALER), shape)
    chosen = _chosen(rows)
    if rows and not chosen:
        chosen = _chosen(_proposed(_stronger(tones, AS_DARK), shape))
    return chosen


def _proposed(tones: Sequence[Sequence[Stroke]], shape: tuple[int, int]) -> list[Proposed]:
    """All rows. What runs out of the frame, as a circle around a number, is joined with nothing within."""
    return [
        Proposed(row, dark, [one for one in hypotheses(row) if not one.is_partly_cut_off(shape)])
        for dark, strokes in zip((True, False), tones, strict=True)
        for row in find_rows(strokes, shape)
    ]


def _stronger(tones: Sequence[Sequence[Stroke]], share: float) -> list[list[Stroke]]:
    """Without the strokes that have no more than that share of the strongest one's ink."""
    palest = share * max(stroke.peak for tone in tones for stroke in tone)
    return [[stroke for stroke in tone if stroke.peak > palest] for tone in tones]


def _chosen(rows: Sequence[Proposed]) -> list[Proposed]:
    """The tallest rows that time allows, and the others, left out but for the lowest, which are small print.

    None at all, where others about as tall would be left out: nobody writes so many digits.
    """
    left = MOST_CROPS
    chosen: dict[int, Proposed] = {}
    tallest = 0
    for number in sorted(range(len(rows)), key=lambda number: -rows[number].row.height):
        one = rows[number]
        height = one.row.height
        if one.crop_count <= left:
            left -= one.crop_count
            tallest = max(tallest, height)
            chosen[number] = one
        elif height > _PRINT * tallest:
            return []
        elif height > _SMALL_PRINT * tallest:
            seen_once = [each for each in one.hypotheses if _is_seen_once(each)]
            chosen[number] = replace(one, hypotheses=seen_once, left_out=True)
    return [chosen[number] for number in sorted(chosen)]


def _is_seen_once(one: Hypothesis) -> bool:
    """Whether it is but one stroke, which no other is a part of."""
    return len(one.strokes) == 1 and not one.strokes[0].fell_apart
