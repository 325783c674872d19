"""Renders frames as a camera would take them, and cuts crops from them with the appliance's own vision.

A scene is ink on paper under a light, seen by a lens and a sensor. Every pixel of a digit remembers whose
it is, so what vision finds can be told apart: a whole digit, a part, two together, or none.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.network import NOT_A_DIGIT
from appliance.vision import Box, Crop, find_crops, take_apart
from appliance.vision.crops import as_mnist
from training import hands, paper
from training.clutter import CLUTTER
from training.nibs import NIBS, Nib, round_tip
from training.paper import LIGHTS, PAPERS, Picture
from training.pens import DIGITS, again, any_size, one_of, trace
from training.tracing import Lines, trace_image

FRAME = (480, 640)
SHOWN = tuple(family for family in CLUTTER if family != "bars")
"""The families of clutter that training shows. A bar alone is a one to anybody: their company tells bars."""

_NOBODY, _MARK = -1, -2
_CROPS_A_JOB = 500
_DRY = 0.12  # of the scenes that are shown are written with a dry pen,
_UNEVEN = 0.15  # in uneven ink,
_TOUCHING = 0.15  # and in so many more than come so digits touch
_TRIES = 8  # images looked at for one whose lines can be followed
_BARE_STROKES = 0.1  # of the bare strokes that are no digit are shown to the network
_BLURRED = 5, 0.12  # pixels, or of its height, by which vision may see a digit larger than it is
_EDGE = 2  # pixels
_TINY = 6  # pixels
_COARSEST = 0.3  # of a pen's width: the grain of paper, as far as a dry pen shows it
_INKED = 0.35  # of a pixel that ink covers, at least, is its digit's
_BLOB = 0.72  # of its bounds that a digit's ink fills at most
_ALIKE = 0.8  # correlation with its ink from which on a digit can be made out


@dataclass(frozen=True, slots=True)
class Look:
    """How a scene looks; lengths in pixels, `stroke` the pen's width by the digit's height.

    `touching` is the share of neighbours whose ink just meets, `bare` that of its strokes where chalk or a
    drying pen leaves no ink, and `uneven` how much paler what it leaves is in places.
    """

    paper: str = "plain"
    light: str = "even"
    height: float = 100
    stroke: float = 0.1
    ink: float = 0.7
    turn: float = 0
    perspective: float = 0
    focus: float = 0.6
    motion: float = 0
    noise: float = 2
    quality: int = 90
    exposure: float = 0.9
    spacing: float = 0.35
    touching: float = 0
    bare: float = 0
    uneven: float = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame `uint8 (H, W)`, its number, and whose each pixel is.

    An owner is a digit's index in `text`, or -1 for nobody, or -2 for a mark that is no digit.
    """

    gray: NDArray[np.uint8]
    text: str
    owners: NDArray[np.int16]


class Hand:
    """Writes digits at any size and with any pen: as MNIST's writers, as others, or stroke by stroke."""

    _nibs: Sequence[Nib] = (round_tip,)

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.integer],
        own: float = 0.4,
        nibs: Sequence[Nib] = (round_tip,),
    ) -> None:
        """`images (n, 28, 28)` and `labels (n,)` are MNIST's; it writes with each of `nibs` as often.

        `own` is their share; the others are as often of `training.hands` as drawn from `training.pens`.
        """
        self._nibs = nibs
        self._images = [images[labels == value] for value in range(10)]
        self._own = own

    def write(self, value: int, height: float, thickness: float, rng: np.random.Generator) -> Picture:
        """One digit, cut to its bounds, `float32 (h, w)`, 1 where there is ink."""
        return self.draw(self.lines(value, rng), height, thickness, rng)

    def draw(self, lines: Lines, height: float, thickness: float, rng: np.random.Generator) -> Picture:
        """What one of the nibs leaves along any lines, as `write`."""
        return one_of(self._nibs, rng)(lines, height, thickness, rng)

    def lines(self, value: int, rng: np.random.Generator) -> Lines:
        """The lines that a pen follows for a digit."""
        own = self._images[value]
        if len(own) and rng.random() < self._own:
            for image in own[rng.integers(len(own), size=_TRIES)]:
                if (lines := trace_image(image)) is not None:
                    return lines
        if rng.random() < 0.5:
            return again(one_of(hands.written(str(value)), rng), rng)
        return trace(one_of(DIGITS[value], rng), rng)


