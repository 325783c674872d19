"""The Pi's own camera, through picamera2, which is imported only when the camera is opened."""

import logging
import mmap
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.cameras import Camera
from appliance.cameras.live import CLOSES_WITHIN, OPENS_WITHIN, Newest, within
from appliance.config import CameraSettings
from appliance.errors import CameraError
from appliance.frame import Frame

log = logging.getLogger(__name__)

BUFFERS = 4
"""One is being read, one waits, two are with the camera; more would not fit a Zero 2 W beside the rest."""


class PiCamera(Camera):
    """Frames are the Y plane of a YUV420 stream as it lies in the camera's memory, not copied or converted.

    picamera2 hands over every completed request, and the newest is held back from the camera until the next
    is asked for. Its own `capture_request` may give an older one, and leaves a job behind when it times out
    (picamera2 issues 426, 849, 1264).
    """

    live = True

    def __init__(self, settings: CameraSettings) -> None:
        """Starts the camera. Raises `CameraError` if there is none or it does not start."""
        self.name = "picamera"
        self._newest: Newest[Any] = Newest(self.name)
        self._held: Any = None
        self._camera: Any = within(
            OPENS_WITHIN, lambda: _start(settings, self._arrived), "picamera does not start"
        )
        self._stream = self._camera.stream_map["main"]
        given = self._camera.camera_configuration()["main"]
        self._width, self._height = given["size"]
        self._stride = given["stride"]
        self._memory: dict[int, mmap.mmap] = {}
        self.name = self._newest.name = f"picamera {self._width}x{self._height}"

    def read(self, timeout: float) -> Frame:
        try:
            self._recycle(self._held)
            self._held, sequence = self._newest.take(timeout)
            return Frame(self._plane(self._held), sequence, _time_ns(self._held))
        except CameraError:
            raise
        except Exception as error:  # libcamera's errors come as any kind
            raise CameraError(f"{self.name} failed ({error})") from error

    def close(self) -> None:
        camera, self._camera = self._camera, None
        if camera is None:
            return
        try:
            # Requests go back first: they lie in memory that closing gives up.
            self._recycle(self._newest.end("is closed"))
            self._recycle(self._held)
            self._memory.clear()
            within(CLOSES_WITHIN, camera.close, f"{self.name} does not close")
        except CameraError:
            raise
        except Exception as error:
            raise CameraError(f"{self.name} does not close ({error})") from error

    def _arrived(self, request: Any) -> None:
        """Called by picamera2's thread for every completed request, which it recycles unless acquired."""
        request.acquire()
        self._recycle(self._newest.put(request))

    def _recycle(self, request: Any) -> None:
        """Gives a request, if there is one, back to the camera to be filled again."""
        if request is None:
            return
        if request is self._held:
            self._held = None
        request.release()

    def _plane(self, request: Any) -> NDArray[np.uint8]:
        """The Y plane in a mapping of our own: views of picamera2's would keep it from being closed."""
        buffer = request.request.buffers[self._stream].planes[0].fd
        if buffer not in self._memory:
            size = self._stride * self._height
            self._memory[buffer] = mmap.mmap(buffer, size, mmap.MAP_SHARED, mmap.PROT_READ)
        rows = np.frombuffer(self._memory[buffer], np.uint8).reshape(self._height, self._stride)
        return rows[:, : self._width]


