"""Things that lie about and are no digits: what an honest reader must say nothing about."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.figures import clip, figure
from training.hands import sign
from training.paper import Picture, Shape, cloud, pixel, plain, rectangle
from training.pens import any_size, draw, one_of, rotation
from training.tracing import Lines

_LETTERS = "aaacdeeeefhhkmmnnprrrttuuvwxyABCEFHKLMNPRTUVWXY?&#"  # none that might pass for a digit


def blank(shape: Shape, rng: np.random.Generator) -> Picture:
    """Nothing at all."""
    return plain(shape, rng)


def table(shape: Shape, rng: np.random.Generator) -> Picture:
    """Wood with its grain."""
    grain = cv2.resize(cloud((shape[0], 8), 2, rng), shape[::-1], interpolation=cv2.INTER_CUBIC)
    bend = 4 * cloud(shape, 120, rng)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    bent = cv2.remap(grain, columns, rows + bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return (rng.uniform(0.25, 0.75) + rng.uniform(0.02, 0.08) * bent).astype(np.float32)


def fabric(shape: Shape, rng: np.random.Generator) -> Picture:
    """Cloth with folds and a weave."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    pitch = rng.uniform(3, 25)
    weave = np.sin(2 * np.pi * columns / pitch) * np.sin(2 * np.pi * rows / (pitch * rng.uniform(0.6, 1.6)))
    folds = cloud(shape, rng.uniform(50, 160), rng)
    return (rng.uniform(0.2, 0.7) + rng.uniform(0.02, 0.12) * weave + 0.15 * folds).astype(np.float32)


def texture(shape: Shape, rng: np.random.Generator) -> Picture:
    """Grass, gravel, carpet: structure of every size."""
    sizes = (2, 4, 8, 16, 32)
    weights = rng.dirichlet(np.ones(len(sizes)))
    total = sum(w * cloud(shape, s, rng) for w, s in zip(weights, sizes, strict=True))
    return (rng.uniform(0.3, 0.6) + rng.uniform(0.1, 0.35) * total).astype(np.float32)


def hands(shape: Shape, rng: np.random.Generator) -> Picture:
    """Skin-like blobs and fingers over a page."""
    page = plain(shape, rng)
    tone = rng.uniform(0.3, 0.75)
    for _ in range(int(rng.integers(1, 6))):
        start = rng.uniform(0, 1, 2) * shape[::-1]
        end = start + rng.normal(0, 220, 2)
        width = int(rng.uniform(30, 110))
        finger = np.zeros(shape, np.float32)
        cv2.line(finger, start.astype(int).tolist(), end.astype(int).tolist(), 1.0, width)
        finger = cv2.GaussianBlur(finger, (0, 0), rng.uniform(1.5, 10))
        page = page * (1 - finger) + (tone + 0.06 * cloud(shape, 40, rng)) * finger
    return page.astype(np.float32)


def cables(shape: Shape, rng: np.random.Generator) -> Picture:
    """Cables, hairs and threads."""
    page = plain(shape, rng)
    for _ in range(int(rng.integers(1, 5))):
        points = rng.uniform(-0.2, 1.2, (6, 2)) * shape[::-1]
        t = np.linspace(0, 1, 80)[:, None]
        basis = [np.array([1, 5, 10, 10, 5, 1])[k] * t**k * (1 - t) ** (5 - k) for k in range(6)]
        line = sum(b * points[k] for k, b in enumerate(basis))
        tone = float(rng.uniform(0.05, 0.5))
        cv2.polylines(
            page, [np.round(line).astype(np.int32)], False, tone, int(rng.integers(1, 16)), cv2.LINE_AA
        )
    return page


