"""The Pi's camera, over a mock of its hardware: `picamera2` and `libcamera` stand-ins.

The stand-ins follow picamera2 0.3.38 in what matters here: rows padded to the ISP's alignment, buffers that
are mapped memory and cannot be closed while anyone looks at that mapping, requests that are counted and
recycled only when everyone let go of them, controls that are refused unless advertised and forgotten by
configuring, a close that waits for the driver.
"""

import logging
import mmap
import subprocess
import sys
import tempfile
import threading
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from appliance.cameras import CameraHungError, open_camera, picamera
from appliance.config import CameraSettings
from appliance.errors import CameraError, CameraStalledError

PADDING = 0xEE


class Bench:
    """The hardware on the bench: what camera is plugged in, how it misbehaves, and what was asked of it."""

    def __init__(self) -> None:
        self.plugged = True
        self.busy = False
        self.alignment = 64
        self.gives_format = "YUV420"
        self.hangs_in: set[str] = set()
        self.fails_in: dict[str, Exception] = {}
        self.controls: dict[str, tuple[Any, Any, Any]] = {
            "FrameDurationLimits": (4000, 1_000_000, None),
            "ExposureTime": (14, 1_000_000, None),
        }
        self.asked: dict[str, Any] = {}
        self.opened: list[MockPicamera2] = []
        self.hang_over = threading.Event()

    def reach(self, step: str) -> None:
        if step in self.hangs_in:
            self.hang_over.wait(60)
        if step in self.fails_in:
            raise self.fails_in[step]


class MockBuffer:
    """libcamera's FrameBuffer with picamera2's own mapping of it, as its allocator makes them."""

    def __init__(self, size: int) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 closed with the camera
        self.file.truncate(size)
        self.memory = mmap.mmap(self.file.fileno(), size)
        self.planes = [SimpleNamespace(fd=self.file.fileno(), offset=0, length=size)]

    def close(self) -> None:
        self.memory.close()
        self.file.close()


class MockRequest:
    """picamera2's CompletedRequest."""

    def __init__(self, camera: "MockPicamera2", buffer: "MockBuffer", metadata: dict[str, Any]) -> None:
        self.camera, self.buffer, self.metadata = camera, buffer, metadata
        self.ref_count = 1

    @property
    def request(self) -> Any:
        """libcamera's request, where its buffers are found; None once it is back with the camera."""
        self.camera.bench.reach("map")
        return SimpleNamespace(buffers={"Y first": self.buffer}) if self.ref_count else None

    def acquire(self) -> None:
        if self.ref_count == 0:
            raise RuntimeError("CompletedRequest: acquiring lock with ref_count 0")
        self.ref_count += 1

    def release(self) -> None:
        self.camera.bench.reach("release")
        self.ref_count -= 1
        if self.ref_count < 0:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        if self.ref_count == 0:
            self.camera.free.append(self.buffer)

    def get_metadata(self) -> dict[str, Any]:
        return self.metadata