def random_look(rng: np.random.Generator, **fixed: Any) -> Look:
    """A look as it may come in a kitchen, an office or a classroom; `fixed` fields are kept."""
    # A large digit is the only one of its scene, so more scenes have to hold one.
    small, large = any_size(16, 320, rng), rng.uniform(150, 440)
    height = float(large if rng.random() < 0.3 else small)
    look = Look(
        paper=str(rng.choice(list(PAPERS), p=[0.45, 0.15, 0.12, 0.1, 0.06, 0.12])),
        light=str(rng.choice(list(LIGHTS), p=[0.38, 0.18, 0.18, 0.05, 0.07, 0.07, 0.07])),
        height=height,
        stroke=any_size(0.022, 0.26, rng),
        ink=float(rng.uniform(0.25, 0.95)),
        turn=float(rng.normal(0, 6)),
        perspective=float(rng.uniform(0, 0.12)),
        focus=0.4 + height * float(rng.choice([0, 0.006, 0.015, 0.03, 0.055], p=[0.3, 0.3, 0.2, 0.13, 0.07])),
        motion=float(rng.choice([0.0, rng.uniform(2, 9)], p=[0.85, 0.15])),
        noise=float(rng.choice([1.0, 3.0, 6.0, 12.0], p=[0.4, 0.3, 0.2, 0.1])),
        quality=int(rng.choice([100, 90, 70, 40], p=[0.4, 0.3, 0.2, 0.1])),
        exposure=float(rng.uniform(0.45, 1.05)),
        spacing=float(rng.uniform(0.08, 0.9)),
        touching=float(rng.choice([0, 0.6], p=[0.85, 0.15])),
    )
    return replace(look, **fixed)


def render(texts: Sequence[str], look: Look, hand: Hand, rng: np.random.Generator, marks: int = 0) -> Scene:
    """A scene with a number on each row, and with so many other marks around.

    Where the rows do not fit the frame as the camera sees it, they are written smaller; raises
    `ValueError` if nothing could be read of them then.
    """
    while True:
        ink, whose = _written(texts, look, hand, rng)
        view = _view(look, rng)
        # What the page's own edge cuts may lie well within the frame.
        if all(_all_seen(owners, sum(map(len, texts))) for owners in (whose, _seen_from(view, whose))):
            break
        if look.height < _TINY:
            raise ValueError(f"{len(texts)} rows do not fit the frame: {' '.join(texts)}")
        look = replace(look, height=0.9 * look.height)
    for _ in range(marks):
        _scatter(ink, whose, look, hand, rng)
    if look.bare:
        ink *= _covered(look, rng)
        whose[ink < _INKED] = _NOBODY
    if look.uneven:
        ink *= _thinned(look, rng)
    page = cv2.warpPerspective(
        PAPERS[look.paper](FRAME, rng), view, FRAME[::-1], borderMode=cv2.BORDER_REFLECT
    )
    ink = cv2.warpPerspective(ink, view, FRAME[::-1])
    gray = _photograph(_inked(page, ink, look), look, rng)
    return Scene(gray, "".join(texts), _seen_from(view, whose))


def _seen_from(view: NDArray[np.float64], owners: NDArray[np.int16]) -> NDArray[np.int16]:
    return cv2.warpPerspective(owners, view, FRAME[::-1], flags=cv2.INTER_NEAREST, borderValue=_NOBODY)


def _all_seen(owners: NDArray[np.int16], count: int) -> bool:
    """Whether every digit is there and none is cut by the edge."""
    edge = np.concatenate([owners[0], owners[-1], owners[:, 0], owners[:, -1]])
    return len(np.unique(owners)) == count + 1 and bool((edge == _NOBODY).all())


def render_clutter(family: str, look: Look, rng: np.random.Generator) -> Scene:
    """A scene of one of the families in `CLUTTER`, with nothing to read."""
    picture = cv2.warpPerspective(
        CLUTTER[family](FRAME, rng), _view(look, rng), FRAME[::-1], borderMode=cv2.BORDER_REFLECT
    )
    return Scene(_photograph(picture, look, rng), "", np.full(FRAME, _NOBODY, np.int16))


