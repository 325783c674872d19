"""A part of what another camera sees."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.cameras import Camera, open_camera
from appliance.cameras.region import Region
from appliance.config import CameraSettings
from appliance.frame import Frame

FRACTION = st.floats(0, 1)


class Still(Camera):
    name = "still"
    live = True
    closed = False

    def __init__(self) -> None:
        self.picture = np.arange(40 * 60, dtype=np.uint16).astype(np.uint8).reshape(40, 60)

    def read(self, timeout: float) -> Frame:
        return Frame(self.picture, 7, 9, "a.jpg")

    def close(self) -> None:
        self.closed = True


def test_it_is_the_cameras_own_pixels_and_its_name_and_times() -> None:
    still = Still()
    with Region(still, (0.5, 0.25, 0.25, 0.5)) as region:
        assert (region.name, region.live) == ("still", True)
        frame = region.read(1.0)
    assert (frame.sequence, frame.time_ns, frame.name) == (7, 9, "a.jpg")
    np.testing.assert_array_equal(frame.gray, still.picture[10:30, 30:45])
    assert np.shares_memory(frame.gray, still.picture)
    assert still.closed


@given(FRACTION, FRACTION, FRACTION, FRACTION)
def test_whatever_the_settings_allow_is_within_the_picture(x: float, y: float, w: float, h: float) -> None:
    assume(w and h and x + w <= 1 and y + h <= 1 and x < 0.99 and y < 0.99)
    settings = CameraSettings(roi=(x, y, w, h))
    gray = Region(Still(), settings.roi).read(1.0).gray
    assert gray.shape[0] >= 1 and gray.shape[1] >= 1
    assert abs(gray.shape[1] - 60 * w) <= 1 and abs(gray.shape[0] - 40 * h) <= 1


def test_the_whole_picture_is_not_wrapped(tmp_path: Path) -> None:
    frames = Path(__file__).parent / "frames"
    whole = open_camera(str(frames), CameraSettings())
    half = open_camera(str(frames), CameraSettings(roi=(0.0, 0.0, 0.5, 1.0)))
    assert not isinstance(whole, Region)
    assert half.read(1.0).gray.shape[1] * 2 == pytest.approx(whole.read(1.0).gray.shape[1], abs=1)
