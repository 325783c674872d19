"""The conditions that frames are measured under, each by itself: a table, and how its scenes are made.

All else is ordinary: digits 100 pixels high on plain paper, with a pen of a tenth of their height.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.pages import (
    ORDINARY,
    Make,
    beside_a_sign,
    beside_print,
    box,
    circle,
    form,
    framed,
    sudoku,
    touching,
    with_comma,
)
from benchmarks.shapes import SHAPES, Holding, Others, Shaped
from training import paper
from training.nibs import Nib, felt_tip, in_a_hurry, soft_tip, straight_tip
from training.paper import Picture, pixel
from training.pens import Shape, one_of
from training.scenes import FRAME, Hand, Scene, random_look, render, render_clutter

EASY, HARD = 99.0, 97.0
"""The recall and precision aimed at, in percent."""

_BROAD = 0.15  # of the digit's height: a marker


@dataclass(frozen=True, slots=True)
class Condition:
    """What is measured by itself: how a scene of it is made, and the recall and precision aimed at.

    There is no aim where a person cannot read every digit either.
    """

    group: str
    name: str
    make: Make
    aim: float | None = EASY


def looking(digits: tuple[int, int] = (1, 3), rows: tuple[int, int] = (1, 1), **look: Any) -> Make:
    """Scenes with so many rows of numbers with so many digits, ordinary but for `look`."""

    def make(hand: Hand, rng: np.random.Generator) -> Scene:
        texts = [_number(rng, *digits) for _ in range(rng.integers(rows[0], rows[1] + 1))]
        return render(texts, replace(ORDINARY, **look), hand, rng)

    return make


def penned(nib: Nib, **look: Any) -> Make:
    """Numbers written with another nib than a round one."""
    return lambda hand, rng: looking(**look)(Holding(hand, nib), rng)


def anything(hand: Hand, rng: np.random.Generator) -> Scene:
    """Everything at once, as it may come."""
    return render([_number(rng, 1, 3)], random_look(rng), hand, rng)


def shaped(value: int, shape: Shape) -> Make:
    """One digit in a shape that MNIST hardly holds."""
    return lambda _, rng: render([str(value)], ORDINARY, Shaped(shape), rng)


def by_others(_: Hand, rng: np.random.Generator) -> Scene:
    """Numbers written by hands of which training saw nothing."""
    return render([_number(rng, 1, 3)], ORDINARY, Others(), rng)


def slanted(degrees: float) -> Make:
    """Numbers whose digits lean to the right, or to the left if negative, all in one row."""

    class Slanted(Hand):
        def __init__(self, upright: Hand) -> None:
            self._upright = upright

        def write(self, value: int, height: float, thickness: float, rng: np.random.Generator) -> Picture:
            return _sheared(self._upright.write(value, height, thickness, rng), degrees)

    return lambda hand, rng: render([_number(rng, 1, 3)], ORDINARY, Slanted(hand), rng)


def shadowed(cast: Callable[[NDArray[np.float32], float, np.random.Generator], Picture]) -> Make:
    """Numbers on one of whose digits a shadow falls, cast by something near it."""

    def make(hand: Hand, rng: np.random.Generator) -> Scene:
        scene = _unseen(hand, rng)
        shade = cast(*_some_digit(scene, rng), rng)
        return replace(scene, gray=_sensed(scene.gray / 255 * (1 - rng.uniform(0.35, 0.65) * shade), rng))

    return make


def edge(middle: NDArray[np.float32], height: float, rng: np.random.Generator) -> Picture:
    """The hard edge of a shadow, or of two, right across a digit of that height there."""
    away = _away(middle, rng.uniform(0, 2 * np.pi))
    if rng.random() < 0.4:
        away = np.abs(away) - rng.uniform(0.1, 0.4) * height
    return 1 / (1 + np.exp(np.clip(away / rng.uniform(0.5, 2), -30, 30)))


def fingers(middle: NDArray[np.float32], height: float, rng: np.random.Generator) -> Picture:
    """The shadows of fingers that point at a digit from below or from a side."""
    shade = np.zeros(FRAME, np.float32)
    knuckles = middle + _towards(rng.uniform(0.2, 0.8) * np.pi, 3 * height)
    for _ in range(rng.integers(2, 5)):
        tip = middle + rng.normal(0, 0.2 * height, 2)
        root = knuckles + rng.normal(0, 0.8 * height, 2)
        breadth = round(height * rng.uniform(0.25, 0.6))
        cv2.line(shade, pixel(tip), pixel(root + 3 * (root - tip)), 1.0, breadth)
    return cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 5))


def phone(middle: NDArray[np.float32], height: float, rng: np.random.Generator) -> Picture:
    """The shadow of a phone, one of whose corners lies by a digit."""
    angle = rng.uniform(0, 2 * np.pi)
    corner = middle - _towards(angle + np.pi / 4, height * rng.uniform(0, 0.5))
    along, across = _towards(angle, height * rng.uniform(1.2, 3.5)), _towards(angle + np.pi / 2, height)
    corners = [corner, corner + along, corner + along + across, corner + across]
    shade = cv2.fillPoly(np.zeros(FRAME, np.float32), [np.rint(corners).astype(np.int32)], 1.0)
    return cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 5))


def polygon(middle: NDArray[np.float32], height: float, rng: np.random.Generator) -> Picture:
    """The shadow of something with three to six corners, whose edge may run through a digit."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
    corners = np.array([_towards(angle, height * rng.uniform(1, 4)) for angle in angles])
    corners += middle - corners.mean(axis=0) * rng.uniform(0, 2)
    shade = cv2.fillPoly(np.zeros(FRAME, np.float32), [np.rint(corners).astype(np.int32)], 1.0)
    return cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 8))