def keyboard(shape: Shape, rng: np.random.Generator) -> Picture:
    """Keys in rows, each with a letter."""
    light = rng.random() < 0.5
    key, gap, ink = (0.85, 0.3, 0.15) if light else (0.15, 0.45, 0.85)
    page = np.full(shape, gap, np.float32)
    pitch = int(rng.integers(36, 90))
    for top in range(int(rng.integers(-pitch, 0)), shape[0], pitch):
        for left in range(int(rng.integers(-pitch, 0)), shape[1], pitch):
            cv2.rectangle(page, (left + 3, top + 3), (left + pitch - 4, top + pitch - 4), key, -1)
            letter = one_of(_LETTERS, rng).upper()
            cv2.putText(
                page,
                letter,
                (left + pitch // 4, top + pitch * 2 // 3),
                0,
                pitch / 70,
                ink,
                1 + pitch // 50,
                cv2.LINE_AA,
            )
    return page


def print_(shape: Shape, rng: np.random.Generator) -> Picture:
    """Lines of printed words."""
    page = plain(shape, rng)
    font = ImageFont.truetype(one_of(fonts(), rng), int(any_size(12, 70, rng)))
    lines = (
        " ".join(word(rng) for _ in range(int(rng.integers(1, 9)))) for _ in range(int(rng.integers(1, 14)))
    )
    at = (float(rng.uniform(-20, 80)), float(rng.uniform(-20, 80)))
    printed = typeset("\n".join(lines), at, font, float(rng.uniform(2, 30)), shape)
    return (page * (1 - rng.uniform(0.3, 0.9) * printed / 255)).astype(np.float32)


def typeset(
    text: str, at: tuple[float, float], font: ImageFont.FreeTypeFont, spacing: float, shape: Shape
) -> Picture:
    """Printed lines of text, from their upper left corner `(x, y)` on: 255 where ink is, 0 elsewhere."""
    sheet = Image.new("L", shape[::-1])
    ImageDraw.Draw(sheet).multiline_text(at, text, 255, font, spacing=spacing)
    return np.asarray(sheet, np.float32)


@cache
def fonts() -> list[str]:
    """The typefaces that come with matplotlib and hold letters."""
    from matplotlib import get_data_path  # slow to import, and only needed here

    folder = Path(get_data_path(), "fonts", "ttf")
    return [
        str(path)
        for name in ("DejaVu*.ttf", "STIXGeneral*.ttf", "cm[rst]*10.ttf")
        for path in sorted(folder.glob(name))
    ]


def letters(shape: Shape, rng: np.random.Generator) -> Picture:
    """Handwritten letters, signs and arrows."""
    return _marked(shape, rng, sign, tallest=shape[0] / 3)


def drawings(shape: Shape, rng: np.random.Generator) -> Picture:
    """Drawn figures: boxes, stars, hearts, houses, faces."""
    return _marked(shape, rng, figure, tallest=shape[0] * 2 / 3)


def crossed_out(shape: Shape, rng: np.random.Generator) -> Picture:
    """Scribbles, as over a mistake."""
    page = plain(shape, rng)
    for _ in range(int(rng.integers(1, 5))):
        size = rng.uniform(25, 140)
        turns = int(rng.integers(4, 14))
        x = np.linspace(0, size * rng.uniform(0.5, 1.6), 2 * turns) + rng.normal(0, size / 12, 2 * turns)
        y = np.where(np.arange(2 * turns) % 2, size, 0) + rng.normal(0, size / 10, 2 * turns)
        at = rng.uniform(0, 0.8, 2) * shape[::-1]
        line = np.stack([x, y], axis=1) + at
        cv2.polylines(
            page,
            [np.round(line).astype(np.int32)],
            False,
            float(page.mean()) - 0.5,
            max(1, int(size / rng.uniform(8, 40))),
            cv2.LINE_AA,
        )
    return page


def clips(shape: Shape, rng: np.random.Generator) -> Picture:
    """Paper clips, whose wire shines and casts a shadow."""
    page = plain(shape, rng)
    for _ in range(int(rng.integers(1, 9))):
        length = any_size(25, 260, rng)
        wire = draw(clip(rng), length, max(1.0, length * rng.uniform(0.02, 0.07)))
        at = (rng.uniform(0, 0.9, 2) * shape[::-1]).astype(int)
        away = max(1, round(length * rng.uniform(0.01, 0.04)))
        _lay(page, 0.6 * cv2.GaussianBlur(wire, (0, 0), away), 0.6 * page.mean(), at + away)
        _lay(page, wire, rng.uniform(0.1, 0.6) + rng.uniform(0, 0.2) * cloud(wire.shape, length / 6, rng), at)
    return page


def _lay(page: Picture, cover: Picture, tone: Picture | float, at: NDArray[np.integer]) -> None:
    """Lays something on a page, its left upper corner at `(x, y)`; `cover` says how much hides the page."""
    x, y = at.tolist()
    there = page[y : y + cover.shape[0], x : x + cover.shape[1]]
    seen = np.s_[: there.shape[0], : there.shape[1]]
    there += cover[seen] * (np.broadcast_to(tone, cover.shape)[seen] - there)


def vessels(shape: Shape, rng: np.random.Generator) -> Picture:
    """Mugs, pans and jugs from above: a rim about what is in them, and a handle."""
    page = table(shape, rng) if rng.random() < 0.4 else plain(shape, rng) * rng.uniform(0.3, 1)
    for _ in range(int(rng.integers(1, 4))):
        middle = rng.uniform(0.15, 0.85, 2) * shape[::-1]
        radius = any_size(20, 170, rng)
        rim, content = rng.uniform(0.05, 0.95, 2)
        angle, flat = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1)
        out = radius * np.array([np.cos(angle), np.sin(angle)])
        ends = (middle + out * reach for reach in (0.7, rng.uniform(1.2, 2.2)))
        width = max(2, round(radius * rng.uniform(0.12, 0.5)))
        cv2.line(page, *map(pixel, ends), float(rim), width, cv2.LINE_AA)
        for size, tone in ((1, rim), (rng.uniform(0.72, 0.94), content)):
            axes = (round(radius * size), round(radius * size * flat))
            cv2.ellipse(page, pixel(middle), axes, 0, 0, 360, float(tone), -1, cv2.LINE_AA)
    return page + rng.uniform(0, 0.02) * cloud(shape, 4, rng)


