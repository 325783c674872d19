"""Pages on which digits are put where one wants them: in frames and cells, touching, beside signs."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from training import paper
from training.clutter import fonts, typeset, word
from training.paper import Picture, pixel
from training.pens import Shape, curves, one_of
from training.scenes import FRAME, Hand, Look, Scene, meeting

ORDINARY = Look()
"""Digits 100 pixels high on plain paper, with a pen of a tenth of their height."""

Make = Callable[[Hand, np.random.Generator], Scene]

_CLOSING: Shape = [[(0.1, -0.12), (0.24, 0.2), (0.24, 0.8), (0.1, 1.12)]]

SIGNS: tuple[tuple[Shape, Shape], ...] = (
    ([[(-x, y) for x, y in line] for line in _CLOSING], _CLOSING),
    ([], _CLOSING),
    ([[(-0.6, 0.5), (-0.2, 0.5)]], []),
    ([[(-0.6, 0.4), (-0.2, 0.4)], [(-0.6, 0.6), (-0.2, 0.6)]], []),
    ([], [[(0.25, 0.0), (0.37, 0.12), (0.25, 0.24), (0.13, 0.12), (0.25, 0.0)]]),
    ([], [[(0.18, 0.0), (0.16, 0.2)], [(0.34, 0.0), (0.32, 0.2)]]),
)
"""What may stand before a number, and what after it: brackets, one that closes, a minus, an equals sign, a
degree, inches. In heights of its digits, from its upper left corner and from its upper right one."""


class Page:
    """An ordinary page on which digits are put where one wants them."""

    def __init__(self, hand: Hand, rng: np.random.Generator) -> None:
        self._hand, self._rng = hand, rng
        self.lines = np.zeros(FRAME, np.float32)
        self._ink = np.zeros(FRAME, np.float32)
        self._owners = np.full(FRAME, -1, np.int16)
        self._text = ""

    def write(self, height: float) -> tuple[int, Picture]:
        """A digit of any value and its ink, not yet on the page."""
        value = int(self._rng.integers(10))
        return value, self._hand.write(value, height, height * ORDINARY.stroke, self._rng)

    def put(self, value: int, digit: Picture, x: float, y: float) -> None:
        """Puts a digit's ink with its left upper corner at `(x, y)`."""
        height, width = digit.shape
        place = slice(round(y), round(y) + height), slice(round(x), round(x) + width)
        np.maximum(self._ink[place], digit, out=self._ink[place])
        self._owners[place][digit > 0.35] = len(self._text)
        self._text += str(value)

    def put_row(self, digits: Sequence[tuple[int, Picture]], x: float, y: float, gap: float) -> None:
        """Puts digits side by side, so many pixels apart."""
        for value, digit in digits:
            self.put(value, digit, x, y)
            x += digit.shape[1] + gap

    def scene(self) -> Scene:
        """The page as the camera sees it."""
        ink = np.maximum(self._ink * ORDINARY.ink, self.lines)
        lit = paper.plain(FRAME, self._rng) * (1 - ink) * paper.even(FRAME, self._rng) * ORDINARY.exposure
        seen = cv2.GaussianBlur(lit, (0, 0), ORDINARY.focus)
        gray = paper.sensed(seen, ORDINARY.noise, ORDINARY.quality, self._rng)
        return Scene(gray, self._text, self._owners)


def touching(hand: Hand, rng: np.random.Generator) -> Scene:
    """Two digits whose ink just meets."""
    page = Page(hand, rng)
    left, right = page.write(ORDINARY.height), page.write(ORDINARY.height * rng.uniform(0.9, 1.1))
    x, y = rng.uniform(20, 350), rng.uniform(20, 340)
    page.put(*left, x, y)
    page.put(*right, x + meeting(left[1], right[1]), y)
    return page.scene()


def framed(outline: Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]) -> Make:
    """One or two digits with a line around them, drawn by hand with the same pen."""

    def make(hand: Hand, rng: np.random.Generator) -> Scene:
        page, height = Page(hand, rng), 0.8 * ORDINARY.height
        digits = [page.write(height) for _ in range(rng.integers(1, 3))]
        size = np.array([_width(digits, 0.3 * height), height])
        corner = rng.uniform(height, FRAME[::-1] - size - height)
        line = corner + size / 2 + outline(size / 2, rng)
        pen = round(ORDINARY.height * ORDINARY.stroke)
        cv2.polylines(page.lines, [np.rint(line).astype(np.int32)], True, ORDINARY.ink, pen, cv2.LINE_AA)
        page.put_row(digits, *corner, gap=0.3 * height)
        return page.scene()

    return make


