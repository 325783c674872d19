"""A camera that comes back: one that vanishes or stalls is closed, and opened again until it works."""

import logging
import time
from collections.abc import Callable, Generator, Iterator

from appliance.cameras import Camera, CameraHungError
from appliance.cameras.liveness import Standstill, StandstillError
from appliance.errors import CameraError, CameraStalledError, FrameError, SourceEndedError
from appliance.frame import Frame

log = logging.getLogger(__name__)

TICK = 0.2
"""Seconds that any wait lasts at most, so that whoever iterates is never far from being able to stop."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two attempts to open the camera; each pause is twice the one before."""


def watched(
    open_it: Callable[[], Camera], stalled_after: float, *, patient: bool
) -> Generator[Frame | CameraError | None, None, None]:
    """The newest frame again and again, what is wrong while the camera is away, None where it is just slow.

    Something comes at least every `TICK` seconds, drivers that hang aside. The camera is opened again if
    it fails, stands still, or gives no good frame for `stalled_after` seconds. Ends when a recording is over.
    Closing the generator closes the camera.

    Raises `CameraHungError` if the camera's driver hangs, and the `CameraError` of the first opening unless
    it is `patient`.
    """
    fault_at = pause = 0.0
    opened = patient
    while True:
        try:
            with open_it() as camera:
                opened = True
                for frame in _newest(camera, stalled_after):
                    if frame is not None and pause:
                        log.info("%s is back after %.0f s", camera.name, time.monotonic() - fault_at)
                        pause = 0.0
                    yield frame
        except SourceEndedError:
            return
        except CameraHungError:
            raise
        except CameraError as error:
            if not opened:
                raise
            if not pause:
                fault_at = time.monotonic()
                log.error("%s; trying again until it works", error)
            pause = min(2 * pause, LONGEST_PAUSE) or FIRST_PAUSE
            yield from _repeat(error, pause)


def _newest(camera: Camera, stalled_after: float) -> Iterator[Frame | None]:
    good_at = time.monotonic()
    wrong = ""
    standstill = Standstill(time.monotonic)
    while True:
        try:
            frame = camera.read(TICK)
            if camera.live:
                standstill.look(frame, camera.name)
            yield frame
            good_at = time.monotonic()
            wrong = ""
        except StandstillError:
            raise
        except (FrameError, CameraStalledError) as error:
            if time.monotonic() - good_at > stalled_after:
                raise CameraStalledError(
                    f"{camera.name}: no good picture for {stalled_after:g} s; check its cable"
                ) from error
            if isinstance(error, FrameError) and str(error) != wrong:
                wrong = str(error)
                log.warning("%s; going on with the next picture", error)
            yield None


def _repeat(error: CameraError, seconds: float) -> Iterator[CameraError]:
    until = time.monotonic() + seconds
    yield error
    while time.monotonic() < until:
        time.sleep(TICK)
        yield error
