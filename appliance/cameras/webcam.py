"""A USB or built-in camera, through OpenCV."""

import os
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.cameras import Camera, CameraHungError
from appliance.cameras.live import CLOSES_WITHIN, OPENS_WITHIN, Newest, within
from appliance.config import CameraSettings
from appliance.errors import CameraError, FrameError
from appliance.frame import Frame

_FLIPS = {(False, False): None, (True, False): 1, (False, True): 0, (True, True): -1}
"""OpenCV's code for (left and right swapped, top and bottom swapped)."""

_MANUAL = 1
"""V4L2_EXPOSURE_MANUAL."""


class Webcam(Camera):
    """A thread of its own empties the driver's queue, so that a read gives the newest picture."""

    live = True

    def __init__(self, number: int, settings: CameraSettings) -> None:
        """Starts the webcam. Raises `CameraError` if there is none of that number or it does not open."""
        self.name = f"webcam {number}"
        self._capture = within(OPENS_WITHIN, lambda: _open(number, settings), f"{self.name} does not open")
        turned = settings.rotation == 180
        self._flip = _FLIPS[settings.mirror != turned, turned]
        self._newest: Newest[tuple[NDArray[np.uint8], int]] = Newest(self.name)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._grab, daemon=True, name=self.name)
        self._thread.start()

    def read(self, timeout: float) -> Frame:
        (picture, time_ns), sequence = self._newest.take(timeout)
        try:
            gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        except cv2.error as error:
            raise FrameError(f"{self.name}: a picture of shape {picture.shape} is not colour") from error
        if self._flip is not None:
            gray = cv2.flip(gray, self._flip)
        return Frame(np.asarray(gray, np.uint8), sequence, time_ns)

    def close(self) -> None:
        self._newest.end("is closed")
        self._closing.set()
        self._thread.join(CLOSES_WITHIN)
        if self._thread.is_alive():
            raise CameraHungError(f"{self.name} does not close: its driver hangs; start the program again")

    def _grab(self) -> None:
        while not self._closing.is_set():
            good, picture = self._fetch()
            if not good:
                break
            self._newest.put((np.asarray(picture, np.uint8), time.monotonic_ns()))
        self._newest.end("gives no more pictures; see that it is plugged in")
        self._capture.release()

    def _fetch(self) -> tuple[bool, cv2.typing.MatLike | None]:
        try:
            return self._capture.read()
        except cv2.error:
            return False, None


def _open(number: int, settings: CameraSettings) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(number, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    if not capture.isOpened():
        raise CameraError(f"webcam {number}: {_why_not(number)}")
    # Each is a wish: a driver takes the nearest that it can.
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    if settings.exposure != "auto":
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _MANUAL)
        capture.set(cv2.CAP_PROP_EXPOSURE, round(10 * settings.exposure))  # in V4L2's steps of 100 µs
    return capture


def _why_not(number: int) -> str:
    device = Path(f"/dev/video{number}")
    if sys.platform == "linux" and not device.exists():
        return f"there is no {device}; plug a webcam in, or give another number, as in webcam:1"
    if sys.platform == "linux" and not os.access(device, os.R_OK | os.W_OK):
        return f"{device} is not open to this user; add it to the group with 'sudo usermod -aG video $USER'"
    return "does not open; see that it is plugged in and no other program uses it"
