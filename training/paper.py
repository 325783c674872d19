"""What lies under the ink and between it and the camera: paper, light, lens and sensor."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pens import rotation

Picture = NDArray[np.float32]
"""`float32 (H, W)`, 0 black to 1 white."""

Shape = tuple[int, int]


def cloud(shape: Shape, cell: float, rng: np.random.Generator) -> Picture:
    """Smooth random hills `float32 (H, W)` of about unit deviation, `cell` pixels wide."""
    rows, columns = (max(2, round(length / cell) + 2) for length in shape)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def plain(shape: Shape, rng: np.random.Generator) -> Picture:
    """Paper of one tone with a little grain."""
    return np.full(shape, rng.uniform(0.55, 1.0), np.float32) + 0.004 * cloud(shape, 2, rng)


def textured(shape: Shape, rng: np.random.Generator) -> Picture:
    """Rough or crumpled paper, wood, cloth under thin paper."""
    return plain(shape, rng) + rng.uniform(0.005, 0.02) * cloud(shape, 3, rng) + 0.03 * cloud(shape, 60, rng)


def ruled(shape: Shape, rng: np.random.Generator) -> Picture:
    """Paper with ruled lines."""
    return _lined(plain(shape, rng), rng, across=True, down=False)


def squared(shape: Shape, rng: np.random.Generator) -> Picture:
    """Squared paper."""
    return _lined(plain(shape, rng), rng, across=True, down=True)


def dotted(shape: Shape, rng: np.random.Generator) -> Picture:
    """Paper with a grid of dots."""
    page = plain(shape, rng)
    pitch = int(rng.integers(16, 40))
    strength = rng.uniform(0.05, 0.3)
    page[pitch // 2 :: pitch, pitch // 2 :: pitch] -= strength
    page[pitch // 2 + 1 :: pitch, pitch // 2 :: pitch] -= strength
    return page


def board(shape: Shape, rng: np.random.Generator) -> Picture:
    """A dark board, not wiped well."""
    return np.full(shape, rng.uniform(0.08, 0.35), np.float32) + rng.uniform(0.005, 0.03) * cloud(
        shape, 40, rng
    )


PAPERS: dict[str, Callable[[Shape, np.random.Generator], Picture]] = {
    "plain": plain,
    "textured": textured,
    "ruled": ruled,
    "squared": squared,
    "dotted": dotted,
    "board": board,
}


def _lined(page: Picture, rng: np.random.Generator, across: bool, down: bool) -> Picture:
    pitch = int(rng.integers(14, 70))
    strength = rng.uniform(0.06, 0.35)
    thick = 1 if rng.random() < 0.6 else 2
    for offset in range(thick):
        if across:
            page[pitch // 2 + offset :: pitch] -= strength
        if down:
            page[:, pitch // 2 + offset :: pitch] -= strength
    if not down and rng.random() < 0.3:
        column = int(rng.integers(20, 120))
        page[:, column : column + 2] -= strength
    return page


def even(shape: Shape, rng: np.random.Generator) -> Picture:
    """Light that falls off a little from somewhere."""
    return _slope(shape, rng, rng.uniform(0.0, 0.15))


def gradient(shape: Shape, rng: np.random.Generator) -> Picture:
    """A lamp at one side."""
    return _slope(shape, rng, rng.uniform(0.4, 0.75))


def shadow(shape: Shape, rng: np.random.Generator) -> Picture:
    """The hard or soft edge of a shadow across the page."""
    height, width = shape
    centre = rng.uniform((0.25 * width, 0.25 * height), (0.75 * width, 0.75 * height))
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    distance = (columns - centre[0]) * np.cos(angle) + (rows - centre[1]) * np.sin(angle)
    edge = rng.uniform(0.7, 8) if rng.random() < 0.7 else rng.uniform(8, 40)
    if rng.random() < 0.4:  # the shadow of something narrow, such as an arm or a pen; a softer one is none
        distance = np.abs(distance) - rng.uniform(max(8, 2 * edge), 120)
    depth = rng.uniform(0.3, 0.65)
    shade = 1 - depth / (1 + np.exp(np.clip(distance / edge, -30, 30)))
    return (shade * _slope(shape, rng, 0.1)).astype(np.float32)


def blinds(shape: Shape, rng: np.random.Generator) -> Picture:
    """Light that falls through blinds, or between the bars of a window; stripes may converge."""
    height, width = shape
    angle = rng.uniform(0, np.pi)
    rows, columns = np.mgrid[:height, :width].astype(np.float32) - np.array([[[height]], [[width]]]) / 2
    along = rows * np.cos(angle) - columns * np.sin(angle)
    across = columns * np.cos(angle) + rows * np.sin(angle)
    across /= 1 + rng.uniform(-0.25, 0.25) * along / width
    pitch = rng.uniform(25, 220)
    wave = np.cos(2 * np.pi * across / pitch + rng.uniform(0, 6))
    steepness = pitch / rng.uniform(2, 20)
    shade = 1 / (1 + np.exp(steepness * (wave - rng.uniform(-0.6, 0.6))))
    return ((1 - rng.uniform(0.25, 0.65) * shade) * _slope(shape, rng, 0.1)).astype(np.float32)


def silhouette(shape: Shape, rng: np.random.Generator) -> Picture:
    """The shadow of whoever points, writes or holds a telephone above the page."""
    height, width = shape
    shade = np.zeros(shape, np.float32)
    size = rng.uniform(40, 200)
    middle = rng.uniform((0.15 * width, 0.15 * height), (0.85 * width, 0.85 * height))
    turn = rotation(rng.uniform(0, 2 * np.pi))
    if rng.random() < 0.35:
        cv2.fillPoly(shade, [rectangle(middle, size * rng.uniform(0.4, 1.2, 2), turn)], 1.0)
    else:
        _hand(shade, middle, size, turn[:, 0], rng)
    edge = rng.uniform(0.7, 8) if rng.random() < 0.7 else rng.uniform(8, 20)
    shade = cv2.GaussianBlur(shade, (0, 0), edge)
    return ((1 - rng.uniform(0.25, 0.65) * shade) * _slope(shape, rng, 0.1)).astype(np.float32)


def _hand(
    shade: Picture,
    middle: NDArray[np.float64],
    size: float,
    arm: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Draws a hand with four fingers, or one, whose arm comes from that direction."""
    cv2.line(shade, pixel(middle), pixel(middle + 20 * size * arm), 1.0, round(0.8 * size))
    for bend in np.linspace(-0.7, 0.7, 4) if rng.random() < 0.6 else rng.uniform(-0.3, 0.3, 1):
        tip = middle - size * rng.uniform(0.8, 1.3) * rotation(bend) @ arm
        cv2.line(shade, pixel(middle), pixel(tip), 1.0, round(size * rng.uniform(0.15, 0.3)))


