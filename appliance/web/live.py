"""What is looked at: one view for all viewers, made only while there are any, and never too often."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from appliance.machine import temperature
from appliance.reader import Digit
from appliance.web.aim import judge
from appliance.web.messages import Aim, Change, Live, Seen
from appliance.web.page import Page, Shot

RATE = 12.0
"""Views a second at most."""
SHARE = 0.05
"""Of one processor's time that the page takes at most, whatever there is to be made, and for however many."""
PATIENCE = 1.0
"""Seconds without a frame after which a view without a picture says so."""
WIDEST = 800
"""Pixels of a picture that is sent; larger frames are made smaller."""
MOST = 100
"""Viewers at once."""
QUALITY = 75
"""Of the pictures' JPEG, 0 to 100."""


@dataclass(frozen=True, slots=True)
class View:
    """What is to be seen: JSON of a `Live`, and the picture, if one was wanted and there is one."""

    message: bytes
    picture: bytes


class Publisher:
    """Makes views for those who look."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._looking = asyncio.Event()
        self._next: asyncio.Future[View] = asyncio.get_running_loop().create_future()
        self.viewers = 0
        self._want_pictures = self._want_aim = 0

    @asynccontextmanager
    async def look(
        self, *, pictures: bool = False, aim: bool = False
    ) -> AsyncIterator[Callable[[], Awaitable[View]]]:
        """Counts as a viewer; gives what waits for the next view."""
        self.viewers += 1
        self._want_pictures += pictures
        self._want_aim += aim
        self._looking.set()
        try:
            yield lambda: asyncio.shield(self._next)
        finally:
            self.viewers -= 1
            self._want_pictures -= pictures
            self._want_aim -= aim
            if not self.viewers:
                self._looking.clear()

    async def publish(self) -> None:
        """Makes one view after the other, until it is cancelled."""
        spent_before = time.thread_time()
        while True:
            await self._looking.wait()
            began = time.monotonic()
            view = self.view(await self._shoot())
            before, self._next = self._next, asyncio.get_running_loop().create_future()
            before.set_result(view)
            # What sending the view before has cost counts too, so that many viewers make it slower for all.
            spent = time.thread_time()
            pause = max(1 / RATE, (spent - spent_before) / SHARE) - (time.monotonic() - began)
            spent_before = spent
            await asyncio.sleep(max(0.0, pause))

    async def _shoot(self) -> Shot | None:
        loop = asyncio.get_running_loop()
        coming: asyncio.Future[Shot] = loop.create_future()

        def arrive(shot: Shot) -> None:
            if not coming.done():
                coming.set_result(shot)

        def hand_over(shot: Shot) -> None:
            with suppress(RuntimeError):  # the page may have been closed meanwhile
                loop.call_soon_threadsafe(arrive, shot)

        self._page.wish(hand_over)
        try:
            shot = await asyncio.wait_for(coming, PATIENCE)
        except TimeoutError:
            return None
        self._page.remember(shot)
        return shot

    def view(self, shot: Shot | None) -> View:
        """What is to be seen of a moment, or of there being none."""
        message = msgspec.json.encode(self.describe(shot))
        picture = _jpeg(shot.sight.gray) if shot and self._want_pictures else b""
        return View(message, picture)

    def describe(self, shot: Shot | None) -> Live:
        """The same without a picture."""
        health = self._page.monitor.health()
        changes = [Change(*change) for change in list(self._page.changes)[-8:]]
        if shot is None:
            fault = health.fault or "waiting for a picture"
            return Live(0, time.time(), "", 0.0, fault, "", (0, 0), [], [], changes, health, temperature())
        reading, gray = shot.sight.reading, shot.sight.gray
        return Live(
            frame=shot.number,
            time=shot.time,
            text=shot.text,
            confidence=shot.confidence,
            fault=None,
            name=shot.name,
            size=(gray.shape[1], gray.shape[0]),
            digits=[_seen(digit) for digit in reading.digits],
            passed_over=[_seen(digit) for digit in reading.passed_over()],
            changes=changes,
            health=health,
            temperature=temperature(),
            aim=self._aim(shot),
        )

    def _aim(self, shot: Shot) -> Aim | None:
        return judge(shot.sight.gray, shot.sight.reading) if self._want_aim else None


def _seen(digit: Digit) -> Seen:
    probabilities = [round(min(1.0, float(value)), 4) for value in digit.probabilities]
    confidence = round(min(1.0, digit.confidence), 4)
    return Seen(digit.value, confidence, digit.box, probabilities, digit.crop.tobytes())


def _jpeg(gray: NDArray[np.uint8]) -> bytes:
    height, width = gray.shape
    if width > WIDEST:
        gray = cv2.resize(gray, (WIDEST, height * WIDEST // width), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
