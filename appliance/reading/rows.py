"""From the judged crops of a row to its digits: those that explain it best, and stand in no word."""

from collections.abc import Sequence

from appliance.reading.company import in_company
from appliance.reading.explanation import best_explanation
from appliance.reading.judged import Judged, in_rows
from appliance.reading.signs import without_signs
from appliance.reading.words import read_words
from appliance.vision.box import same_box

_MUCH = 0.5  # of a stroke's width, at least, are the digits that it is cut into


def read_rows(judged: Sequence[Judged], threshold: float) -> list[Judged]:
    """The digits of all rows of one tone."""
    digits: list[Judged] = []
    signs: list[Judged] = []
    letters: list[Judged] = []
    elsewhere = [one for one in judged if one.crop.fell_apart and one.is_sure]
    for row in in_rows(judged):
        explained = _without_letters_cut_out(_explained(row), row)
        chosen = without_signs(explained)
        read = read_words(chosen, elsewhere, threshold)
        signs += (one for one in explained if one not in chosen)
        letters += (one for one in chosen if one not in read and one.is_sure)
        digits += read
    # What fell apart is there once more, in a row of its own.
    digits = [one for one in digits if not any(same_box(one.crop.box, sign.crop.box) for sign in signs)]
    return [one for one in digits if not any(_is_same(one, letter) for letter in letters)]


def _is_same(one: Judged, other: Judged) -> bool:
    return one.value == other.value and same_box(one.crop.box, other.crop.box)


def _explained(row: Sequence[Judged]) -> list[Judged]:
    """The best explanation of a row, once more in the company of what is beyond doubt in it."""
    chosen = best_explanation(row)
    doubtless = [one for one in chosen if one.is_beyond_doubt]
    return best_explanation([in_company(one, doubtless) for one in row]) if doubtless else chosen


def _without_letters_cut_out(explained: Sequence[Judged], row: Sequence[Judged]) -> list[Judged]:
    """With a stroke as a whole in place of the parts of it that are digits, if they are little of it.

    A word that is written in one go holds loops that by themselves look like digits.
    """
    found = list(explained)
    for whole in (one for one in row if one.crop.is_whole and not one.is_digit):
        parts = [one for one in found if one.crop.is_cut_from(whole.crop)]
        if parts and sum(one.crop.width for one in parts) < _MUCH * whole.crop.width:
            at = found.index(parts[0])
            found[at : at + len(parts)] = [whole]
    return found