def reflection(shape: Shape, rng: np.random.Generator) -> Picture:
    """A soft bright patch or streak, as on a whiteboard."""
    return (0.75 + rng.uniform(0.2, 0.5) * _patch(shape, rng)).astype(np.float32)


def glare(shape: Shape, rng: np.random.Generator) -> Picture:
    """A streak so bright that ink within it pales."""
    return (0.9 + rng.uniform(0.6, 2.0) * _patch(shape, rng)).astype(np.float32)


def pixel(place: NDArray[np.floating]) -> list[int]:
    """The pixel `[x, y]` at a place `(2,)`, as OpenCV draws."""
    return np.round(place).astype(int).tolist()


def rectangle(
    middle: NDArray[np.floating], half: NDArray[np.floating], turn: NDArray[np.floating]
) -> NDArray[np.int32]:
    """The corners `int32 (4, 2)` of half sides `(2,)` about a middle, turned by a matrix `(2, 2)`."""
    corners = middle + (half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ turn.T
    return np.round(corners).astype(np.int32)


def _patch(shape: Shape, rng: np.random.Generator) -> Picture:
    height, width = shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    angle = rng.uniform(0, np.pi)
    along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    across = -(columns - x) * np.sin(angle) + (rows - y) * np.cos(angle)
    return np.exp(-((along / rng.uniform(80, 400)) ** 2) - (across / rng.uniform(20, 90)) ** 2)


LIGHTS: dict[str, Callable[[Shape, np.random.Generator], Picture]] = {
    "even": even,
    "gradient": gradient,
    "shadow": shadow,
    "blinds": blinds,
    "silhouette": silhouette,
    "reflection": reflection,
    "glare": glare,
}


def _slope(shape: Shape, rng: np.random.Generator, fall: float) -> Picture:
    height, width = shape
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(np.cos(angle))
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(np.sin(angle))
    return (1 - fall * (0.5 + (x[None] + y[:, None]) / 1.42)).astype(np.float32)


def motion(picture: Picture, length: float, rng: np.random.Generator) -> Picture:
    """Blur along a line of `length` pixels, from a hand or a sheet that moves."""
    size = max(1, round(length)) | 1
    kernel = np.zeros((size, size), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (size // 2)
    middle = np.array([size // 2, size // 2])
    start, end = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def sensed(picture: Picture, noise: float, quality: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What the sensor makes of it, `uint8 (H, W)`: noise of `noise` gray levels, then JPEG (100: none)."""
    levels = picture * 255
    if noise > 0:
        levels = levels + noise * rng.standard_normal(picture.shape, dtype=np.float32)
    gray = np.clip(levels, 0, 255).astype(np.uint8)
    if quality < 100:
        _, data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])
        gray = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return gray
