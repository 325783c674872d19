"""How fast this very machine reads, and what that means for its camera's mode."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance import shipped
from appliance.cameras.recording import read_still
from appliance.config import CameraSettings
from appliance.frame import Frame
from appliance.labels import read_labels
from appliance.reader import Reader

_TURNS = 5


@dataclass(frozen=True, slots=True)
class Pace:
    """What reading frames of one kind takes, in milliseconds."""

    kind: str
    frames: int
    median: float
    p99: float


def measure(reader: Reader, camera: CameraSettings) -> Iterator[Pace]:
    """Reads the shipped frames, at the camera's size, kind by kind; the clock is the wall's."""
    labels = read_labels(shipped.frames())
    kinds = {
        "one digit": [name for name, text in labels.items() if len(text) == 1],
        "several digits": [name for name, text in labels.items() if len(text) > 1],
        "nothing to read": [name for name, text in labels.items() if not text],
    }
    for kind, names in kinds.items():
        frames = [_frame(_as_camera(read_still(shipped.frames() / name).gray, camera)) for name in names]
        took = [_read(reader, frame) for _ in range(_TURNS + 1) for frame in frames][len(frames) :]
        if took:
            yield Pace(kind, len(frames), float(np.median(took)), float(np.percentile(took, 99)))


def verdict(paces: list[Pace], camera: CameraSettings) -> str:
    """What to expect of the camera's mode, in a sentence."""
    mode = f"{camera.width}x{camera.height} at {camera.fps} frames/s"
    slowest = max((pace.median for pace in paces), default=0.0)
    if slowest <= 1000 / camera.fps:
        return f"Every frame is read with {mode}: the camera is the slower part."
    rate = 1000 / slowest
    return f"With {mode} about {rate:.0f} frames/s are read, the newest each time; a smaller size reads more."


def _as_camera(gray: NDArray[np.uint8], camera: CameraSettings) -> NDArray[np.uint8]:
    scaled = cv2.resize(gray, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    return np.asarray(scaled, np.uint8)


def _frame(gray: NDArray[np.uint8]) -> Frame:
    return Frame(gray, 0, time.monotonic_ns())


def _read(reader: Reader, frame: Frame) -> float:
    started = time.perf_counter()
    reader.read(frame)
    return 1000 * (time.perf_counter() - started)
