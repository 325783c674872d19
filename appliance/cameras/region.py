"""A part of what another camera sees."""

from dataclasses import replace

from appliance.cameras import Camera
from appliance.frame import Frame


class Region(Camera):
    """Frames cut to a region: where that begins and how large it is, as fractions of the picture, upright.

    The pixels are the camera's own, not copied.
    """

    def __init__(self, camera: Camera, region: tuple[float, ...]) -> None:
        self._camera = camera
        self._region = region
        self.name, self.live = camera.name, camera.live

    def read(self, timeout: float) -> Frame:
        frame = self._camera.read(timeout)
        height, width = frame.gray.shape
        x, y, w, h = self._region
        left, right = _span(x, w, width)
        top, bottom = _span(y, h, height)
        return replace(frame, gray=frame.gray[top:bottom, left:right])

    def close(self) -> None:
        self._camera.close()


def _span(begin: float, length: float, pixels: int) -> tuple[int, int]:
    """The first pixel and the one after the last; at least one is between."""
    first = min(round(begin * pixels), pixels - 1)
    return first, max(first + 1, round((begin + length) * pixels))
