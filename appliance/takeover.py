"""Weights that the running service takes over, or that are taken back: nothing in between."""

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from appliance import weights
from appliance.config import EngineName
from appliance.errors import WeightsError
from appliance.health import Health, read_health
from appliance.state import reload_service, running
from appliance.weights import SelfTest

PATIENCE = 120.0
"""Seconds the service is given to say which weights it runs: a fresh process imports torch first."""
_LOOK_EVERY = 0.1


def install(file: Path, engine: EngineName) -> SelfTest:
    """Installs weights, and waits until the running service, if there is one, has taken them over.

    Raises `WeightsError`, and leaves the service with what it had, if anything is wrong with them or it.
    """
    return _or_back(partial(weights.install, file, engine))


def receive(sha256: str, stream: BinaryIO, engine: EngineName) -> SelfTest:
    """As `install`, of an archive as `weights.receive` takes it."""
    return _or_back(partial(weights.receive, sha256, stream, engine))


def in_use(sha256: str) -> bool:
    """Whether these weights are installed, and the running service, if there is one, reads with them."""
    now = _await(lambda now: True, time.monotonic() + PATIENCE)
    return weights.installed_sha256() == sha256 and (now is None or now.weights.sha256 == sha256)


def take_over(sha256: str) -> None:
    """Asks the running service, if there is one, to take over what is installed, and waits until it has.

    Raises `WeightsError` where it refuses, ends, stays silent, or reads with other weights than these.
    """
    until = time.monotonic() + PATIENCE
    asked = _await(lambda now: True, until)
    if asked is None:
        return
    try:
        reload_service()
    except PermissionError as error:
        raise WeightsError("not installed, for the service is another user's; run this with sudo") from error
    now = _await(lambda now: (now.pid, now.reloads) != (asked.pid, asked.reloads), until)
    if now is None:
        raise WeightsError("not installed, for the service ended with them")
    if now.weights.sha256 != sha256:
        why = now.refused or "its configuration names others (reading.weights)"
        raise WeightsError(f"not installed, for the service did not take them over: {why}")


def _or_back(install: Callable[[Callable[[str], None]], SelfTest]) -> SelfTest:
    asked = False

    def accepted(sha256: str) -> None:
        nonlocal asked
        asked = True
        take_over(sha256)

    try:
        return install(accepted)
    except WeightsError:
        if asked:  # it may have taken them over late, or be about to
            with suppress(PermissionError):
                reload_service()
        raise


def _await(wanted: Callable[[Health], bool], until: float) -> Health | None:
    """What the service says as soon as it is what is wanted; None if there is no service.

    Raises `WeightsError` when the time is over.
    """
    while time.monotonic() < until:
        process, now = running(), read_health()
        if process is None and not _comes_back():
            return None
        if now is not None and now.pid == process and wanted(now):
            return now
        time.sleep(_LOOK_EVERY)
    raise WeightsError("not installed, for the service does not say which weights it runs")


def _comes_back() -> bool:
    """Whether systemd is starting the service."""
    if shutil.which("systemctl") is None:
        return False
    command = ["systemctl", "show", "digit-appliance", "--property=ActiveState", "--value"]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return state in ("active", "activating", "reloading")