def _some_digit(scene: Scene, rng: np.random.Generator) -> tuple[NDArray[np.float32], float]:
    """The middle `[x, y]` and the height of one of a scene's digits."""
    x, y, width, height = _bounds(scene.owners == int(rng.integers(len(scene.text))))
    return np.array([x + width / 2, y + height / 2], np.float32), height


def _away(middle: NDArray[np.float32], angle: float) -> NDArray[np.float64]:
    """How far each pixel of a frame is from a line through a place, that runs across the angle."""
    down, right = np.mgrid[: FRAME[0], : FRAME[1]].astype(np.float32)
    return np.asarray((right - middle[0]) * np.cos(angle) + (down - middle[1]) * np.sin(angle))


def _towards(angle: float, length: float) -> NDArray[np.float64]:
    return length * np.array([np.cos(angle), np.sin(angle)])


def mirroring(hand: Hand, rng: np.random.Generator) -> Scene:
    """Numbers on a board in which a lamp is mirrored, beside one of its digits or across it.

    Its light is added to theirs, and nears white without ever getting there.
    """
    scene = _unseen(hand, rng, exposure=rng.uniform(0.45, 0.65))
    middle, height = _some_digit(scene, rng)
    away = _away(middle, rng.uniform(0, 2 * np.pi)) - height * rng.uniform(-1, 1)
    lamp = rng.uniform(0.7, 1.8) * np.exp(-((away / (height * rng.uniform(0.4, 1))) ** 2))
    return replace(scene, gray=_sensed(1 - (1 - scene.gray / 255) * np.exp(-lamp), rng))


