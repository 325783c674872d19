"""What a change of the reading sets off: a program that is run, an address that is told.

Each hook is an observer of the service with a thread of its own, so neither a slow program nor a dead server
holds up a frame. Of the changes that come while it is busy or rests, the newest counts.
"""

import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Self
from urllib.parse import urlsplit

from appliance import message
from appliance.config import CommandSettings, WebhookSettings
from appliance.service import Moment
from appliance.steady import Stable

log = logging.getLogger(__name__)

Act = Callable[[Stable], None]
"""Raises `OSError`, which says what went wrong."""

_WANTED: dict[str, Callable[[str], bool]] = {
    "change": lambda text: True,
    "number": lambda text: text != "",
    "nothing": lambda text: text == "",
}


class Hook:
    """An observer that acts on changes of the reading, what it is at first among them.

    As a context manager it has its thread.
    """

    def __init__(self, name: str, act: Act, settings: CommandSettings | WebhookSettings) -> None:
        self._name, self._act, self._every = name, act, settings.every
        self._wanted = _WANTED[settings.on]
        self._text = ""
        self._newest: deque[Stable] = deque(maxlen=1)
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True, name=name)
        self._failed = False

    def __call__(self, moment: Moment) -> None:
        """Takes note of a moment."""
        stable = moment.stable
        if stable.text == self._text:
            return
        self._text = stable.text
        if self._wanted(stable.text):
            self._newest.append(stable)
            self._wake.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever is under way may end by itself; nothing new is begun."""
        self._over.set()
        self._wake.set()

    def _work(self) -> None:
        while self._wake.wait() and not self._over.is_set():
            self._wake.clear()
            if self._newest:
                self._try(self._newest.pop())
                self._over.wait(self._every)

    def _try(self, stable: Stable) -> None:
        """Failures are told of once, and then again once it has worked in between."""
        try:
            self._act(stable)
        except OSError as error:
            if not self._failed:
                log.warning("%s: %s", self._name, error)
            self._failed = True
        else:
            if self._failed:
                log.info("%s: works again", self._name)
            self._failed = False


def command(settings: CommandSettings, name: str) -> Hook:
    """The hook that runs a program; `name` is the appliance's, which it tells."""
    return Hook("hooks.command", lambda stable: run(settings, name, stable), settings)


def webhook(settings: WebhookSettings, name: str) -> Hook:
    """The hook that tells an address; `name` is the appliance's, which it tells."""
    return Hook("hooks.webhook", lambda stable: post(settings, name, stable), settings)


def run(settings: CommandSettings, name: str, stable: Stable) -> None:
    """Runs the program, with the JSON as its input and the number as `$DIGITS`; what it says goes to the log.

    Raises `OSError` if it cannot be run, fails, or takes too long: then it and all it started are killed.
    """
    told = {"DIGITS": stable.text, "CONFIDENCE": f"{stable.confidence:.3f}", "APPLIANCE": name}
    # Python makes this one with vfork, which leaves no second holder of the pins even for an instant.
    process = subprocess.Popen(
        settings.run,
        stdin=subprocess.PIPE,
        stdout=2,
        env=os.environ | told,
        start_new_session=True,
    )
    try:
        process.communicate(message.encode(stable, name), timeout=settings.timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise TimeoutError(
            f"{settings.run[0]} was not done in {settings.timeout:g} s and was ended"
        ) from None
    if process.returncode:
        raise ChildProcessError(f"{settings.run[0]} ended with status {process.returncode}")


def post(settings: WebhookSettings, name: str, stable: Stable) -> None:
    """Tells the address, with the JSON as the body; it is not followed elsewhere.

    Raises `OSError` if it cannot be reached, does not answer in time, or answers with anything but success.
    """
    url, began = urlsplit(settings.url), time.monotonic()
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=settings.timeout)
    # The connection's own limit is for each step, of which a slow server can make many.
    limit = threading.Timer(settings.timeout, _hang_up, [connection])
    limit.start()
    try:
        body, headers = message.encode(stable, name), {"Content-Type": "application/json"}
        connection.request("POST", f"{url.path or '/'}{f'?{url.query}' if url.query else ''}", body, headers)
        answer, status = "", connection.getresponse().status
    except (OSError, HTTPException) as error:
        answer, status = str(error) or type(error).__name__, 0
    finally:
        limit.cancel()
        connection.close()
    # An answer that was cut short may look like a whole one.
    if time.monotonic() - began >= settings.timeout:
        raise TimeoutError(f"{url.netloc} did not answer in {settings.timeout:g} s")
    if answer:
        raise OSError(f"{url.netloc}: {answer}")
    if not 200 <= status < 300:
        raise OSError(f"{url.netloc} answered with HTTP status {status}")


def _hang_up(connection: HTTPConnection) -> None:
    with suppress(OSError):
        if sock := connection.sock:
            sock.shutdown(socket.SHUT_RDWR)
