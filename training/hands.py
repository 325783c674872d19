"""Handwriting of many people: digits, letters and signs of handwriting typefaces, as the lines of their pens.

`hands.png` holds a row a hand and a column a character, white on black. Its characters were set in these
typefaces, which their makers gave under open licences (SIL Open Font License, Apache License 2.0).
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pens import MARKS, again, one_of, trace
from training.tracing import Lines, trace_image

HANDS = (
    "annie-use-your-telescope", "architects-daughter", "caveat", "cedarville-cursive", "coming-soon",
    "covered-by-your-grace", "crafty-girls", "dekko", "delius", "gaegu", "give-you-glory",
    "gloria-hallelujah", "gochi-hand", "handlee", "homemade-apple", "indie-flower", "itim",
    "just-another-hand", "kalam", "la-belle-aurore", "liu-jian-mao-cao", "long-cang", "loved-by-the-king",
    "mali", "mansalva", "nanum-pen-script", "neucha", "nothing-you-could-do",
    "pangolin", "patrick-hand", "permanent-marker", "reenie-beanie", "rock-salt",
    "schoolbell", "shadows-into-light", "short-stack", "sriracha", "sue-ellen-francisco",
    "swanky-and-moo-moo", "the-girl-next-door", "waiting-for-the-sunrise", "zeyada", "zhi-mang-xing",
)  # fmt: skip
"""A row of the sheet each."""

MEASURED = frozenset(
    ("covered-by-your-grace", "gloria-hallelujah", "just-another-hand", "schoolbell", "the-girl-next-door")
)
"""Those that only measure: no training sees them."""

DIGITS = "0123456789"
SIGNS = "acefhkmnprtuvwxABCEFHKLMNPRTUVWX?#"
"""None that might pass for a digit."""

_CELL = 40  # pixels


@cache
def written(character: str, measured: bool = False) -> list[Lines]:
    """How each hand that trains, or each that only measures, writes one of `DIGITS` or `SIGNS`.

    Hands whose strokes have run together to where their lines cannot be followed are left out.
    """
    column = (DIGITS + SIGNS).index(character)
    cells = [
        _sheet()[row * _CELL : (row + 1) * _CELL, column * _CELL : (column + 1) * _CELL]
        for row, hand in enumerate(HANDS)
        if (hand in MEASURED) is measured
    ]
    return [lines for lines in map(trace_image, cells) if lines is not None]


def sign(rng: np.random.Generator) -> Lines:
    """A letter, a sign or an arrow, written or drawn this once."""
    if rng.random() < 0.5:
        return again(one_of(written(one_of(SIGNS, rng)), rng), rng)
    return trace(MARKS[one_of(list(MARKS), rng)], rng)


@cache
def _sheet() -> NDArray[np.uint8]:
    sheet = cv2.imread(str(Path(__file__).with_name("hands.png")), cv2.IMREAD_GRAYSCALE)
    if sheet is None:
        raise FileNotFoundError("training/hands.png: not there, or no picture; take it from the repository")
    return np.asarray(sheet, np.uint8)
