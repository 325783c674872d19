"""What is counted: which of the digits read are right, and whether their confidence can be believed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from appliance.reader import Digit
from training.scenes import Scene

Call = tuple[float, bool]
"""A digit that was read: how sure the reader was, and whether it was right."""

_BINS = 15
_SLACK = 0.2  # of a digit's height: a blurred or slanted stroke is not boxed to the pixel


def calls(scene: Scene, digits: Sequence[Digit]) -> list[Call]:
    """The digits read in a scene, each with whether it stands where a digit of its value is.

    A digit read stands for the one whose ink its box holds more than half of, with its centre within that
    one's bounds. Of several that stand for the same one, the one that holds most of its ink counts.
    """
    claims = sorted(
        (
            (share, place, index)
            for index in range(len(scene.text))
            for place, share in enumerate(_shares(scene.owners == index, digits))
            if share > 0.5
        ),
        reverse=True,
    )
    stands_for: dict[int, int] = {}
    for _, place, index in claims:
        if place not in stands_for and index not in stands_for.values():
            stands_for[place] = index
    return [
        (digit.confidence, place in stands_for and scene.text[stands_for[place]] == str(digit.value))
        for place, digit in enumerate(digits)
    ]


def calibration_error(calls: Sequence[Call], bins: int = _BINS) -> float:
    """The expected calibration error, 0 to 1 (Naeini et al., 2015): how far, over bins of equal width, the
    share of right calls lies from their mean confidence, weighted by the calls in each; 0 for none."""
    if not calls:
        return 0.0
    confidence, right = np.array(calls, np.float64).T
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((confidence - right)[bin_of == one].sum()) for one in range(bins)]
    return float(sum(gaps)) / len(calls)


def _shares(owned: NDArray[np.bool_], digits: Sequence[Digit]) -> list[float]:
    """How much of one digit's ink each box holds, 0 for those whose centre is elsewhere."""
    rows, columns = np.nonzero(owned)
    slack = _SLACK * (np.ptp(rows) + 1)
    shares = []
    for x, y, width, height in (digit.box for digit in digits):
        centred = all(
            lines.min() - slack <= middle <= lines.max() + slack
            for lines, middle in ((rows, y + height / 2), (columns, x + width / 2))
        )
        shares.append(float(owned[y : y + height, x : x + width].sum() / len(rows)) if centred else 0.0)
    return shares
