"""Figures and paper clips: closed lines, as a zero is, and no digits."""

import cv2
import numpy as np
import pytest

from training.figures import FIGURES, clip, figure
from training.pens import curves, draw

CLOSED = (
    "box",
    "diamond",
    "pentagon",
    "hexagon",
    "triangle down",
    "star",
    "heart",
    "cloud",
    "lightning",
)
CORNERS = {"box": 4, "diamond": 4, "pentagon": 5, "hexagon": 6, "triangle down": 3}


def holes(ink: np.ndarray) -> int:
    _, levels = cv2.findContours((ink > 0.5).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return int((levels[0, :, 3] >= 0).sum())


def drawn(name: str, height: float = 120, thickness: float = 4) -> np.ndarray:
    return np.pad(draw(curves(FIGURES[name]), height, thickness), 2)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_within_its_square(name: str) -> None:
    every = np.concatenate([np.array(points) for points in FIGURES[name]])
    assert every.min() > -0.25 and every.max() < 1.15
    ink = drawn(name)
    assert 0.02 < (ink > 0.5).mean() < 0.6


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_line_surrounds_one_hole(name: str) -> None:
    assert holes(drawn(name)) == 1


@pytest.mark.parametrize(("name", "corners"), CORNERS.items())
def test_a_polygon_has_its_corners(name: str, corners: int) -> None:
    outlines, _ = cv2.findContours(
        (drawn(name) > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    assert len(cv2.approxPolyDP(outlines[0], 8, True)) == corners


def test_windows_and_flowers_surround_several_holes() -> None:
    assert holes(drawn("window")) == 4 and holes(drawn("box in a box")) == 2
    assert holes(drawn("flower")) >= 6


def test_figures_are_drawn_otherwise_every_time_and_none_is_as_narrow_as_a_digit_may_be() -> None:
    shapes = [draw(figure(np.random.default_rng(seed)), 80, 4).shape for seed in range(200)]
    assert len(set(shapes)) > 60
    assert np.percentile([width / height for height, width in shapes], 5) > 0.6


def test_a_clip_is_one_wire_that_lies_anyhow() -> None:
    turns = []
    for seed in range(30):
        lines = clip(np.random.default_rng(seed))
        ink = draw(lines, 200, 2)
        assert cv2.connectedComponents((ink > 0.3).astype(np.uint8))[0] == 2, "the page and one wire"
        (wire,) = lines
        turns.append(np.arctan2(*(wire[0] - wire.mean(axis=0))[::-1]))
    assert np.std(turns) > 1
