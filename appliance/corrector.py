"""Keeps the reading in view as corrections, when a button is pressed or somebody else asks."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from gpiozero import Button, Factory
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from appliance.config import CorrectionSettings
from appliance.corrections import Correction, Corrections, Value
from appliance.errors import CorrectionError, NoCorrectionError
from appliance.reader import Digit, Reading
from appliance.service import Moment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """A frame with what came of it, to be kept longer than the frame's own pixels are valid."""

    gray: NDArray[np.uint8]
    reading: Reading
    weights: str
    """The SHA-256 of those that read it."""

    @property
    def places(self) -> tuple[Digit, ...]:
        """What can be put right: the digits that were read, and after them what was passed over."""
        return (*self.reading.digits, *self.reading.passed_over())

    def keep(self, store: Corrections, place: int, value: Value | UnsetType = UNSET) -> Correction:
        """Keeps one of the places. Raises `CorrectionError`, also where there is no such place."""
        places = self.places
        if place >= len(places):
            raise NoCorrectionError(f"there are only {len(places)} things to put right in this frame")
        digit = places[place]
        was_read = place < len(self.reading.digits)
        return store.keep(
            digit.crop,
            self.gray,
            value=value,
            read=digit.value if was_read else None,
            confidence=digit.confidence if was_read else 0.0,
            box=digit.box,
            weights=self.weights,
        )


class Corrector:
    """An observer of the service: asked to, it keeps the next frame's digits, to be answered on the page."""

    def __init__(self, store: Corrections, weights: Callable[[], str], factory: Factory | None) -> None:
        """`weights` gives the SHA-256 of those in use; the button is opened by `follow`."""
        self._store, self._weights, self._factory = store, weights, factory
        self._asked = False
        self._button: Button | None = None
        self._pin = 0
        self._coming: queue.SimpleQueue[Sight | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._keep_on, daemon=True, name="corrector")

    def ask(self) -> None:
        """Asks that what is in view be kept; from any thread."""
        self._asked = True

    def __call__(self, moment: Moment) -> None:
        """Takes a copy if that was asked for."""
        if self._asked:
            self._asked = False
            self._coming.put(Sight(moment.frame.gray.copy(), moment.reading, self._weights()))

    def follow(self, settings: CorrectionSettings) -> None:
        """Takes over new settings, and the button that they name."""
        self._store.settings = settings
        if settings.button != self._pin:
            self._release()
            self._pin = settings.button
            if self._pin:
                self._open_button()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._release()
        self._coming.put(None)
        self._thread.join()

    def _open_button(self) -> None:
        try:
            self._button = Button(self._pin, bounce_time=0.05, pin_factory=self._factory)
            self._button.when_pressed = self.ask
        except Exception as error:  # noqa: BLE001 (each pin library has errors of its own)
            log.error("corrections.button: GPIO %d cannot be used (%s); choose another", self._pin, error)

    def _release(self) -> None:
        if self._button is not None:
            self._button.close()
            self._button = None

    def _keep_on(self) -> None:
        while (sight := self._coming.get()) is not None:
            try:
                kept = [sight.keep(self._store, place).id for place in range(len(sight.reading.digits))]
                if not kept and sight.places:
                    kept = [sight.keep(self._store, 0).id]
            except CorrectionError as error:
                log.error("not kept to be put right: %s", error)
            else:
                log.info("kept to be put right: %s", ", ".join(kept) or "nothing, for nothing is in view")