def _written(
    texts: Sequence[str], look: Look, hand: Hand, rng: np.random.Generator
) -> tuple[Picture, NDArray[np.int16]]:
    ink = np.zeros(FRAME, np.float32)
    owners = np.full(FRAME, _NOBODY, np.int16)
    number = 0
    pen = max(1.0, look.height * look.stroke)  # of a thinner one no pixel would be the digit's
    rows = [
        [hand.write(int(c), look.height * rng.uniform(0.88, 1.08), pen, rng) for c in text] for text in texts
    ]
    tallest = sum(max((d.shape[0] for d in row), default=0) for row in rows) + look.height * 0.6 * (
        len(rows) - 1
    )
    y = rng.uniform(8, max(9, FRAME[0] - tallest - 8))
    for row in rows:
        steps = [_step(left, right, look, rng) for left, right in pairwise([*row, row[-1]])]
        length = sum(steps)
        x = rng.uniform(8, max(9, FRAME[1] - length - 8))
        drift = rng.normal(0, 0.03)
        for digit, step in zip(row, steps, strict=True):
            top = y + look.height * rng.normal(0, 0.03) + drift * x
            _stamp(ink, owners, digit, round(x), round(top), number)
            x += step
            number += 1
        y += look.height * 1.6
    return ink, owners


def _step(left: Picture, right: Picture, look: Look, rng: np.random.Generator) -> float:
    """How far to the right of a digit the next one is."""
    gap = look.height * max(0.04, look.spacing * rng.uniform(0.6, 1.3))
    if look.touching and rng.random() < look.touching:
        return meeting(left, right)
    return left.shape[1] + gap


def meeting(left: Picture, right: Picture) -> int:
    """How far to the right of the left digit the right one is when their ink just meets.

    It is half the left one's width at least: faint ink may never meet, and one must not hide the other.
    """
    height = min(left.shape[0], right.shape[0])
    for x in range(left.shape[1], left.shape[1] // 2, -1):
        shared = min(left.shape[1] - x, right.shape[1])
        if (np.minimum(left[:height, x : x + shared], right[:height, :shared]) > 0.5).any():
            break
    return x


def _stamp(ink: Picture, owners: NDArray[np.int16], digit: Picture, x: int, y: int, number: int) -> None:
    x, y = max(0, x), max(0, y)
    digit = digit[: max(0, FRAME[0] - y), : max(0, FRAME[1] - x)]
    place = slice(y, y + digit.shape[0]), slice(x, x + digit.shape[1])
    np.maximum(ink[place], digit, out=ink[place])
    owners[place][digit > _INKED] = number


def _covered(look: Look, rng: np.random.Generator) -> Picture:
    """Where the tip of a dry pen meets the paper's grain, 0 to 1."""
    grain = paper.cloud(FRAME, any_size(1.5, max(2.0, _COARSEST * look.height * look.stroke), rng), rng)
    return np.clip(0.5 + rng.uniform(1.5, 5) * (grain - np.quantile(grain, look.bare)), 0, 1)


def _thinned(look: Look, rng: np.random.Generator) -> Picture:
    """How much of its ink a pen leaves, 0 to 1, that runs out or is pressed unevenly."""
    hills = paper.cloud(FRAME, look.height * rng.uniform(0.15, 1), rng)
    return 1 - look.uneven * np.clip(0.5 + 0.5 * hills, 0, 1)


def _scatter(
    ink: Picture, owners: NDArray[np.int16], look: Look, hand: Hand, rng: np.random.Generator
) -> None:
    """One mark where there is room for it."""
    height = look.height * rng.uniform(0.5, 1.1)
    mark = hand.draw(hands.sign(rng), height, max(1.0, look.height * look.stroke), rng)
    h, w = mark.shape
    if h >= FRAME[0] or w >= FRAME[1]:
        return
    for _ in range(8):
        y, x = int(rng.integers(FRAME[0] - h)), int(rng.integers(FRAME[1] - w))
        around = slice(max(0, y - 6), y + h + 6), slice(max(0, x - 6), x + w + 6)
        if (owners[around] == _NOBODY).all():
            _stamp(ink, owners, mark, x, y, _MARK)
            return


def _view(look: Look, rng: np.random.Generator) -> NDArray[np.float64]:
    """The homography of a camera that does not look straight down."""
    height, width = FRAME
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-1, 1, (4, 2)).astype(np.float32) * look.perspective * width / 4
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), look.turn, 1), [0, 0, 1]])
    return cv2.getPerspectiveTransform(corners, moved) @ turn


