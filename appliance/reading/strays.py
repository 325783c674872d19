"""Things that lie about look like digits by chance: apart from the number, of another size and pen."""

from collections.abc import Iterable, Sequence
from math import hypot, inf
from statistics import median

from appliance.reading.judged import Judged
from appliance.vision import Crop
from appliance.vision.box import are_level, same_box

_OTHER_PEN = 1.15  # times as thick as clear digits, at least, or as thin, is what is by another pen
_UNLIKE = 1.7  # in product, how many times thicker and taller, or thinner and lower, is what is unlike them
_APART = 0.6  # of its height: so near stand the digits of a number, or as near as clear ones do


def without_strays(digits: Sequence[Judged]) -> list[Judged]:
    """Without what lies apart from digits that are clear, is not, and is of another size and pen: a thing.

    What stands in line with a clear one is none, however thin.
    """
    clear = [one for one in digits if one.is_clear]
    if len(clear) == len(digits) or not any(one.is_beyond_doubt for one in clear):
        return list(digits)
    pen = median(one.crop.thickness for one in clear)
    height = median(one.crop.height for one in clear)
    strays = [one for one in digits if not one.is_clear and _is_unlike(one, pen, height)]
    strays = [one for one in strays if not any(_is_in_line(one, other) for other in clear)]
    if not strays:
        return list(digits)
    # In the cells of a form all stand apart.
    apart = max([_APART, *(away for one in clear if (away := _distance(one, clear)) < inf)])
    return [one for one in digits if one not in strays or _distance(one, digits) < apart]


def _is_in_line(one: Judged, other: Judged) -> bool:
    """Whether one stands level with another and is about as tall: some ones are thin."""
    return are_level(one.crop.box, other.crop.box) and _ratio(one.crop.height, other.crop.height) < _OTHER_PEN


def _is_unlike(one: Judged, pen: float, height: float) -> bool:
    thicker, taller = _ratio(one.crop.thickness, pen), _ratio(one.crop.height, height)
    return thicker > _OTHER_PEN and thicker * taller > _UNLIKE


def _ratio(one: float, other: float) -> float:
    """Of the greater to the lesser; what is less than a pixel, as faint ink is thick, counts as one."""
    return max(one, other, 1.0) / max(1.0, min(one, other))


def _distance(one: Judged, digits: Iterable[Judged]) -> float:
    """From one to the next other digit, by the height of the taller; infinite if there is none."""
    # What fell apart may be there twice.
    others = (other for other in digits if not same_box(one.crop.box, other.crop.box))
    return min((_between(one.crop, other.crop) for other in others), default=inf)


def _between(one: Crop, other: Crop) -> float:
    across = max(other.left - one.right, one.left - other.right, 0)
    down = max(other.top - one.bottom, one.top - other.bottom, 0)
    return hypot(across, down) / max(one.height, other.height)
