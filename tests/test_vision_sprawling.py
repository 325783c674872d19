"""Strokes on what sprawls over the frame."""

import cv2
import numpy as np
import pytest
from handwritten import Box, blank, digit, gray, overlap, write

from appliance.vision.strokes import find_strokes

SEVEN = ((150, 190), (250, 170), (215, 350))
HOOK = ((340, 180), (430, 180), (390, 260), (430, 340), (330, 350))


def wall(mortar: int, turn: float) -> np.ndarray:
    """Dark bricks with light mortar of so many pixels between them, seen askew, `uint8 (480, 640)`."""
    bricks = np.full((900, 900), 60, np.uint8)
    for row, top in enumerate(range(0, 900, 50)):
        bricks[top : top + mortar] = 190
        for left in range(55 * (row % 2), 900, 110):
            bricks[top : top + 50, left : left + mortar] = 190
    askew = cv2.warpAffine(bricks, cv2.getRotationMatrix2D((450, 450), turn, 1), (900, 900))
    return askew[210:690, 130:770].copy()


def painted(gray: np.ndarray, *shapes: tuple[tuple[int, int], ...]) -> list[Box]:
    """Paints shapes with a broad brush, a little lighter than mortar; gives where they are."""
    boxes = []
    for shape in shapes:
        alone = np.zeros_like(gray)
        cv2.polylines(alone, [np.array(shape, np.int32)], False, 255, 24, cv2.LINE_AA)
        gray[alone > 127] = 200
        boxes.append(cv2.boundingRect(alone))
    return boxes


@pytest.mark.parametrize("mortar", [3, 4])
@pytest.mark.parametrize("turn", [0.0, 7.0])
def test_paint_on_a_wall_is_told_from_the_mortar_that_it_touches(mortar: int, turn: float) -> None:
    gray = wall(mortar, turn)
    boxes = painted(gray, SEVEN, HOOK)
    _, light = find_strokes(gray)
    for box in boxes:
        assert any(np.allclose(stroke.box, box, atol=6) for stroke in light)


@pytest.mark.parametrize(("broad", "pen"), [(230, 7), (230, 8), (300, 8)])
@pytest.mark.parametrize("value", [2, 3, 5, 6])
def test_a_circle_about_a_digit_is_seen_once_and_not_as_its_arcs(value: int, broad: int, pen: int) -> None:
    paper = blank((420, 580))
    inside = write(paper, digit(value, 150, pen), 230, 130)
    middle = inside[0] + inside[2] // 2, inside[1] + inside[3] // 2
    cv2.ellipse(paper, middle, (broad // 2, 133), 0, 0, 360, 40, pen, cv2.LINE_AA)
    circle = (middle[0] - broad // 2, middle[1] - 133, broad, 266)
    dark, _ = find_strokes(gray(paper))
    seen = [
        max((overlap(stroke.box, box), name) for name, box in (("digit", inside), ("circle", circle)))
        for stroke in dark
    ]
    assert {name for _, name in seen} == {"digit", "circle"}
    assert min(how_well for how_well, _ in seen) > 0.85


@pytest.mark.parametrize("turn", [0, 8])
def test_the_arcs_of_a_flat_ellipse_about_a_number_are_no_letters(turn: int) -> None:
    paper = blank((300, 430))
    inside = [write(paper, digit(value, 84, 8), x, 100) for value, x in ((3, 130), (8, 220))]
    cv2.ellipse(paper, (212, 142), (160, 72), turn, 0, 360, 40, 8, cv2.LINE_AA)
    dark, _ = find_strokes(gray(paper))
    assert all(any(overlap(stroke.box, box) > 0.85 for stroke in dark) for box in inside)
    assert [stroke.box for stroke in dark if 40 < stroke.width < 140 and stroke.height > 90] == []