def _inked(page: Picture, ink: Picture, look: Look) -> Picture:
    """Ink takes light from paper; chalk gives it to a board, and crumbles."""
    if look.paper == "board":
        return page + (0.95 - page) * ink * look.ink
    return page * (1 - ink * look.ink)


def _photograph(picture: Picture, look: Look, rng: np.random.Generator) -> NDArray[np.uint8]:
    lit = picture * LIGHTS[look.light](FRAME, rng) * look.exposure
    if look.focus > 0:
        lit = cv2.GaussianBlur(lit, (0, 0), look.focus)
    if look.motion >= 1:
        lit = paper.motion(lit, look.motion, rng)
    return paper.sensed(lit, look.noise, look.quality, rng)


def judge(scene: Scene, box: Box, ink: NDArray[np.uint8]) -> int | None:
    """What a crop holds: a digit's value, `NOT_A_DIGIT`, or None where it is hard to say.

    `ink (height, width)` is what vision took for the crop's own of what lies in its box.
    """
    x, y, width, height = box
    inside, every = (
        np.bincount(owners - _MARK, minlength=len(scene.text) + 2)
        for owners in (scene.owners[y : y + height, x : x + width][_near(ink)], scene.owners.ravel())
    )
    share = inside[2:] / np.maximum(every[2:], 1)
    if share.size == 0 or share.max() < 0.1 or (share > 0.93).sum() > 1:
        return NOT_A_DIGIT
    index = int(share.argmax())
    if share[index] > 0.93:
        others = max(inside[0] / every[index + 2], np.delete(share, index).max(initial=0))
        filled = min(_filled(scene, index, box), 1 - others)
        return (
            int(scene.text[index])
            if filled > 0.7 and others < 0.1
            else NOT_A_DIGIT
            if filled < 0.45
            else None
        )
    partly = share[index] < 0.5
    return NOT_A_DIGIT if partly and width > 0.5 * height else None  # a narrow part may well look like a one


