"""Draws the README's picture: a recorded frame as it is read, and what the display then shows.

python docs/picture.py FRAME docs/reading.jpg
"""

from pathlib import Path

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from appliance import shipped
from appliance.cameras.recording import read_still
from appliance.config import Config
from appliance.indicators import open_indicators, pins
from appliance.reader import Reader
from appliance.simulated import SimulatedDisplay
from appliance.stages import draw_reading
from appliance.steady import Stable

_SEGMENTS = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2), "e": (0, 1, 0, 2),
             "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)}  # fmt: skip


def main(frame: Path, picture: Path) -> None:
    """Reads FRAME and draws it beside the display into PICTURE."""
    still = read_still(frame)
    reading = Reader(shipped.models() / "digits.pt").read(still)
    settings = Config().indicators
    factory = pins("mock")
    with open_indicators(settings, factory) as indicators:
        indicators.show(Stable(reading.text, 1.0, reading.digits, changed=True))
        lit = SimulatedDisplay(settings.seven_segment, factory).lit
    cv2.imwrite(
        str(picture), np.hstack([draw_reading(still.gray, reading), _display(lit, still.gray.shape[0])])
    )


def _display(lit: str, height: int) -> NDArray[np.uint8]:
    panel = np.full((height, height * 2 // 3, 3), 24, np.uint8)
    unit, left, top = height // 4, height // 5, height // 4
    for name, (x1, y1, x2, y2) in _SEGMENTS.items():
        ends = [(left + x * unit, top + y * unit) for x, y in ((x1, y1), (x2, y2))]
        # A gap at both ends, as between the segments of a real display.
        (ax, ay), (bx, by) = ends
        gap = np.sign([bx - ax, by - ay]) * height // 28
        colour = (40, 40, 235) if name in lit else (44, 44, 52)
        cv2.line(
            panel,
            (ax + int(gap[0]), ay + int(gap[1])),
            (bx - int(gap[0]), by - int(gap[1])),
            colour,
            height // 24,
        )
    return panel


if __name__ == "__main__":
    typer.run(main)
