"""Texture of what is written on."""

import cv2
import numpy as np
import pytest
from handwritten import Ink, blank, digit, gray, overlap, write

from appliance.vision.ink import flatten
from appliance.vision.strokes import find_strokes
from appliance.vision.texture import without_texture

SIZE = (480, 640)


def grainy(tone: float, strength: float, grain: float, seed: int = 1) -> Ink:
    """A ground whose grains are so many pixels broad, as asphalt's."""
    grains = np.random.default_rng(seed).normal(0, 1, SIZE)
    grains = cv2.GaussianBlur(grains, None, grain)
    return np.asarray(tone + strength * grains / grains.std(), np.float32)


@pytest.mark.parametrize("value", [2, 3, 7, 8])
def test_chalk_is_seen_in_one_piece_on_asphalt(value: int) -> None:
    ground, chalk = grainy(80, 14, 1.5), digit(value, 200, 24)
    chalk *= np.clip(grainy(0.75, 0.25, 1.5, seed=7)[: chalk.shape[0], : chalk.shape[1]], 0, 1)
    box = write(ground, chalk, 230, 120, tone=130)
    _, light = find_strokes(gray(ground))
    assert max(overlap(stroke.box, box) for stroke in light) > 0.75


def test_only_a_frame_that_is_grainy_all_over_is_blurred() -> None:
    half = grainy(80, 14, 1.5)
    half[:, 280:] = 200
    for ground, is_blurred in ((grainy(80, 14, 1.5), True), (half, False), (blank(SIZE, 80), False)):
        frame = gray(ground)
        even, _ = without_texture(frame, flatten(frame))
        assert (even is not frame) == is_blurred


def test_what_is_as_broad_as_a_stroke_is_no_texture() -> None:
    frame = gray(grainy(80, 14, 12))
    assert without_texture(frame, flatten(frame))[0] is frame