def _near(ink: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """What may be a stroke's own, though vision may see it thinner than it is."""
    return cv2.dilate(ink, np.ones((2 * _EDGE + 1,) * 2, np.uint8)) > 0


def _filled(scene: Scene, index: int, box: Box) -> float:
    """How much of a box a digit takes, at most, seen as blurred as may be."""
    rows, columns = np.nonzero(scene.owners == index)
    more = max(_BLURRED[0], _BLURRED[1] * np.ptp(rows))
    return float((np.ptp(rows) + more) * (np.ptp(columns) + more) / (box[2] * box[3]))


def _made_out(scene: Scene, crop: Crop) -> bool:
    """Whether a person could tell a digit from its crop.

    Noise, glare or a shadow may have spoilt it, or a broad pen have run together to a blob.
    """
    x, y, width, height = crop.box
    owned = (scene.owners[y : y + height, x : x + width] >= 0) & _near(crop.ink)
    if width > 0.4 * height and _solidity(crop.image) > _BLOB:
        return False
    pictures = (crop.image, as_mnist(255 * owned.astype(np.uint8)))
    seen, meant = (cv2.GaussianBlur(picture, (0, 0), 1.5).ravel() for picture in pictures)
    return float(np.corrcoef(seen, meant)[0, 1]) > _ALIKE


def _solidity(image: NDArray[np.uint8]) -> float:
    """How much of its bounds an image's ink fills."""
    ink = (image > 127).astype(np.uint8)
    return float(ink.sum() / max(1, cv2.boundingRect(ink)[2] * cv2.boundingRect(ink)[3]))


def make_crops(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    count: int,
    seed: int,
    workers: int | None = None,
    left_out: str = "",
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Crops that the appliance's vision cut from rendered scenes, and what they hold.

    Gives `uint8 (count, 28, 28)` and `int64 (count,)`, 0 to 9 or `NOT_A_DIGIT`. A `Hand` writes the digits,
    with the MNIST `images (n, 28, 28)` and `labels (n,)` given. No scene shows the family of `CLUTTER` called
    `left_out`.
    """
    families = [family for family in SHOWN if family != left_out]
    job = partial(_some_crops, families)
    seeds = [[seed, part] for part in range(-(-count // _CROPS_A_JOB))]
    workers = workers or os.cpu_count() or 1
    if workers > 1:
        # Spawned, not forked: a fork of a process whose OpenCV or torch has threads may hang.
        with ProcessPoolExecutor(workers, get_context("spawn"), _take_hand, (images, labels)) as pool:
            results = list(pool.map(job, seeds))
    else:
        _take_hand(images, labels)
        results = list(map(job, seeds))
    crops, values = (np.concatenate(column)[:count] for column in zip(*results, strict=True))
    return crops, values


_hand: Hand


def _take_hand(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> None:
    """Gives this process the hand that writes, once: the images are too large to send with each job."""
    global _hand
    cv2.setNumThreads(1)
    _hand = Hand(images, labels, nibs=NIBS)


def _some_crops(families: Sequence[str], seed: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    crops: list[NDArray[np.uint8]] = []
    values: list[int] = []
    while len(crops) < _CROPS_A_JOB:
        for image, value in _judged(_any_scene(_hand, families, rng), rng):
            crops.append(image)
            values.append(value)
    return np.stack(crops[:_CROPS_A_JOB]), np.array(values[:_CROPS_A_JOB], np.int64)


def _shown_look(rng: np.random.Generator) -> Look:
    """A look as it may come, though with what is hard more often."""
    look = random_look(rng)
    if rng.random() < _DRY:
        look = replace(look, bare=float(rng.uniform(0.1, 0.5)))
    if rng.random() < _UNEVEN:
        look = replace(look, uneven=float(rng.uniform(0.2, 0.75)))
    return replace(look, touching=0.6) if rng.random() < _TOUCHING else look


def _any_scene(hand: Hand, families: Sequence[str], rng: np.random.Generator) -> Scene:
    look = _shown_look(rng)
    if rng.random() < 0.36:
        return render_clutter(one_of(families, rng), look, rng)
    fits = max(1, int(FRAME[1] / (look.height * (0.8 + look.spacing))))
    rows = int(rng.integers(1, max(2, int(FRAME[0] / (2.2 * look.height))) + 1)) if rng.random() < 0.5 else 1
    texts = [
        "".join(str(v) for v in rng.integers(0, 10, int(rng.integers(1, min(9, fits) + 1))))
        for _ in range(min(rows, 4))
    ]
    return render(texts, look, hand, rng, marks=int(rng.integers(0, 4)) if "letters" in families else 0)


def _judged(scene: Scene, rng: np.random.Generator) -> list[tuple[NDArray[np.uint8], int]]:
    """The scene's crops with their values; of those that are none, no more than a few."""
    digits, others = [], []
    for found, value in _valued(scene, rng):
        if value == NOT_A_DIGIT:
            # Most bare strokes in a frame full of things are none, but that is for the reader to weigh.
            if found.box[2] > 0.35 * found.box[3] or rng.random() < _BARE_STROKES:
                others.append((found.image, value))
        elif value is not None and _made_out(scene, found):
            digits.append((found.image, value))
    rng.shuffle(others)
    return digits + others[: max(6, len(digits) // 2)]


def _valued(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[Crop, int | None]]:
    """The scene's crops with their values, and the parts of whole strokes that are none.

    Of the parts one for each value: they are many, and much alike.
    """
    for crop in (crop for crop in find_crops(scene.gray) if not crop.left_out):
        value = judge(scene, crop.box, crop.ink)
        yield crop, value
        if value == NOT_A_DIGIT and crop.is_whole:
            parts = take_apart(crop)
            rng.shuffle(parts)
            one_each = {judge(scene, part.box, part.ink): part for part in parts}
            yield from ((part, value) for value, part in one_each.items())