def circle(half: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A wobbly ellipse about what is so large, half of it to each side."""
    around = np.linspace(0, 2 * np.pi, 60)
    wobble = 1 + rng.uniform(0, 0.06) * np.sin(around * rng.integers(1, 4) + rng.uniform(0, 6))
    radii = 2**0.5 * np.maximum(half, 0.6 * half[1]) + half[1] * rng.uniform(0.2, 0.6)
    return np.stack([np.cos(around), np.sin(around)], axis=1) * radii * wobble[:, np.newaxis]


def box(half: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Four corners, not quite square."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (half + half[1] * rng.uniform(0.4, 0.8))
    return corners + rng.normal(0, 0.05 * half[1], (4, 2))


def with_comma(hand: Hand, rng: np.random.Generator) -> Scene:
    """Two digits with a comma between them."""
    page, height = Page(hand, rng), ORDINARY.height
    left, right = page.write(height), page.write(height)
    gap = height * rng.uniform(0.3, 0.5)
    x, y = rng.uniform(20, 300), rng.uniform(20, 320)
    page.put(*left, x, y)
    page.put(*right, x + left[1].shape[1] + gap, y)
    begin = np.array([x + left[1].shape[1] + 0.6 * gap, y + 0.95 * height])
    end = begin + height * rng.uniform((-0.15, 0.1), (0, 0.25))
    pen = round(height * ORDINARY.stroke)
    cv2.line(page.lines, pixel(begin), pixel(end), ORDINARY.ink, pen, cv2.LINE_AA)
    return page.scene()


def beside_a_sign(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number with a sign before it or after it, or in brackets."""
    page, height = Page(hand, rng), 0.8 * ORDINARY.height
    digits = [page.write(height) for _ in range(rng.integers(1, 4))]
    width = _width(digits, 0.3 * height)
    x, y = rng.uniform(height, (FRAME[1] - width - height, FRAME[0] - 2 * height))
    page.put_row(digits, x, y, gap=0.3 * height)
    pen = round(height * ORDINARY.stroke)
    for sign, side in zip(one_of(SIGNS, rng), (x, x + width), strict=True):
        shaken = [np.add(points, rng.normal(0, 0.02, (len(points), 2))).tolist() for points in sign]
        for line in curves(shaken):
            seen = np.rint(line * height + (side, y)).astype(np.int32)
            cv2.polylines(page.lines, [seen], False, ORDINARY.ink, pen, cv2.LINE_AA)
    return page.scene()


def beside_print(hand: Hand, rng: np.random.Generator) -> Scene:
    """A number between a few printed lines above it and below it, of at most half its height."""
    page, height = Page(hand, rng), 0.6 * ORDINARY.height
    digits = [page.write(height) for _ in range(rng.integers(1, 6))]
    gap = 0.3 * height
    x, y = rng.uniform(20, 600 - _width(digits, gap)), rng.uniform(190, 230)
    page.put_row(digits, x, y, gap)
    # A capital letter is seven tenths as high as its type.
    size = height * rng.uniform(0.3, 0.5) / 0.7
    font = ImageFont.truetype(one_of(fonts(), rng), int(size))
    ink = rng.uniform(0.4, ORDINARY.ink)
    for top in (y - 0.5 * height - 3 * 1.4 * size, y + 1.6 * height):
        lines = (" ".join(word(rng).capitalize() for _ in range(rng.integers(1, 4))) for _ in range(3))
        at = float(rng.uniform(10, 60)), top
        printed = typeset("\n".join(lines), at, font, 0.2 * size, FRAME)
        page.lines = np.maximum(page.lines, ink / 255 * printed)
    return page.scene()


def form(hand: Hand, rng: np.random.Generator) -> Scene:
    """A row of cells of a form, with a digit in each."""
    page = Page(hand, rng)
    count = int(rng.integers(3, 11))
    side = min(int(rng.integers(50, 91)), 600 // count)
    x, y = (float(rng.uniform(5, free)) for free in (FRAME[1] - side * count - 5, FRAME[0] - side - 5))
    _grid(page, (x, y), (count, 1), side, rng)
    for column in range(count):
        _fill(page, x + column * side, y, side, rng)
    return page.scene()


def sudoku(hand: Hand, rng: np.random.Generator) -> Scene:
    """A sudoku that fills the frame, with a third of its cells filled by hand."""
    page = Page(hand, rng)
    side = 50
    x, y = float(rng.uniform(5, 185)), float(rng.uniform(5, 25))
    _grid(page, (x, y), (9, 9), side, rng, bold=3)
    for cell in np.flatnonzero(rng.random(81) < 1 / 3):
        row, column = divmod(int(cell), 9)
        _fill(page, x + column * side, y + row * side, side, rng)
    return page.scene()


def _grid(
    page: Page,
    at: tuple[float, float],
    cells: tuple[int, int],
    side: int,
    rng: np.random.Generator,
    bold: int = 99,
) -> None:
    """Draws printed cells, every `bold`th line thicker."""
    tone, thickness = float(rng.uniform(0.2, 0.7)), int(rng.integers(1, 3))
    (x, y), (columns, rows) = (round(at[0]), round(at[1])), cells
    for column in range(columns + 1):
        end = (x + column * side, y + rows * side)
        cv2.line(page.lines, (end[0], y), end, tone, thickness + (column % bold == 0))
    for row in range(rows + 1):
        end = (x + columns * side, y + row * side)
        cv2.line(page.lines, (x, end[1]), end, tone, thickness + (row % bold == 0))


def _fill(page: Page, x: float, y: float, side: int, rng: np.random.Generator) -> None:
    """Writes a digit into a cell, anywhere inside that leaves its lines alone."""
    value, digit = page.write(side * rng.uniform(0.55, 0.75))
    while digit.shape[1] > side - 8:
        value, digit = page.write(side / 2)
    free = side - 7 - np.array(digit.shape)
    down, right = 4 + rng.uniform(0.2, 0.8, 2) * free
    page.put(value, digit, x + right, y + down)


def _width(digits: Sequence[tuple[int, Picture]], gap: float) -> float:
    """Of digits side by side, so many pixels apart."""
    return sum(digit.shape[1] for _, digit in digits) + gap * (len(digits) - 1)
