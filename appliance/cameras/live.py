"""What live cameras share: only the newest is kept, and no call into a driver is waited for without end."""

import concurrent.futures
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from appliance.cameras import CameraHungError
from appliance.errors import CameraError, CameraStalledError

OPENS_WITHIN = 15.0
"""Seconds that a driver may take to start its camera."""
CLOSES_WITHIN = 3.0
"""Seconds that a driver may take to stop it."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Newest(Generic[Item]):
    """A place for one item, filled by one thread and emptied by another; `name` is the camera's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._count = 0
        self._over = ""

    def put(self, item: Item) -> Item | None:
        """Leaves an item; gives back what nobody will take: the one before, or this one if it is over."""
        with self._changed:
            if self._over:
                return item
            unused, self._item = self._item, item
            self._count += 1
            self._changed.notify()
            return unused

    def take(self, timeout: float) -> tuple[Item, int]:
        """The newest item and how many were left before it; waits for at most `timeout` seconds.

        Raises `CameraStalledError` if none came in time, `CameraError` if it is over.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._over, timeout)
            if self._over:
                raise CameraError(f"{self.name} {self._over}")
            if self._item is None:
                raise CameraStalledError(f"{self.name}: no frame for {timeout:g} s; check its cable")
            item, self._item = self._item, None
            return item, self._count - 1

    def end(self, why: str) -> Item | None:
        """No more items from now on; gives back the one that nobody took."""
        with self._changed:
            self._over = self._over or why
            unused, self._item = self._item, None
            self._changed.notify()
            return unused


def within(seconds: float, call: Callable[[], Result], what: str) -> Result:
    """What `call` gives or raises, run in a thread that is left behind if it hangs.

    Raises `CameraHungError` if it does not come back in time; `what` says of whom, and what it does not do.
    """
    done: concurrent.futures.Future[Result] = concurrent.futures.Future()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # noqa: BLE001 it is raised again where it is waited for
            done.set_exception(error)

    threading.Thread(target=run, daemon=True, name=what).start()
    if not concurrent.futures.wait([done], seconds).done:
        raise CameraHungError(f"{what} within {seconds:g} s: its driver hangs; start the program again")
    return done.result()