def objects(shape: Shape, rng: np.random.Generator) -> Picture:
    """Boxes, coins, pens and tools: polygons and ellipses with edges and shading."""
    page = np.full(shape, rng.uniform(0.15, 0.9), np.float32) + 0.05 * cloud(shape, 80, rng)
    for _ in range(int(rng.integers(2, 16))):
        tone = float(rng.uniform(0.05, 0.95))
        at = rng.uniform(0, 1, 2) * shape[::-1]
        size = rng.uniform(8, 120)
        if rng.random() < 0.5:
            corners = at + rng.normal(0, size, (int(rng.integers(3, 7)), 2))
            filled = rng.random() < 0.7
            points = [np.round(corners).astype(np.int32)]
            if filled:
                cv2.fillPoly(page, points, tone, cv2.LINE_AA)
            else:
                cv2.polylines(page, points, True, tone, int(rng.integers(1, 8)), cv2.LINE_AA)
        else:
            axes = (int(size * rng.uniform(0.3, 1)) + 2, int(size * rng.uniform(0.1, 1)) + 2)
            cv2.ellipse(
                page,
                pixel(at),
                axes,
                float(rng.uniform(0, 180)),
                0,
                float(rng.choice([120, 200, 270])) if rng.random() < 0.4 else 360,
                tone,
                -1,
                cv2.LINE_AA,
            )
    return page + rng.uniform(0, 0.03) * cloud(shape, 4, rng)


def pile(shape: Shape, rng: np.random.Generator) -> Picture:
    """Things of every size and stuff that hide each other, as wherever a camera looks.

    Dead leaves with textures: such pictures have the statistics of photographs (Lee, Mumford and Huang,
    "Occlusion Models for Natural Images", 2001).
    """
    stuffs = [texture(shape, rng) for _ in range(3)]
    page = stuffs[0].copy()
    roundness = float(rng.choice([0.03, 0.12, 0.3]))
    smallest = any_size(8, 50, rng)
    for _ in range(int(rng.integers(3, 120))):
        # As many for each octave of area: whatever the camera's distance, it sees the like.
        size = min(smallest / float(rng.uniform(0.03, 1)), 300.0)
        leaf = np.zeros(shape, np.uint8)
        outline = rng.uniform(0, 1, 2) * shape[::-1] + _outline(size, roundness, rng)
        cv2.fillPoly(leaf, [np.round(outline).astype(np.int32)], 255, cv2.LINE_AA)
        x, y, width, height = cv2.boundingRect(leaf)
        there = slice(y, y + height), slice(x, x + width)
        tone, grain = rng.uniform(0.05, 0.95), float(rng.choice([0.05, 0.3, 1.0]))
        stuff = tone + grain * (one_of(stuffs, rng)[there] - 0.45)
        stuff = stuff * (1 + rng.uniform(-0.5, 0.5) * np.linspace(-1, 1, width, dtype=np.float32))
        cover = leaf[there].astype(np.float32) / 255
        page[there] += (stuff - page[there]) * cover
    return np.clip(page, 0.02, 1).astype(np.float32)


