"""Boxes, in which strokes, crops and digits lie: where one is, and how it lies to another."""

from math import ceil

Box = tuple[int, int, int, int]
"""`(x, y, width, height)` in pixels: a crop's are those of the frame, a stroke's of the frame as enlarged."""

_MOSTLY = 0.7  # of a box
_TALLER = 1.3  # times as tall, at most, is what was written in one go
_BESIDE = 0.5  # of the lower of two boxes: so much of it is level with what it stands beside


class Boxed:
    """What lies in a box, in its pixels."""

    __slots__ = ()
    box: Box

    @property
    def left(self) -> int:
        return self.box[0]

    @property
    def top(self) -> int:
        return self.box[1]

    @property
    def width(self) -> int:
        return self.box[2]

    @property
    def height(self) -> int:
        return self.box[3]

    @property
    def right(self) -> int:
        return self.box[0] + self.box[2]

    @property
    def bottom(self) -> int:
        return self.box[1] + self.box[3]

    @property
    def middle(self) -> tuple[float, float]:
        """How far it is from the left, and down."""
        return self.box[0] + self.box[2] / 2, self.box[1] + self.box[3] / 2

    @property
    def longer_side(self) -> int:
        return max(self.box[2:])

    @property
    def aspect(self) -> float:
        """Width by height."""
        return self.box[2] / self.box[3]

    def edges_met(self, shape: tuple[int, ...]) -> int:
        """How many of the four edges of a frame `(H, W)` it reaches."""
        return edges_met(self.box, shape)


def edges_met(box: Box, shape: tuple[int, ...]) -> int:
    """How many of the four edges of a frame `(H, W)` a box reaches."""
    left, top, width, height = box
    return sum(away <= 1 for away in (left, top, shape[1] - left - width, shape[0] - top - height))


def shared(one: Box, other: Box) -> Box:
    """The box that two have in common, without any area if they have none."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    width = min(one[0] + one[2], other[0] + other[2]) - left
    height = min(one[1] + one[3], other[1] + other[3]) - top
    return left, top, max(0, width), max(0, height)


def overlap(one: Box, other: Box) -> int:
    """The area in pixels that two boxes share."""
    return _area(shared(one, other))


def encloses(outer: Box, inner: Box) -> bool:
    """Whether a box reaches further than another on all sides."""
    (left, top, width, height), (x, y, wide, high) = outer, inner
    return left < x and top < y and left + width > x + wide and top + height > y + high


def mostly_one(one: Box, other: Box) -> bool:
    """Whether the smaller of two boxes lies mostly in the other."""
    return overlap(one, other) > _MOSTLY * min(_area(one), _area(other))


def inside(inner: Box, outer: Box) -> bool:
    """Whether a box lies mostly within a larger one, as the hole of a zero within the zero."""
    return _area(inner) < _area(outer) and mostly_one(inner, outer)


def same_box(one: Box, other: Box) -> bool:
    """Whether two boxes are of the same thing, found twice."""
    return overlap(one, other) > _MOSTLY * max(_area(one), _area(other))


def are_level(one: Box, other: Box) -> bool:
    """Whether a box stands beside another, be it as high or not."""
    shared = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return shared > _BESIDE * min(one[3], other[3])


def as_tall(one: int, other: int) -> bool:
    """Whether of two heights neither is so much more that they were not written in one go."""
    return max(one, other) < _TALLER * min(one, other)


def scaled(box: Box, scales: tuple[float, float], shape: tuple[int, ...]) -> Box:
    """The smallest box that holds another, scaled across and down, within what is of `shape`."""
    left, top = int(box[0] * scales[0]), int(box[1] * scales[1])
    right, bottom = ceil((box[0] + box[2]) * scales[0]), ceil((box[1] + box[3]) * scales[1])
    return left, top, min(shape[1], right) - left, min(shape[0], bottom) - top


def _area(box: Box) -> int:
    return box[2] * box[3]