def at_edge(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number that touches the frame's nearest edge."""
    scene = render([_number(rng, 1, 3)], ORDINARY, hand, rng)
    x, y, width, height = _bounds(scene.owners >= 0)
    cuts = {  # what is lost of the frame, and what is kept
        x: np.s_[:, x:],
        y: np.s_[y:, :],
        FRAME[1] - x - width: np.s_[:, : x + width],
        FRAME[0] - y - height: np.s_[: y + height, :],
    }
    seen = cuts[min(cuts)]
    return Scene(scene.gray[seen].copy(), scene.text, scene.owners[seen].copy())


def close_up(make: Make) -> Make:
    """The same cut out closely about the number and made smaller, as photographs are that someone sends."""

    def made(hand: Hand, rng: np.random.Generator) -> Scene:
        scene = make(hand, rng)
        x, y, width, height = _bounds(scene.owners >= 0)
        left, top, right, bottom = np.rint(rng.uniform(0.1, 0.8, 4) * height).astype(int).tolist()
        near = np.s_[max(0, y - top) : y + height + bottom, max(0, x - left) : x + width + right]
        scale = min(1.0, rng.uniform(28, 100) / height)
        gray = cv2.resize(scene.gray[near], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        owners = cv2.resize(scene.owners[near], gray.shape[::-1], interpolation=cv2.INTER_NEAREST)
        sent = paper.sensed(gray.astype(np.float32) / 255, 0, int(rng.integers(50, 96)), rng)
        return Scene(sent, scene.text, owners)

    return made


def holding(**look: Any) -> Make:
    """A sheet that is held up before much else, with a thumb on either side."""

    def make(hand: Hand, rng: np.random.Generator) -> Scene:
        return _held(_unseen(hand, rng, **look), rng)

    return make


def shaded(make: Make) -> Make:
    """The same with a shadow over all of it."""

    def made(hand: Hand, rng: np.random.Generator) -> Scene:
        scene = make(hand, rng)
        return replace(scene, gray=_sensed(scene.gray / 255 * paper.shadow(FRAME, rng), rng))

    return made


def _held(scene: Scene, rng: np.random.Generator) -> Scene:
    x, y, width, height = _bounds(scene.owners >= 0)
    margin = height * rng.uniform(0.5, 1.0)
    left, right, top, bottom = x - margin, x + width + margin, y - margin, y + height + margin
    sheet = _sheet((left, top), (right, bottom), 5, rng)
    room = render_clutter(one_of(_ROOMS, rng), replace(ORDINARY, focus=2), rng).gray
    seen = room * (1 - sheet) + scene.gray * sheet
    for side, outwards in ((left, -1), (right, 1)):
        tip = np.array([side - outwards * rng.uniform(5, 25), rng.uniform(y, bottom)])
        root = tip + np.array([outwards * 250, rng.uniform(0, 120)])
        thumb = _soft(cv2.line(np.zeros(FRAME, np.float32), pixel(tip), pixel(root), 1.0, 34))
        seen = seen * (1 - thumb) + thumb * rng.uniform(70, 170)
    return replace(scene, gray=_sensed((seen / 255).astype(np.float32), rng))


_ROOMS = ("texture", "cables", "keyboard", "letters", "objects", "pile")


def _sheet(
    first: tuple[float, float], last: tuple[float, float], askew: float, rng: np.random.Generator
) -> Picture:
    """Where a sheet lies, from its first corner to its last; each is so many pixels off, about."""
    (left, top), (right, bottom) = first, last
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    corners += rng.normal(0, askew, (4, 2))
    return _soft(cv2.fillPoly(np.zeros(FRAME, np.float32), [np.rint(corners).astype(np.int32)], 1.0))


def _soft(mask: Picture) -> Picture:
    return cv2.GaussianBlur(mask, (0, 0), 1)


def highlighted(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number over which a highlighter was drawn."""
    scene = _unseen(hand, rng)
    x, y, width, height = _bounds(scene.owners >= 0)
    ends = [
        np.array([side, y + height * rng.uniform(0.4, 0.6)])
        for side in (x - 0.3 * height, x + width + 0.3 * height)
    ]
    mark = cv2.line(
        np.zeros(FRAME, np.float32), *map(pixel, ends), 1.0, round(height * rng.uniform(0.6, 1.3))
    )
    lit = scene.gray / 255 * (1 - rng.uniform(0.1, 0.3) * _soft(mark))
    return replace(scene, gray=_sensed(lit, rng))


def on_a_card(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number on a card that lies on a table and throws a narrow shadow on it."""
    scene = _unseen(hand, rng)
    x, y, width, height = _bounds(scene.owners >= 0)
    margin = height * rng.uniform(0.3, 0.9)
    card = _sheet((x - margin, y - margin), (x + width + margin, y + height + margin), 4, rng)
    fall = np.float32([[1, 0, rng.uniform(-12, 12)], [0, 1, rng.uniform(-12, 12)]])
    shadow = cv2.GaussianBlur(cv2.warpAffine(card, fall, FRAME[::-1]), (0, 0), rng.uniform(1.5, 8))
    table = rng.uniform(0.12, 0.6) * paper.plain(FRAME, rng) * (1 - rng.uniform(0.1, 0.5) * shadow)
    return replace(scene, gray=_sensed(scene.gray / 255 * card + table * (1 - card), rng))


def in_a_notebook(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number on a page whose binding runs along its upper side, or along its lower one."""
    scene = _unseen(hand, rng, paper=one_of(("plain", "ruled", "squared"), rng))
    _, y, _, height = _bounds(scene.owners >= 0)
    binding = np.zeros(FRAME, np.float32)
    apart, long, fall = rng.uniform(20, 36), round(rng.uniform(12, 20)), rng.uniform(-0.04, 0.04)
    for left in np.arange(rng.uniform(0, apart), FRAME[1], apart):
        down = long + 8 + fall * (left - FRAME[1] / 2)
        cv2.ellipse(binding, pixel([left, down - long]), (3, long), 0, 0, 360, 0.7, 2, cv2.LINE_AA)
        cv2.circle(binding, pixel([left, down]), 5, 0.85, -1, cv2.LINE_AA)
    if y < FRAME[0] - y - height:  # there is more room below
        binding = binding[::-1]
    return replace(scene, gray=_sensed(scene.gray / 255 * (1 - binding), rng))


def showing_through(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number on thin paper, through which another shows that is written on the other side."""
    scene, behind = _unseen(hand, rng), _unseen(hand, rng)
    through = cv2.GaussianBlur((behind.owners[:, ::-1] >= 0).astype(np.float32), (0, 0), 2.5)
    return replace(scene, gray=_sensed(scene.gray / 255 * (1 - rng.uniform(0.06, 0.15) * through), rng))


def on_a_wiped_board(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number in chalk where another was wiped off, but for a trace of it."""
    scene, before = (_unseen(hand, rng, paper="board") for _ in range(2))
    trace = cv2.GaussianBlur((before.owners >= 0).astype(np.float32), (0, 0), 2)
    board = float(np.median(scene.gray)) / 255
    return replace(scene, gray=_sensed(scene.gray / 255 + board * rng.uniform(0.15, 0.4) * trace, rng))


def on_a_label(hand: Hand, rng: np.random.Generator) -> Scene:
    """One or two light digits on a dark label, or a small screen, with something light all around it."""
    scene = _unseen(hand, rng, most=2, paper="board")
    x, y, width, height = _bounds(scene.owners >= 0)
    margin = round(height * rng.uniform(0.15, 0.6))
    label = np.zeros(FRAME, np.float32)
    label[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin] = 1
    label = _soft(label)
    return replace(scene, gray=_sensed(scene.gray / 255 * label + rng.uniform(0.5, 0.9) * (1 - label), rng))


def _sheared(digit: Picture, degrees: float) -> Picture:
    height, width = digit.shape
    lean = np.tan(np.deg2rad(degrees))
    more = abs(lean) * height
    matrix = np.array([[1, -lean, more if lean > 0 else 0], [0, 1, 0]], np.float64)
    leaning = cv2.warpAffine(digit, matrix, (int(width + more) + 2, height))
    x, y, w, h = cv2.boundingRect((leaning > 0).astype(np.uint8))
    return leaning[y : y + h, x : x + w]


def _bounds(where: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    return cv2.boundingRect(where.astype(np.uint8))


def _unseen(hand: Hand, rng: np.random.Generator, most: int = 3, **look: Any) -> Scene:
    """A number of up to so many digits, before a camera takes it."""
    return render([_number(rng, 1, most)], replace(ORDINARY, noise=0, quality=100, **look), hand, rng)


def _sensed(picture: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    return paper.sensed(picture, ORDINARY.noise, ORDINARY.quality, rng)


def _number(rng: np.random.Generator, least: int, most: int) -> str:
    return "".join(map(str, rng.integers(0, 10, int(rng.integers(least, most + 1)))))


def _fitting(height: int) -> tuple[int, int]:
    """From one digit up to three, if so many of that height fit the frame."""
    return 1, min(3, max(1, int(FRAME[1] / (1.2 * height))))


def _conditions() -> Iterator[Condition]:
    for part in (40, 25, 15, 10, 6, 4):
        yield Condition(
            "pen", f"pen of 1/{part} of the height", looking(stroke=1 / part), HARD if part == 40 else EASY
        )
    yield Condition("pen", "marker cut straight", penned(straight_tip))
    yield Condition("pen", "brush", penned(soft_tip))
    yield Condition("pen", "felt tip", penned(felt_tip, stroke=_BROAD))
    yield Condition("pen", "in a hurry", penned(in_a_hurry))
    yield Condition("pen", "drying pen", looking(bare=0.3))
    yield Condition("pen", "uneven ink", looking(uneven=0.6, stroke=_BROAD))
    for height in (20, 24, 28, 40, 60, 100, 160, 240, 320, 400, 440):
        make = looking(_fitting(height), height=height)
        yield Condition("height", f"height {height} px", make, EASY if height >= 28 else None)
    for degrees in (-25, -12, 12, 25):
        yield Condition("geometry", f"rotation {degrees:+} deg", looking(turn=degrees))
    for degrees in (-30, -15, 15, 30):
        yield Condition("geometry", f"slant {degrees:+} deg", slanted(degrees))
    for share in (0.1, 0.2, 0.3):
        yield Condition("geometry", f"perspective {share}", looking(perspective=share))
    yield Condition("light", "gradient", looking(light="gradient"))
    yield Condition("light", "shadow somewhere", looking(light="shadow"))
    yield Condition("light", "hard shadow across a digit", shadowed(edge), HARD)
    yield Condition("light", "shadow of a hand", shadowed(fingers), HARD)
    yield Condition("light", "shadow of a phone", shadowed(phone), HARD)
    yield Condition("light", "shadow with corners", shadowed(polygon), HARD)
    yield Condition("light", "light through blinds", looking(light="blinds"), HARD)
    yield Condition("light", "reflection", looking(light="reflection"))
    yield Condition("light", "lamp mirrored in a board", mirroring, HARD)
    for exposure, noise, aim in ((0.4, 6, EASY), (0.25, 9, EASY), (0.15, 12, None)):
        make = looking(exposure=exposure, noise=noise)
        yield Condition("light", f"low light {exposure}, noise {noise}", make, aim)
    for length in (4, 8, 12):
        yield Condition("lens", f"motion {length} px", looking(motion=length))
    for sigma in (1.5, 3, 5):
        yield Condition("lens", f"focus {sigma} px", looking(focus=sigma))
    for quality in (60, 30, 15):
        yield Condition("lens", f"JPEG {quality}", looking(quality=quality))
    yield Condition("paper", "coloured paper", looking(exposure=0.5))
    yield Condition("paper", "textured paper", looking(paper="textured"))
    yield Condition("paper", "ruled paper", looking(paper="ruled"))
    yield Condition("paper", "squared paper", looking(paper="squared"), HARD)
    yield Condition("paper", "dotted paper", looking(paper="dotted"))
    yield Condition("paper", "sheet held before much else", holding())
    yield Condition("paper", "squared sheet held", holding(paper="squared"), HARD)
    yield Condition("paper", "sheet held in a shadow", shaded(holding()), HARD)
    yield Condition("paper", "card on a table", on_a_card)
    yield Condition("paper", "spiral notebook", in_a_notebook)
    yield Condition("paper", "number on the other side", showing_through)
    yield Condition("paper", "board not wiped clean", on_a_wiped_board)
    yield Condition("paper", "board with chalk", looking(paper="board"))
    yield Condition("paper", "board with worn chalk", looking(paper="board", ink=0.35))
    yield Condition("paper", "board with grainy chalk", looking(paper="board", bare=0.3))
    for ink in (0.3, 0.2, 0.12):
        yield Condition("paper", f"weak ink {ink}", looking(ink=ink))
    for count in range(1, 9):
        yield Condition(
            "numbers",
            f"{count} digit{'s' if count > 1 else ''}",
            looking((count, count), height=min(100, 560 // count)),
        )
    yield Condition("numbers", "11 digits in a row", looking((11, 11), height=45))
    yield Condition("numbers", "2 to 4 lines", looking((1, 4), (2, 4), height=60))
    yield Condition("numbers", "touching pairs", touching, HARD)
    yield Condition("numbers", "at the frame's edge", at_edge)
    yield Condition("numbers", "small close-up", close_up(looking()))
    dark = looking(exposure=0.25, noise=9)
    yield Condition("numbers", "small close-up in low light", close_up(dark), HARD)
    yield Condition("numbers", "small close-up in a circle", close_up(framed(circle)))
    yield Condition("numbers", "in a circle", framed(circle))
    yield Condition("numbers", "in a box", framed(box))
    yield Condition("numbers", "with a comma", with_comma)
    yield Condition("numbers", "beside a sign", beside_a_sign)
    yield Condition("numbers", "beside print", beside_print)
    yield Condition("numbers", "highlighted", highlighted)
    yield Condition("numbers", "on a dark label", on_a_label)
    yield Condition("numbers", "cells of a form", form)
    yield Condition("numbers", "sudoku", sudoku)
    for name, (value, shape) in SHAPES.items():
        yield Condition("shapes", name, shaped(value, shape))
    yield Condition("shapes", "hands of others", by_others)
    yield Condition("all", "anything at once", anything, None)


CONDITIONS = tuple(_conditions())
"""Every condition, in the order that the table has."""