def _outline(size: float, roundness: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A closed line `(n, 2)` about nothing: an ellipse with waves, or a polygon of few corners."""
    corners = int(rng.integers(3, 7)) if rng.random() < 0.3 else 60
    turned = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 2 * np.pi)
    radius = np.full(corners, size)
    for k in range(2, 7):
        radius += size * rng.normal(0, roundness / k) * np.cos(k * turned + rng.uniform(0, 2 * np.pi))
    flatness = rng.uniform(0.15, 1)
    points = radius[:, None] * np.stack([np.cos(turned), flatness * np.sin(turned)], axis=1)
    angle = rng.uniform(0, np.pi)
    return points @ rotation(angle)


def bars(shape: Shape, rng: np.random.Generator) -> Picture:
    """Ruler-straight edges and rules: cells of a form, fences, frames, tape; no hand draws so evenly."""
    page = plain(shape, rng)
    tone = float(page.mean()) * float(rng.uniform(0.1, 0.75))
    middle, angle = rng.uniform(0.2, 0.8, 2) * shape[::-1], rng.normal(0, 6)
    pitch, length = rng.uniform(18, 150, 2)
    thickness = max(1, round(min(pitch, length) * any_size(0.02, 0.4, rng)))
    cells = rng.random() < 0.5
    columns, rows = (int(n) for n in rng.integers(1, 9, 2))
    lines = np.zeros(shape, np.float32)
    x, y = (round(v) for v in middle - np.array([pitch * columns, length * rows]) / 2)
    for column in range(columns + 1):
        at = round(x + column * pitch)
        for row in range(rows):
            top = round(y + row * length)
            low = round(top + length * (1 if cells else rng.uniform(0.3, 0.9)))
            # A rectangle, for a thick line of OpenCV's has round ends.
            cv2.rectangle(lines, (at, top), (at + thickness - 1, low), 1.0, -1)
    for row in range(rows + 1 if cells else 0):
        at = round(y + row * length)
        cv2.rectangle(
            lines, (x, at), (round(x + columns * pitch) + thickness - 1, at + thickness - 1), 1.0, -1
        )
    turned = cv2.warpAffine(lines, cv2.getRotationMatrix2D(middle.tolist(), angle, 1), shape[::-1])
    return (page * (1 - turned) + tone * turned).astype(np.float32)


def page_corner(shape: Shape, rng: np.random.Generator) -> Picture:
    """The edges of a sheet, or of several, on a table."""
    ground = table(shape, rng) if rng.random() < 0.5 else np.full(shape, rng.uniform(0.05, 0.6), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        middle = rng.uniform(0, 1, 2) * shape[::-1]
        turn = rotation(rng.normal(0, 0.3))
        sheet = rectangle(middle, rng.uniform(60, 320, 2), turn)
        cv2.fillPoly(ground, [sheet], float(rng.uniform(0.5, 1.0)), cv2.LINE_AA)
    return ground


CLUTTER: dict[str, Callable[[Shape, np.random.Generator], Picture]] = {
    "blank": blank,
    "table": table,
    "fabric": fabric,
    "texture": texture,
    "hands": hands,
    "cables": cables,
    "keyboard": keyboard,
    "print": print_,
    "letters": letters,
    "drawings": drawings,
    "crossed-out": crossed_out,
    "clips": clips,
    "vessels": vessels,
    "objects": objects,
    "pile": pile,
    "bars": bars,
    "page-corner": page_corner,
}
"""Families of scenes with nothing to read."""


def word(rng: np.random.Generator) -> str:
    """Two to eight letters or signs, none of which looks like a digit."""
    return "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), int(rng.integers(2, 9))))


def _marked(
    shape: Shape, rng: np.random.Generator, mark_of: Callable[[np.random.Generator], Lines], tallest: float
) -> Picture:
    page = plain(shape, rng)
    height = rng.uniform(25, tallest)
    thickness = height * rng.uniform(0.04, 0.16)
    strength = rng.uniform(0.25, 0.8)
    x, y = rng.uniform(5, 60), rng.uniform(5, 120)
    while y + height < shape[0]:
        mark = draw(mark_of(rng), height * rng.uniform(0.7, 1.05), thickness)
        h, w = mark.shape
        if x + w >= shape[1]:
            x, y = rng.uniform(5, 60), y + 1.5 * height
            continue
        if y + h < shape[0]:
            page[int(y) : int(y) + h, int(x) : int(x) + w] -= strength * mark
        x += w + height * rng.uniform(0.05, 0.9)
    return page