def _start(settings: CameraSettings, arrived: Callable[[Any], None]) -> Any:
    try:
        from libcamera import ColorSpace, Transform
        from picamera2 import Picamera2
    except Exception as error:  # a numpy that does not fit raises ValueError, a broken libcamera OSError
        raise CameraError(
            f"picamera: picamera2 cannot be imported ({error}); on a Pi run"
            " 'sudo apt install python3-picamera2', elsewhere use a webcam or a recording"
        ) from error
    try:
        if not Picamera2.global_camera_info():
            raise CameraError(
                "picamera: no camera found; check both ends of its ribbon cable, then run"
                " 'rpicam-hello --list-cameras'"
            )
        with ExitStack() as unless_started:
            camera = Picamera2()
            unless_started.callback(camera.close)
            turned = settings.rotation == 180
            camera.configure(
                camera.create_video_configuration(
                    main={"size": (settings.width, settings.height), "format": "YUV420"},
                    raw=None,
                    colour_space=ColorSpace.Sycc(),  # the others leave Y at 16 to 235
                    transform=Transform(hflip=settings.mirror != turned, vflip=turned),
                    buffer_count=BUFFERS,
                    queue=False,
                )
            )
            given = camera.camera_configuration()["main"]["format"]
            if given != "YUV420":
                raise CameraError(
                    f"picamera: the camera gives {given}, not YUV420; if it is a USB camera, use webcam"
                )
            # After configuring, which overwrites them.
            camera.set_controls(_controls(settings, camera.camera_controls))
            camera.pre_callback = arrived
            camera.start()
            if settings.focus == "auto" and "AfTrigger" in camera.camera_controls:
                camera.set_controls({"AfTrigger": 0})
            unless_started.pop_all()
            return camera
    except CameraError:
        raise
    except Exception as error:  # libcamera's errors come as any kind
        raise CameraError(
            f"picamera: the camera does not start ({_root(error)}); see that no other program uses it"
        ) from error


def _controls(settings: CameraSettings, offered: dict[str, tuple[Any, Any, Any]]) -> dict[str, Any]:
    """The controls for these settings, as far as the camera offers them; names and values are libcamera's."""
    period = round(1_000_000 / settings.fps)
    wanted = {
        "FrameDurationLimits": (period, period),
        **_flicker_controls(settings.flicker_hz, "AeFlickerPeriod" in offered),
        **_focus_controls(settings.focus, offered.get("LensPosition")),
    }
    if settings.exposure != "auto":
        exposure = round(1000 * settings.exposure)
        wanted |= {"ExposureTime": exposure, "FrameDurationLimits": (max(period, exposure),) * 2}
        if "ExposureTime" not in offered:
            log.warning("this camera sets its exposure itself; exposure = %g is not used", settings.exposure)
    _tell_of_a_fixed_lens(settings.focus, offered)
    return {name: value for name, value in wanted.items() if name in offered}


def _tell_of_a_fixed_lens(focus: str | float, offered: dict[str, tuple[Any, Any, Any]]) -> None:
    if "AfMode" in offered:
        return
    if focus == "continuous":
        log.info("the camera's lens is fixed: where it is sharp is set by turning it")
    else:
        log.warning("the camera's lens is fixed; focus = %s has no effect", focus)


def _flicker_controls(hz: int, avoidable: bool) -> dict[str, Any]:
    """A lamp brightens twice a period of the mains, so exposures are multiples of 10 ms at 50 Hz."""
    if not hz:
        return {}
    period = round(1_000_000 / (2 * hz))
    return {"AeFlickerMode": 1, "AeFlickerPeriod": period} if avoidable else {"ExposureTime": period}


def _focus_controls(focus: str | float, limits: tuple[Any, Any, Any] | None) -> dict[str, Any]:
    """AfMode 0 is manual, 1 auto, 2 continuous; AfRange 1 is near, 2 all, paper near the lens included."""
    if isinstance(focus, str):
        return {"AfMode": 1 if focus == "auto" else 2, "AfRange": 1 if focus == "close" else 2}
    if limits is not None:
        nearest = max(float(limits[0]), min(float(limits[1]), focus))
        if nearest != focus:
            log.warning("the lens moves from %g to %g dioptres; focus is %g", limits[0], limits[1], nearest)
        focus = nearest
    return {"AfMode": 0, "LensPosition": float(focus)}


def _time_ns(request: Any) -> int:
    """When the sensor began the picture: its clock is `time.monotonic_ns()`'s on a Pi, which never sleeps."""
    now = time.monotonic_ns()
    return min(int(request.get_metadata().get("SensorTimestamp", now)), now)


def _root(error: BaseException) -> BaseException:
    """picamera2 wraps what libcamera says in "did not complete"."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
