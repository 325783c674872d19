"""Sources of frames: the Pi's camera, a webcam, or a recording, all behind one interface."""

import os
import re
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import cv2

from appliance.config import CameraSettings
from appliance.errors import CameraError
from appliance.frame import Frame

# What OpenCV and FFmpeg would print besides: each of their failures becomes one of our errors, one line.
cv2.setLogLevel(0)
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class CameraHungError(CameraError):
    """A call into the driver never came back. Only a new process helps, and only `os._exit` ends this one."""


class Camera(Protocol):
    """A source of frames; also a context manager that closes it.

    `name` is what the user sees, such as `picamera 640x480` or `folder frames (60 images)`. `live` is whether
    its pictures are of this moment, so that no two are ever the same.
    """

    name: str
    live: bool = False

    def read(self, timeout: float) -> Frame:
        """The newest frame not yet returned; waits for at most `timeout` seconds.

        Raises `CameraStalledError` if none came in time, `SourceEndedError` if a recording is over,
        `FrameError` if this one picture is bad and the next may be fine, `CameraError` if the camera is
        gone or closed.
        """
        ...

    def close(self) -> None:
        """Closes the camera; doing so twice is harmless. Raises `CameraHungError` if it never returns."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_camera(
    source: str, settings: CameraSettings, *, loop: bool = False, fps: float | None = None
) -> Camera:
    """Opens `picamera`, `webcam`, `webcam:N`, or the folder of images, video or image at a path.

    Frames are cut to the settings' region.

    `loop` repeats a recording for ever. With `fps` a recording comes at that pace, and a late reader misses
    frames as with a live camera; without, it comes as fast as it is read, and whole.

    Raises `CameraError` if there is no such source or it does not open.
    """
    camera = _open_whole(source, settings, loop, fps)
    if settings.roi == (0.0, 0.0, 1.0, 1.0):
        return camera
    from appliance.cameras.region import Region

    return Region(camera, settings.roi)


def _open_whole(source: str, settings: CameraSettings, loop: bool, fps: float | None) -> Camera:
    if source == "picamera":
        from appliance.cameras.picamera import PiCamera

        return PiCamera(settings)
    if webcam := re.fullmatch(r"webcam(?::(.*))?", source):
        from appliance.cameras.webcam import Webcam

        return Webcam(_number(webcam[1]), settings)
    from appliance.cameras.recording import Recording

    return Recording(Path(source), settings, loop=loop, fps=fps)


def _number(text: str | None) -> int:
    if text is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise CameraError(f"webcam:{text} is no webcam; write its number, as in webcam:0")
    return int(text)
