"""Tells an MQTT broker what is read: an observer of the service, with a thread of its own.

digits/pi/availability   online, or offline: the broker itself says so where the appliance cannot
digits/pi/text           the number; no message is kept where there is none
digits/pi/digits         the same with each digit's confidence and place (see message)
digits/pi/health         once a minute, and when something breaks or is mended (see health)
digits/pi/picture        what the camera sees, as JPEG, after a change
digits/pi/learn          takes the right number, where the configuration allows
digits/pi/learned        what came of that
"""

import logging
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Self

import cv2
import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from appliance import message
from appliance.broker import GOODBYE, Broker
from appliance.config import MqttSettings
from appliance.corrections import Corrections, Value
from appliance.errors import ApplianceError, ConfigError, CorrectionError
from appliance.health import Monitor
from appliance.homeassistant import PRESS, discovery
from appliance.machine import host_name
from appliance.reader import Digit
from appliance.service import Moment, Service
from appliance.steady import Stable

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds after which it looks for what is new at the latest."""
HEALTH_EVERY = 60.0
"""Seconds."""
SOON = 3.0
"""Seconds after which a correction is too late: the camera sees something else by then."""
WIDEST, QUALITY = 640, 70
"""Of the picture: its width in pixels, and its JPEG's quality, 0 to 100."""


@dataclass(frozen=True, slots=True)
class _View:
    """A frame of our own, and what was shown for it."""

    gray: NDArray[np.uint8]
    stable: Stable


class Mqtt:
    """The observer; as a context manager it has its thread and its connection."""

    def __init__(
        self, settings: MqttSettings, service: Service, monitor: Monitor, store: Corrections
    ) -> None:
        """Touches nothing yet; the service is at work. `monitor` is told how the connection is."""
        self._settings, self._service, self._monitor, self._store = settings, service, monitor, store
        self._name = settings.name or host_name()
        # What the loop's thread gives.
        self._stable = Stable()
        self._new_picture = True
        self._frame_wanted = False
        self._view: deque[_View] = deque(maxlen=1)
        # What our own thread keeps.
        self._text: str | None = None
        self._fault: str | None = None
        self._health_due = self._picture_due = 0.0

        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True, name="mqtt")

    def __call__(self, moment: Moment) -> None:
        """Takes note of a moment, and of its frame where that is asked for."""
        self._stable = moment.stable
        if self._frame_wanted:
            self._frame_wanted = False
            self._view.append(_View(moment.frame.gray.copy(), moment.stable))
            self._wake.set()
        if moment.stable.changed:
            self._new_picture = True
            self._wake.set()

    def __enter__(self) -> Self:
        """Begins; where the settings do not do, that is told, and reading goes on without."""
        settings = self._settings
        base, orders = f"{settings.prefix}/{self._name}", "learn" if settings.corrections else ""
        try:
            self._broker = Broker(settings, base, self._wake, self._say, orders)
        except ConfigError as error:
            log.error("mqtt: %s", error)
            self._say(f"off: {error}")
            return self
        if settings.discovery:
            for topic, config in discovery(settings, self._name, base).items():
                self._broker.put_at(topic, msgspec.json.encode(config) if config else b"")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2 * GOODBYE)
        self._monitor.mqtt = None

    def _say(self, state: str) -> None:
        self._monitor.mqtt = state

    def _work(self) -> None:
        self._broker.connect()
        while not self._over.is_set():
            self._look(time.monotonic())
            self._broker.send()
            self._wake.wait(TICK)
            self._wake.clear()
        self._broker.close()

    def _look(self, now: float) -> None:
        """Finds what there is to tell."""
        fault = str(self._service.fault) if self._service.fault else None
        stable = Stable() if fault else self._stable
        if stable.text != self._text:
            self._text = stable.text
            self._broker.put("text", stable.text.encode())
            self._broker.put("digits", message.encode(stable, self._name))
        if fault != self._fault or now >= self._health_due:
            self._fault, self._health_due = fault, now + HEALTH_EVERY
            self._broker.put("health", msgspec.json.encode(self._monitor.health()))
        if self._view:
            self._look_at(self._view.pop(), now)
        self._frame_wanted = self._broker.order is not None or self._picture_is_due(now)

    def _look_at(self, view: _View, now: float) -> None:
        order, self._broker.order = self._broker.order, None
        if order and now - order.given_at < SOON:
            self._broker.put("learned", self._learn(order.text, view).encode())
        if self._picture_is_due(now):
            self._new_picture, self._picture_due = False, now + self._settings.picture
            self._broker.put("picture", _jpeg(view.gray))

    def _picture_is_due(self, now: float) -> bool:
        return self._settings.picture > 0 and self._new_picture and now >= self._picture_due

    def _learn(self, text: str, view: _View) -> str:
        """Keeps the digits that are shown, each with what it is said to be; gives what came of it."""
        digits = view.stable.digits
        try:
            for digit, value in zip(digits, _right_values(text, len(digits)), strict=True):
                self._keep(digit, value, view)
        except ApplianceError as error:
            return f"not learned: {error}"
        return f"kept: {view.stable.text}, {'to be told what it is' if text == PRESS else f'which is {text}'}"

    def _keep(self, digit: Digit, value: Value | UnsetType, view: _View) -> None:
        self._store.keep(
            digit.crop,
            view.gray,
            value=value,
            read=digit.value,
            confidence=digit.confidence,
            box=digit.box,
            weights=self._service.reader.card.sha256,
        )


def _right_values(text: str, count: int) -> list[Value | UnsetType]:
    """What each of `count` digits is: `42`, `none` if they are no digits, or `PRESS` if that is said later.

    Raises `CorrectionError` if that cannot be said of so many.
    """
    if count == 0:
        raise CorrectionError("no digit is shown")
    if text == PRESS:
        return [UNSET] * count
    if text == "none":
        return [None] * count
    if not re.fullmatch("[0-9]+", text):
        raise CorrectionError('say the right number, such as 42, or "none" where there is no digit')
    if len(text) != count:
        raise CorrectionError(f"{count} digits are shown, and {text} has {len(text)}")
    return [int(character) for character in text]


def _jpeg(gray: NDArray[np.uint8]) -> bytes:
    height, width = gray.shape
    if width > WIDEST:
        size = WIDEST, max(1, round(height * WIDEST / width))
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
