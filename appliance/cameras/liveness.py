"""Whether a live camera sees: a picture that stands still to the last bit, or is black, shows nothing."""

from collections.abc import Callable
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from appliance.errors import CameraError
from appliance.frame import Frame

STANDS_STILL_AFTER = 10.0
"""Seconds without any change, not even a sensor's noise: the driver gives one picture for ever."""
DARK_AFTER = 3.0
"""Seconds after which a black picture is no mere shadow."""
_BLACK = 24
"""The gray level, of 255, up to which everything is black: noise, and the offset that sensors add."""
_STEP = 8
"""Only every so many rows and columns are looked at."""


class StandstillError(CameraError):
    """The driver gives one picture for ever; opening the camera anew may help."""


class Standstill:
    """Looks for a picture that no longer changes."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._sample: NDArray[np.uint8] | None = None
        self._since = clock()

    def look(self, frame: Frame, name: str) -> None:
        """Raises `StandstillError` if the picture has stood still; one without any light in it may."""
        sample = frame.gray[::_STEP, ::_STEP]
        now = self._clock()
        if self._sample is None or sample.max() <= _BLACK or not np.array_equal(sample, self._sample):
            self._sample, self._since = sample.copy(), now
        elif now - self._since > STANDS_STILL_AFTER:
            raise StandstillError(f"{name}: the same picture for {STANDS_STILL_AFTER:g} s, to the last bit")


class Darkness:
    """Tells when pictures have become black, and when they are no longer."""

    dark = False

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._seen_at = clock()

    def look(self, frame: Frame) -> bool:
        """Whether that has just changed; `dark` says to what."""
        now = self._clock()
        if frame.gray[::_STEP, ::_STEP].max() > _BLACK:
            self._seen_at = now
        before, self.dark = self.dark, now - self._seen_at > DARK_AFTER
        return self.dark != before
