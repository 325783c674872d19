"""The webcam, over a mock of its hardware in place of OpenCV's VideoCapture."""

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from appliance.cameras import CameraHungError, open_camera, webcam
from appliance.config import CameraSettings
from appliance.errors import CameraError, CameraStalledError, FrameError

GONE = (False, None)


class MockCapture:
    """The driver: gives what the test puts into `pictures`, and blocks while there is nothing."""

    plugged_in = True
    last: "MockCapture"

    def __init__(self, number: int, backend: int) -> None:
        self.number = number
        self.properties: dict[int, float] = {}
        self.pictures: queue.Queue[Any] = queue.Queue()
        self.taken = 0
        self.released = False
        MockCapture.last = self

    def isOpened(self) -> bool:  # noqa: N802 OpenCV's name
        return self.plugged_in

    def set(self, name: int, value: float) -> bool:
        self.properties[name] = value
        return True

    def read(self) -> tuple[bool, Any]:
        picture = self.pictures.get(timeout=60)
        self.taken += 1
        if isinstance(picture, Exception):
            raise picture
        return picture

    def release(self) -> None:
        self.released = True

    def show(self, *pictures: Any) -> None:
        """Gives pictures, and returns when all of them have been fetched."""
        fetched = self.taken + len(pictures)
        for picture in pictures:
            self.pictures.put(picture if isinstance(picture, (tuple, Exception)) else (True, picture))
        while self.taken < fetched:
            time.sleep(0.001)


@pytest.fixture(autouse=True)
def hardware(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cv2, "VideoCapture", MockCapture)
    monkeypatch.setattr(MockCapture, "plugged_in", True)
    yield
    if hasattr(MockCapture, "last"):
        MockCapture.last.pictures.put(GONE)


def colour(level: int, shape: tuple[int, ...] = (48, 64, 3)) -> Any:
    return np.full(shape, level, np.uint8)


def read_when(camera: Any, sequence: int) -> Any:
    """The frame of that number, which may still be on its way from the thread that grabs."""
    while True:
        frame = camera.read(30.0)
        if frame.sequence == sequence:
            return frame


def test_gives_the_newest_picture_gray_and_counts_the_missed() -> None:
    camera = open_camera("webcam", CameraSettings())
    driver = MockCapture.last
    before = time.monotonic_ns()
    driver.show(*(colour(level) for level in range(10, 60, 10)))
    frame = read_when(camera, 4)
    np.testing.assert_array_equal(frame.gray, np.full((48, 64), 50, np.uint8))
    assert frame.gray.dtype == np.uint8
    assert before <= frame.time_ns <= time.monotonic_ns()
    driver.show(colour(200))
    assert read_when(camera, 5).gray[0, 0] == 200


def test_gray_weighs_the_colours() -> None:
    camera = open_camera("webcam", CameraSettings())
    picture = colour(0)
    picture[..., 1] = 255
    MockCapture.last.show(picture)
    assert camera.read(30.0).gray[0, 0] == 150  # 0.587 of green (ITU-R BT.601)


def test_asks_for_what_the_settings_say() -> None:
    open_camera("webcam:2", CameraSettings(width=1280, height=720, fps=15))
    driver = MockCapture.last
    assert driver.number == 2
    assert driver.properties == {
        cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_FRAME_HEIGHT: 720,
        cv2.CAP_PROP_FPS: 15,
    }