class MockPicamera2:
    bench: Bench

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [{"Model": "imx708", "Num": 0}] if MockPicamera2.bench.plugged else []

    def __init__(self) -> None:
        self.bench.reach("open")
        if self.bench.busy:
            try:
                raise RuntimeError("Failed to acquire camera: Device or resource busy")
            except RuntimeError as error:
                raise RuntimeError("Camera __init__ sequence did not complete.") from error
        self.camera_controls = self.bench.controls
        self.pre_callback: Any = None
        self.set: dict[str, Any] = {}
        self.set_while_running: dict[str, Any] = {}
        self.running = self.closed = False
        self.buffers: list[MockBuffer] = []
        self.bench.opened.append(self)

    def create_video_configuration(self, **wishes: Any) -> dict[str, Any]:
        self.bench.asked = wishes
        width, height = wishes["main"]["size"]
        return {**wishes, "main": {**wishes["main"], "size": (width - width % 2, height - height % 2)}}

    def configure(self, config: dict[str, Any]) -> None:
        self.bench.reach("configure")
        width, height = config["main"]["size"]
        stride = -(-width // self.bench.alignment) * self.bench.alignment
        main = {"size": (width, height), "stride": stride, "format": self.bench.gives_format}
        self.configuration = {**config, "main": main}
        self.set = {}
        self.stream_map = {"main": "Y first", "lores": None, "raw": None}
        self.buffers = [MockBuffer(stride * height * 3 // 2) for _ in range(config["buffer_count"])]
        self.free = list(self.buffers)

    def camera_configuration(self) -> dict[str, Any]:
        return self.configuration

    def set_controls(self, controls: dict[str, Any]) -> None:
        for name in controls:
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        (self.set_while_running if self.running else self.set).update(controls)

    def start(self) -> None:
        self.bench.reach("start")
        self.running = True

    def close(self) -> None:
        if self.closed:
            return
        self.bench.reach("close")
        if self.running:
            assert len(self.free) == self.configuration["buffer_count"], "closed with requests still held"
            for buffer in self.free:
                buffer.close()
        self.running, self.closed = False, True

    def expose(self, shade: int, **metadata: Any) -> bool:
        """The sensor sees a scene of this shade; False if every buffer is held and the picture is lost."""
        if not self.free:
            return False
        buffer = self.free.pop(0)
        stream = self.configuration["main"]
        width, height = stream["size"]
        rows = np.frombuffer(buffer.memory, np.uint8)[: stream["stride"] * height].reshape(
            height, stream["stride"]
        )
        rows[:] = PADDING
        rows[:, :width] = scene(width, height, shade)
        request = MockRequest(self, buffer, metadata)
        self.pre_callback(request)
        request.release()
        return True


def scene(width: int, height: int, shade: int) -> Any:
    """A picture in which every row and column differs from its neighbours."""
    down, across = np.ogrid[:height, :width]
    return ((3 * down + across + shade) % 200).astype(np.uint8)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    bench = Bench()
    MockPicamera2.bench = bench
    picamera2: Any = ModuleType("picamera2")
    picamera2.Picamera2 = MockPicamera2
    libcamera: Any = ModuleType("libcamera")
    libcamera.Transform = SimpleNamespace
    libcamera.ColorSpace = SimpleNamespace(Sycc=lambda: "full range")
    monkeypatch.setitem(sys.modules, "picamera2", picamera2)
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    yield bench
    bench.hang_over.set()
    for camera in bench.opened:
        for buffer in camera.buffers:
            buffer.file.close()


def opened(bench: Bench, **settings: Any) -> tuple[Any, MockPicamera2]:
    camera = open_camera("picamera", CameraSettings(**settings))
    return camera, bench.opened[-1]


@pytest.mark.parametrize(("width", "alignment"), [(640, 64), (640, 128), (456, 64), (456, 128), (202, 128)])
def test_frame_is_the_y_plane_without_its_padding_and_without_a_copy(
    bench: Bench, width: int, alignment: int
) -> None:
    bench.alignment = alignment
    camera, sensor = opened(bench, width=width, height=120)
    sensor.expose(7)
    frame = camera.read(1.0)
    assert frame.gray.shape == (120, width)
    assert frame.gray.dtype == np.uint8
    np.testing.assert_array_equal(frame.gray, scene(width, 120, 7))
    camera._held.buffer.memory[0] = 199  # the same memory: the camera's next write shows in it
    assert frame.gray[0, 0] == 199
    assert camera.name == f"picamera {width}x120"


def test_uneven_sizes_are_what_the_camera_makes_of_them(bench: Bench) -> None:
    camera, sensor = opened(bench, width=333, height=121)
    sensor.expose(0)
    assert camera.read(1.0).gray.shape == (120, 332)
    assert camera.name == "picamera 332x120"


def test_read_gives_the_newest_and_counts_the_missed(bench: Bench) -> None:
    camera, sensor = opened(bench)
    for shade in range(30):
        assert sensor.expose(shade), "the camera ran out of buffers: old frames are not given back"
    frame = camera.read(1.0)
    assert frame.sequence == 29
    np.testing.assert_array_equal(frame.gray, scene(640, 480, 29))
    for shade in range(30, 40):
        assert sensor.expose(shade)
    np.testing.assert_array_equal(frame.gray, scene(640, 480, 29), "the frame in use was overwritten")
    frame = camera.read(1.0)
    assert frame.sequence == 39
    np.testing.assert_array_equal(frame.gray, scene(640, 480, 39))


def test_no_frame_is_given_twice(bench: Bench) -> None:
    camera, sensor = opened(bench)
    sensor.expose(1)
    camera.read(1.0)
    with pytest.raises(CameraStalledError, match=r"picamera 640x480: no frame for 0.05 s"):
        camera.read(0.05)


def test_read_waits_for_a_frame_that_comes_in_time(bench: Bench) -> None:
    camera, sensor = opened(bench)
    threading.Timer(0.1, sensor.expose, [5]).start()
    assert camera.read(30.0).sequence == 0


def test_goes_on_after_a_stall(bench: Bench) -> None:
    camera, sensor = opened(bench)
    for _ in range(20):
        with pytest.raises(CameraStalledError):
            camera.read(0.001)
    sensor.expose(5)
    assert camera.read(1.0).sequence == 0
    camera.close()


def test_time_is_the_sensors(bench: Bench) -> None:
    camera, sensor = opened(bench)
    taken = time.monotonic_ns() - 40_000_000
    sensor.expose(1, SensorTimestamp=taken)
    assert camera.read(1.0).time_ns == taken


@pytest.mark.parametrize("metadata", [{}, {"SensorTimestamp": 2**62}])
def test_time_is_now_where_the_sensor_says_nothing_or_the_future(bench: Bench, metadata: Any) -> None:
    camera, sensor = opened(bench)
    before = time.monotonic_ns()
    sensor.expose(1, **metadata)
    assert before <= camera.read(1.0).time_ns <= time.monotonic_ns()


def test_few_buffers_full_range_and_no_raw_stream(bench: Bench) -> None:
    opened(bench, width=320, height=240)
    assert bench.asked["main"] == {"size": (320, 240), "format": "YUV420"}
    assert bench.asked["buffer_count"] == picamera.BUFFERS == 4
    assert bench.asked["raw"] is None
    assert bench.asked["colour_space"] == "full range"


@pytest.mark.parametrize(
    ("rotation", "mirror", "hflip", "vflip"),
    [(0, False, False, False), (180, False, True, True), (0, True, True, False), (180, True, False, True)],
)
def test_mounting(bench: Bench, rotation: int, mirror: bool, hflip: bool, vflip: bool) -> None:
    opened(bench, rotation=rotation, mirror=mirror)
    assert vars(bench.asked["transform"]) == {"hflip": hflip, "vflip": vflip}


AUTOFOCUS = {
    "AfMode": (0, 2, 0),
    "AfRange": (0, 2, 0),
    "AfTrigger": (0, 1, 0),
    "LensPosition": (0.0, 15.0, 1.0),
}


@pytest.mark.parametrize(
    ("focus", "controls", "running"),
    [
        ("continuous", {"AfMode": 2, "AfRange": 2}, {}),
        ("close", {"AfMode": 2, "AfRange": 1}, {}),
        ("auto", {"AfMode": 1, "AfRange": 2}, {"AfTrigger": 0}),
        (8.0, {"AfMode": 0, "LensPosition": 8.0}, {}),
        (32.0, {"AfMode": 0, "LensPosition": 15.0}, {}),
    ],
)
def test_focus_where_the_lens_moves(bench: Bench, focus: Any, controls: Any, running: Any) -> None:
    bench.controls |= AUTOFOCUS
    _, sensor = opened(bench, focus=focus)
    assert {name: value for name, value in sensor.set.items() if name in AUTOFOCUS} == controls
    assert sensor.set_while_running == running


@pytest.mark.parametrize("focus", ["continuous", "close", "auto", 8.0])
def test_a_camera_without_autofocus_says_so_and_goes_on(bench: Bench, caplog: Any, focus: Any) -> None:
    caplog.set_level(logging.INFO)
    camera, sensor = opened(bench, focus=focus)
    assert set(sensor.set) == {"FrameDurationLimits"}
    assert [line.startswith("the camera's lens is fixed") for line in caplog.messages] == [True]
    sensor.expose(1)
    assert camera.read(1.0).sequence == 0


@pytest.mark.parametrize(("hz", "microseconds"), [(50, 10_000), (60, 8333)])
def test_flicker(bench: Bench, hz: int, microseconds: int) -> None:
    _, sensor = opened(bench, flicker_hz=hz)
    assert sensor.set["ExposureTime"] == microseconds
    bench.controls |= {"AeFlickerMode": (0, 1, 0), "AeFlickerPeriod": (100, 1_000_000, None)}
    _, sensor = opened(bench, flicker_hz=hz)
    assert (sensor.set["AeFlickerMode"], sensor.set["AeFlickerPeriod"]) == (1, microseconds)
    assert "ExposureTime" not in sensor.set


@pytest.mark.parametrize(("exposure", "longest"), [(4.0, 33_333), (100.0, 100_000)])
def test_exposure(bench: Bench, exposure: float, longest: int) -> None:
    _, sensor = opened(bench, exposure=exposure, flicker_hz=50)
    assert sensor.set["ExposureTime"] == exposure * 1000
    assert sensor.set["FrameDurationLimits"] == (longest, longest)


def test_a_camera_that_sets_its_exposure_itself_says_so(bench: Bench, caplog: Any) -> None:
    del bench.controls["ExposureTime"]
    _, sensor = opened(bench, exposure=4.0)
    assert "ExposureTime" not in sensor.set
    assert "exposure = 4 is not used" in caplog.text


def test_frame_rate(bench: Bench) -> None:
    _, sensor = opened(bench, fps=25)
    assert sensor.set == {"FrameDurationLimits": (40_000, 40_000)}


def test_a_camera_without_any_controls(bench: Bench) -> None:
    bench.controls = {}
    _, sensor = opened(bench, focus=5.0, flicker_hz=50)
    assert sensor.set == {}


def test_close_gives_every_request_back_and_twice_is_harmless(bench: Bench) -> None:
    with open_camera("picamera", CameraSettings()) as camera:
        sensor = bench.opened[-1]
        sensor.expose(1)
        camera.read(1.0)
        sensor.expose(2)
    assert sensor.closed
    camera.close()
    with pytest.raises(CameraError, match=r"closed"):
        camera.read(0.1)


def test_a_frame_kept_over_closing_neither_hinders_it_nor_crashes(bench: Bench) -> None:
    camera, sensor = opened(bench)
    sensor.expose(3)
    frame = camera.read(1.0)
    camera.close()
    assert sensor.closed
    np.testing.assert_array_equal(frame.gray, scene(640, 480, 3))


def test_a_frame_that_arrives_while_closing_is_given_back(bench: Bench) -> None:
    camera, sensor = opened(bench)
    sensor.expose(1)
    bench.hangs_in = {"close"}
    closing = threading.Thread(target=camera.close)
    closing.start()
    while camera._camera is not None or not camera._newest._over:
        time.sleep(0.001)
    sensor.expose(2)
    bench.hang_over.set()
    closing.join(30)
    assert sensor.closed


@pytest.mark.parametrize("step", ["open", "configure", "start"])
def test_an_opening_that_hangs_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(picamera, "OPENS_WITHIN", 0.1)
    bench.hangs_in = {step}
    with pytest.raises(CameraHungError, match=r"picamera does not start within 0.1 s"):
        opened(bench)


def test_a_close_that_hangs_is_not_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picamera, "CLOSES_WITHIN", 0.1)
    camera, _ = opened(bench)
    bench.hangs_in = {"close"}
    with pytest.raises(CameraHungError, match=r"picamera 640x480 does not close within 0.1 s"):
        camera.close()
    camera.close()


@pytest.mark.parametrize("step", ["configure", "start"])
def test_a_camera_that_does_not_start_is_closed_again(bench: Bench, step: str) -> None:
    bench.fails_in = {step: RuntimeError("Failed to start camera: Input/output error")}
    with pytest.raises(CameraError, match=r"does not start \(Failed to start camera: Input/output error\)"):
        opened(bench)
    assert bench.opened[-1].closed
    bench.fails_in = {}
    camera, sensor = opened(bench)
    sensor.expose(1)
    assert camera.read(1.0).sequence == 0


def test_no_camera(bench: Bench) -> None:
    bench.plugged = False
    with pytest.raises(CameraError, match=r"no camera found; check both ends of its ribbon cable"):
        opened(bench)


def test_a_camera_in_use_says_why(bench: Bench) -> None:
    bench.busy = True
    with pytest.raises(CameraError, match=r"Device or resource busy"):
        opened(bench)


def test_a_camera_that_gives_another_format_is_refused_and_closed(bench: Bench) -> None:
    bench.gives_format = "MJPEG"
    with pytest.raises(CameraError, match=r"gives MJPEG, not YUV420"):
        opened(bench)
    assert bench.opened[-1].closed


@pytest.mark.parametrize("step", ["map", "release"])
def test_a_camera_that_vanishes_in_use(bench: Bench, step: str) -> None:
    camera, sensor = opened(bench)
    sensor.expose(1)
    camera.read(1.0)
    sensor.expose(2)
    bench.fails_in = {step: RuntimeError("Failed to queue request: No such device")}
    with pytest.raises(CameraError, match=r"picamera 640x480 failed \(Failed to queue request"):
        camera.read(1.0)


def test_an_error_in_closing_is_told(bench: Bench) -> None:
    camera, _ = opened(bench)
    bench.fails_in = {"close": RuntimeError("Failed to release camera: Device or resource busy")}
    with pytest.raises(CameraError, match=r"does not close \(Failed to release"):
        camera.close()


@pytest.mark.parametrize(
    "broken", [ImportError("No module named 'picamera2'"), ValueError("numpy.dtype size changed")]
)
def test_without_picamera2(monkeypatch: pytest.MonkeyPatch, broken: Exception) -> None:
    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name in ("picamera2", "libcamera"):
                raise broken

    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    monkeypatch.delitem(sys.modules, "libcamera", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(CameraError, match=r"picamera2 cannot be imported .*sudo apt install") as raised:
        open_camera("picamera", CameraSettings())
    assert str(broken) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_picamera2_is_imported_only_when_opened() -> None:
    program = """
import sys
import appliance.cameras.picamera
assert not {"picamera2", "libcamera"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
