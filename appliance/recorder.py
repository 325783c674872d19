"""Records a camera's frames into a folder, as numbered images with a table of labels to fill in."""

import csv
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from appliance.atomic import write_atomically
from appliance.cameras import Camera
from appliance.errors import ApplianceError, FrameError, SourceEndedError
from appliance.frame import Frame
from appliance.labels import COLUMNS

QUALITY = 92
"""Of the JPEG files, 0 to 100."""

SPARE = 200 * 2**20
"""Bytes that stay free on the disk: a full one would stop more than the recording."""


def record(camera: Camera, folder: Path, *, every: float = 0.5, timeout: float = 3.0) -> Iterator[Path]:
    """Writes a frame every `every` seconds, and gives each file's path as it is written.

    Beside the frames lies `labels.csv`, a row for each, whose `text` the owner fills in. Recording goes on
    until a recording given as camera is over, or the iteration is left; what is written is whole then.

    Raises `ApplianceError` if the folder holds something already or cannot be written, or the disk is nearly
    full; `CameraError` if the camera fails or gives no frame for `timeout` seconds.
    """
    labels = _begin(folder)
    for number, frame in enumerate(_spaced(camera, every, timeout), start=1):
        path = folder / f"{number:06d}.jpg"
        try:
            if shutil.disk_usage(folder).free < SPARE:
                raise ApplianceError(
                    f"{folder}: stopped after {number - 1} frames; the disk is nearly full"
                    f" (less than {SPARE // 2**20} MB free)"
                )
            with _uninterrupted():
                write_atomically(path, _jpeg(frame))
                _add_row(labels, path.name)
        except OSError as error:
            raise ApplianceError(
                f"{path}: cannot be written ({error.strerror}); {number - 1} frames are recorded"
            ) from error
        yield path


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keeps Ctrl-C waiting, so that no frame is left without its row."""
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt


def _spaced(camera: Camera, every: float, timeout: float) -> Iterator[Frame]:
    due_ns = 0
    while True:
        try:
            frame = camera.read(timeout)
        except FrameError:
            continue
        except SourceEndedError:
            return
        if frame.time_ns >= due_ns:
            due_ns = frame.time_ns + round(every * 1e9)
            yield frame


def _begin(folder: Path) -> Path:
    labels = folder / "labels.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ApplianceError(f"{folder}: holds files already, which stay; record into a new folder")
        write_atomically(labels, f"{','.join(COLUMNS)}\r\n".encode())
    except OSError as error:
        raise ApplianceError(f"{folder}: cannot be recorded into ({error.strerror})") from error
    return labels


def _add_row(labels: Path, name: str) -> None:
    with labels.open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, COLUMNS, restval="").writerow({"file": name})


def _jpeg(frame: Frame) -> bytes:
    return cv2.imencode(".jpg", frame.gray, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
