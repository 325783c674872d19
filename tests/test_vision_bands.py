"""Bands: what runs straight across a frame is taken out of its ink, and what is written across it stays."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.vision.bands import without_band

THRESHOLD = 14
Point = tuple[int, int]


def band(one: Point, other: Point, width: int, level: int = 120) -> NDArray[np.uint8]:
    return cv2.line(np.zeros((480, 640), np.uint8), one, other, level, width, cv2.LINE_AA)


@pytest.mark.parametrize(
    ("one", "other", "width"),
    [
        ((-20, 100), (660, 130), 40),
        ((200, -20), (260, 500), 40),
        ((-20, 340), (200, 520), 30),  # across a corner
        ((0, -20), (0, 500), 1),  # the very first column
        ((-20, 479), (660, 479), 3),
    ],
)
def test_nothing_is_left_of_a_bare_band(one: Point, other: Point, width: int) -> None:
    ink = band(one, other, width)
    left = without_band(ink, ink > THRESHOLD, THRESHOLD)
    assert np.count_nonzero(left > THRESHOLD) < 0.01 * np.count_nonzero(ink > THRESHOLD)


def test_what_is_written_across_it_is_as_strong_as_beside_it() -> None:
    ink = band((-20, 200), (660, 260), 50).astype(np.float32)
    written = cv2.ellipse(np.zeros_like(ink), (320, 230), (50, 80), 0, 0, 360, 1.0, 12)
    both = (ink + (255 - ink) * 0.6 * written).astype(np.uint8)
    left = without_band(both, both > THRESHOLD, THRESHOLD)
    as_strong = np.abs(left[written > 0] - 0.6 * 255) < 6
    assert as_strong.mean() > 0.95  # but for the band's very sides
    assert left[written == 0].max() <= THRESHOLD


@pytest.mark.parametrize(
    "ink",
    [
        cv2.ellipse(np.zeros((480, 640), np.uint8), (320, 0), (200, 400), 0, 0, 180, 120, 12),
        cv2.rectangle(np.zeros((480, 640), np.uint8), (-20, 200), (660, 400), 120, 5),
        band((20, 4), (24, 140), 12),
        band((300, 24), (320, 456), 30),
    ],
    ids=["a cable", "a frame", "a one in a corner", "a one that fills the frame"],
)
def test_what_is_no_straight_band_stays(ink: NDArray[np.uint8]) -> None:
    assert without_band(ink, ink > 0, THRESHOLD) is ink