def test_a_fixed_exposure_is_asked_for_in_the_drivers_steps() -> None:
    open_camera("webcam", CameraSettings(exposure=12.5))
    properties = MockCapture.last.properties
    assert properties[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
    assert properties[cv2.CAP_PROP_EXPOSURE] == 125  # of 100 microseconds


@pytest.mark.parametrize(
    ("rotation", "mirror", "expected"),
    [
        (0, False, [[1, 2], [3, 4]]),
        (0, True, [[2, 1], [4, 3]]),
        (180, False, [[4, 3], [2, 1]]),
        (180, True, [[3, 4], [1, 2]]),
    ],
)
def test_mounting(rotation: Any, mirror: bool, expected: list[list[int]]) -> None:
    camera = open_camera("webcam", CameraSettings(rotation=rotation, mirror=mirror))
    MockCapture.last.show(np.repeat(np.array([[1, 2], [3, 4]], np.uint8)[..., None], 3, axis=2))
    assert camera.read(30.0).gray.tolist() == expected


def test_a_region_is_cut_from_the_picture_as_it_is_seen_upright() -> None:
    camera = open_camera("webcam", CameraSettings(rotation=180, roi=(0.0, 0.5, 0.5, 0.5)))
    assert camera.live
    MockCapture.last.show(np.repeat(np.array([[1, 2], [3, 4]], np.uint8)[..., None], 3, axis=2))
    assert camera.read(30.0).gray.tolist() == [[2]]


def test_a_driver_that_is_stuck_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webcam, "CLOSES_WITHIN", 0.05)
    camera = open_camera("webcam", CameraSettings())
    with pytest.raises(CameraStalledError, match=r"webcam 0: no frame for 0.05 s"):
        camera.read(0.05)
    with pytest.raises(CameraHungError, match=r"webcam 0 does not close"):
        camera.close()


def test_goes_on_after_a_stall() -> None:
    camera = open_camera("webcam", CameraSettings())
    with pytest.raises(CameraStalledError):
        camera.read(0.01)
    MockCapture.last.show(colour(9))
    assert camera.read(30.0).sequence == 0


@pytest.mark.parametrize("end", [GONE, cv2.error("driver: bad ioctl")])
def test_an_unplugged_webcam(end: Any) -> None:
    camera = open_camera("webcam", CameraSettings())
    driver = MockCapture.last
    driver.show(end)
    for _ in range(2):
        with pytest.raises(CameraError, match=r"webcam 0 gives no more pictures; see that it is plugged in"):
            camera.read(30.0)
    camera.close()
    assert driver.released


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("garbage", [np.zeros((48, 64), np.uint8), np.zeros((0, 0, 3), np.uint8)])
def test_garbage_is_one_bad_frame(garbage: Any) -> None:
    camera = open_camera("webcam", CameraSettings())
    MockCapture.last.show(garbage)
    with pytest.raises(FrameError, match=r"webcam 0: a picture of shape"):
        camera.read(30.0)
    MockCapture.last.show(colour(3))
    assert camera.read(30.0).gray[0, 0] == 3


def test_close_releases_the_driver_and_twice_is_harmless() -> None:
    with open_camera("webcam", CameraSettings()) as camera:
        driver = MockCapture.last
        threading.Timer(0.05, driver.pictures.put, [(True, colour(1))]).start()
    assert driver.released
    camera.close()
    with pytest.raises(CameraError, match=r"webcam 0 is closed"):
        camera.read(0.1)


def test_no_such_webcam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MockCapture, "plugged_in", False)
    monkeypatch.setattr(webcam.sys, "platform", "linux")
    with pytest.raises(CameraError, match=r"^webcam 77: there is no /dev/video77; plug a webcam in"):
        open_camera("webcam:77", CameraSettings())
    monkeypatch.setattr(webcam.sys, "platform", "darwin")
    with pytest.raises(CameraError, match=r"^webcam 77: does not open"):
        open_camera("webcam:77", CameraSettings())


def test_no_such_webcam_for_real(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.undo()
    with pytest.raises(CameraError, match=r"webcam 77"):
        open_camera("webcam:77", CameraSettings())
    assert capfd.readouterr() == ("", "")


def test_a_webcam_of_another_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MockCapture, "plugged_in", False)
    monkeypatch.setattr(webcam.sys, "platform", "linux")
    monkeypatch.setattr(webcam.Path, "exists", lambda _: True)
    monkeypatch.setattr(webcam.os, "access", lambda *_: False)
    with pytest.raises(CameraError, match=r"usermod -aG video"):
        open_camera("webcam", CameraSettings())


@pytest.mark.parametrize("source", ["webcam:", "webcam:x", "webcam:-1", "webcam:1.5", "webcam:99999"])
def test_no_number(source: str) -> None:
    with pytest.raises(CameraError, match=r"is no webcam; write its number, as in webcam:0"):
        open_camera(source, CameraSettings())
