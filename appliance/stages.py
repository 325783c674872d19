"""Draws each stage of seeing one frame, for the curious and for whoever wants to know why it went wrong."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.errors import FrameError
from appliance.frame import Frame
from appliance.reader import Reading
from appliance.vision import Box, Crop, FindStrokes, enlarged
from appliance.vision.light import evenly_lit
from appliance.vision.sheets import strokes_on_sheets
from appliance.vision.stroke import INKED
from appliance.vision.strokes import find_strokes

_COLOURS = ((66, 135, 245), (70, 200, 120), (240, 160, 60), (200, 90, 220), (60, 210, 230), (230, 80, 80))
_CROPS_A_ROW = 16

Picture = NDArray[np.uint8]


def draw_stages(frame: Frame, reading: Reading, folder: Path) -> list[Path]:
    """Writes a picture of each stage into the folder, in order; gives their paths.

    Raises `FrameError` if the folder cannot be written.
    """
    crops = [one.crop for one in reading.judged]
    seen, _ = enlarged(frame.gray)
    _, ink = evenly_lit(seen)
    darker = 2 * sum(crop.dark for crop in crops) >= len(crops)
    pictures = {
        "1-frame": frame.gray,
        # Of the whole frame, even if then only the sheets in it were looked at.
        "2-ink": cv2.bitwise_not(ink.dark if darker else ink.light),
        "3-strokes": _strokes(seen, strokes_on_sheets if reading.on_sheets else find_strokes),
        "4-hypotheses": _boxes(frame.gray, [crop.box for crop in crops]),
        "5-crops": _contact_sheet(crops),
        "6-reading": draw_reading(frame.gray, reading),
    }
    stem = Path(frame.name).stem or "frame"
    paths = [folder / f"{stem}-{name}.png" for name in pictures]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, picture in zip(paths, pictures.values(), strict=True):
            path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    except OSError as error:
        raise FrameError(
            f"{folder}: cannot hold the stages ({error.strerror}); name another folder"
        ) from error
    return paths


def draw_reading(gray: NDArray[np.uint8], reading: Reading) -> Picture:
    """The frame with a box and a value for each digit, `uint8 (H, W, 3)` in OpenCV's order of colours."""
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    size = max(0.5, gray.shape[0] / 600)
    for digit in reading.digits:
        x, y, width, height = digit.box
        cv2.rectangle(picture, (x, y), (x + width, y + height), _COLOURS[1], max(1, round(2 * size)))
        label = f"{digit.value} {digit.confidence:.0%}"
        at = (x, y - 6 if y > 24 else y + height + round(22 * size))
        cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, size, _COLOURS[1], max(1, round(2 * size)))
    return picture


def _strokes(gray: NDArray[np.uint8], find: FindStrokes) -> Picture:
    picture = cv2.cvtColor(cv2.addWeighted(gray, 0.3, np.full_like(gray, 255), 0.7, 0), cv2.COLOR_GRAY2BGR)
    for strokes in find(gray):
        for number, stroke in enumerate(stroke for stroke in strokes if not stroke.fell_apart):
            place = picture[stroke.top : stroke.bottom, stroke.left : stroke.right]
            place[stroke.ink > INKED] = _COLOURS[number % len(_COLOURS)]
    return picture


def _boxes(gray: NDArray[np.uint8], boxes: Sequence[Box]) -> Picture:
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    for number, (x, y, width, height) in enumerate(boxes):
        cv2.rectangle(picture, (x, y), (x + width, y + height), _COLOURS[number % len(_COLOURS)], 1)
    return picture


def _contact_sheet(crops: Sequence[Crop]) -> Picture:
    images = [cv2.copyMakeBorder(crop.image, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=96) for crop in crops]
    missing = -len(images) % _CROPS_A_ROW if images else _CROPS_A_ROW
    images += [np.zeros((30, 30), np.uint8)] * missing
    rows = [np.hstack(images[at : at + _CROPS_A_ROW]) for at in range(0, len(images), _CROPS_A_ROW)]
    return cv2.resize(np.vstack(rows), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
