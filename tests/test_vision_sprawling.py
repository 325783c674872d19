"""Strokes on what sprawls over the frame."""

import cv2
import numpy as np
import pytest

from appliance.vision.stroke import Box
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
