"""What signals ask of the service: SIGTERM and SIGINT to stop, SIGHUP to reload, or to go with a terminal."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

STOPS_WITHIN = 0.8
"""Seconds that the service has to stop by itself, once asked."""


class Requests:
    """What the loop is asked to do, by a signal or by another thread.

    Plain flags: setting an `Event` in a signal handler can lock up with the very thread that it interrupts.
    """

    stop = False
    reload = False

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[..., None]] = {}

    def wait(self, seconds: float) -> None:
        """Returns after so many seconds, or as soon as it is asked to stop."""
        until = time.monotonic() + seconds
        while not self.stop and time.monotonic() < until:
            time.sleep(0.05)

    @contextmanager
    def from_signals(self, last_resort: Callable[[], None]) -> Iterator[None]:
        """Listens to signals.

        Where a driver holds the loop up when it is asked to stop, a thread calls `last_resort` in its place
        and ends the process.
        """

        in_terminal = os.isatty(0)

        def stop(*_: object) -> None:
            self.stop = True

        def hang_up(*_: object) -> None:
            if in_terminal and not os.isatty(0):
                self.stop = True
            else:
                self.reload = True

        self._handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: hang_up}
        before = {number: signal.getsignal(number) for number in self._handlers}
        self.take_signals()
        try:
            with _told_at_once(last_resort):
                yield
        finally:
            self._handlers = {}
            for number, handler in before.items():
                signal.signal(number, handler)

    def take_signals(self) -> None:
        """Takes back, within `from_signals`, the signals that a library took for itself when it was loaded.

        UCX does, which Debian's PyTorch loads: a SIGHUP then only made it say more.
        """
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


@contextmanager
def _told_at_once(last_resort: Callable[[], None]) -> Iterator[None]:
    """Runs a thread that hears of signals even while the main thread hangs in a driver."""
    ours, pythons = os.pipe()
    os.set_blocking(pythons, False)
    signal.set_wakeup_fd(pythons, warn_on_full_buffer=False)
    done = threading.Event()
    thread = threading.Thread(target=_listen, args=(ours, done, last_resort), daemon=True, name="signals")
    thread.start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(-1)
        os.close(pythons)
        thread.join()
        os.close(ours)


def _listen(pipe: int, done: threading.Event, last_resort: Callable[[], None]) -> None:
    while number := os.read(pipe, 1):
        if number[0] in (signal.SIGTERM, signal.SIGINT) and not done.wait(STOPS_WITHIN):
            log.warning("a driver holds the end up; ending without it")
            last_resort()
            logging.shutdown()
            os._exit(0)
