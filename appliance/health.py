"""How the running service fares: measured in its loop, left in a small file, read by whoever asks.

The service writes `status.json` into its runtime folder once a second. `doctor`, the page and MQTT tell of
the same `Health`, so that no two of them can disagree.
"""

import logging
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from appliance import __version__
from appliance.atomic import write_atomically
from appliance.state import runtime_folder

if TYPE_CHECKING:  # so that whoever only asks does not wait for torch
    from appliance.service import Moment, Service

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds from one writing to the next."""
STALE_AFTER = 5.0
"""Seconds after which what was written tells of the past: the service hangs, or is gone."""
_WINDOW = 300
"""Frames that the measured values are taken over."""
_RECENT = 5.0
"""Seconds that the frame rate is taken over."""


class Spread(msgspec.Struct, frozen=True):
    """Of many values, in milliseconds."""

    median: float
    p99: float


class WeightsInUse(msgspec.Struct, frozen=True):
    """Which weights the service reads with."""

    network: str
    sha256: str
    installed: int | None
    """The number of their installation; None for those shipped, or named in the configuration."""


class Health(msgspec.Struct, frozen=True):
    """The service at one time."""

    pid: int
    version: str
    since: float
    """When it started, in Unix seconds."""
    time: float
    """When this was so, in Unix seconds."""
    source: str
    frames: int
    skipped: int
    """How many frames a newer one overtook before they were looked at."""
    fps: float
    """Frames processed a second."""
    read_ms: Spread | None
    """What reading a frame takes; None before the first."""
    light_ms: Spread | None
    """From when a frame was taken until what it changed stood on the pins; None before the first change."""
    text: str
    confidence: float
    fault: str | None
    """Why there are no frames; None while there are."""
    weights: WeightsInUse
    reloads: int = 0
    """How many times the service was asked to reload since it started."""
    refused: str | None = None
    """Why it went on as before the last time; None if it did not."""
    page: str | None = None
    """Where the live page is; None without one."""
    mqtt: str | None = None
    """How the connection to the broker is; None without one."""

    @property
    def age(self) -> float:
        """For how many seconds nothing newer has been said."""
        return max(0.0, time.time() - self.time)


class Monitor:
    """An observer of the service that measures it; as a context manager it also writes the status file.

    A frame costs it a few microseconds; everything else happens in a thread of its own. `page` and `mqtt`
    are passed on as they are.
    """

    def __init__(self, service: "Service") -> None:
        self.page: str | None = None
        self.mqtt: str | None = None
        self._service = service
        self._since = time.time()
        self._latest = ("", 0.0, 0, 0)
        self._ended_at: deque[float] = deque(maxlen=_WINDOW)
        self._reading: deque[float] = deque(maxlen=_WINDOW)
        self._light: deque[float] = deque(maxlen=_WINDOW)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write_on, daemon=True, name="health")

    def __call__(self, moment: "Moment") -> None:
        """Takes note of a moment."""
        stable = moment.stable
        self._latest = stable.text, stable.confidence, moment.frames, moment.skipped
        self._ended_at.append(time.monotonic())
        self._reading.append(moment.milliseconds)
        # A recording played faster than it was taken has frames of times to come.
        if stable.changed and (waited := moment.lit_ns - moment.frame.time_ns) >= 0:
            self._light.append(waited / 1e6)

    @property
    def at_work(self) -> bool:
        """Whether there is anything to tell yet."""
        return self._service.at_work

    def health(self) -> Health:
        """The service now; may be asked from any thread once it is at work."""
        text, confidence, frames, skipped = self._latest
        reloads, refused = self._service.reloads, self._service.refused  # first: see Service._reload
        fault, reader = self._service.fault, self._service.reader
        return Health(
            pid=os.getpid(),
            version=__version__,
            since=self._since,
            time=time.time(),
            source=self._service.source,
            frames=frames,
            skipped=skipped,
            fps=self._fps(),
            read_ms=_spread(self._reading),
            light_ms=_spread(self._light),
            text="" if fault else text,
            confidence=0.0 if fault else round(confidence, 3),
            fault=str(fault) if fault else None,
            weights=WeightsInUse(reader.card.network, reader.card.sha256, _installation(reader.weights)),
            reloads=reloads,
            refused=refused,
            page=self.page,
            mqtt=self.mqtt,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        _status_file().unlink(missing_ok=True)

    def _fps(self) -> float:
        now = time.monotonic()
        recent = [ended for ended in tuple(self._ended_at) if now - ended < _RECENT]
        if len(recent) < 2 or now - recent[-1] > EVERY:
            return 0.0
        return round((len(recent) - 1) / (recent[-1] - recent[0]), 1)

    def write(self) -> None:
        """Writes the status file, once the service is at work and if that can be."""
        if not self.at_work:
            return
        try:
            write_atomically(_status_file(), msgspec.json.encode(self.health()), durable=False)
        except OSError as error:
            log.debug("no status file: %s", error)

    def _write_on(self) -> None:
        while not self._over.wait(EVERY):
            self.write()


def read_health() -> Health | None:
    """What the service wrote last, however long ago (see `Health.age`); None if nothing is there."""
    try:
        return msgspec.json.decode(_status_file().read_bytes(), type=Health)
    except (OSError, msgspec.DecodeError):
        return None


def _status_file() -> Path:
    return runtime_folder() / "status.json"


def _spread(values: deque[float]) -> Spread | None:
    seen = tuple(values)
    if not seen:
        return None
    median, p99 = (round(float(value), 2) for value in np.percentile(seen, (50, 99)))
    return Spread(median, p99)


def _installation(weights: Path) -> int | None:
    folder = weights.parent
    return int(folder.name) if folder.name.isdigit() and folder.parent.name == "weights" else None
