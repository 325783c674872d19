"""The folder where the appliance keeps what it must remember, and the service that is using it.

The running service holds a lock on the file `pid`, so that other commands find it, and never mistake a
number left behind by a power cut for a process.
"""

import fcntl
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)


def state_folder() -> Path:
    """`$DIGIT_APPLIANCE_STATE`, else what systemd gives as `$STATE_DIRECTORY`, else `/var/lib/...`."""
    given = os.environ.get("DIGIT_APPLIANCE_STATE") or os.environ.get("STATE_DIRECTORY")
    return Path(given or "/var/lib/digit-appliance")


def runtime_folder() -> Path:
    """Where the running service says how it fares: what systemd gave it in /run, else the state's folder."""
    given = os.environ.get("DIGIT_APPLIANCE_STATE") or os.environ.get("RUNTIME_DIRECTORY")
    usual = Path("/run/digit-appliance")
    return Path(given) if given else usual if usual.is_dir() else state_folder()


@contextmanager
def hold_pid() -> Iterator[bool]:
    """Says that this process is the service, and gives whether it is.

    It is not where the folder cannot be written, or beside another.
    """
    try:
        descriptor = os.open(_pid_file(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        log.debug("no pid file: %s cannot be written", state_folder())
        yield False
        return
    try:
        if held := _lock(descriptor):
            with suppress(OSError):  # the lock stands though the disk be full
                os.truncate(descriptor, 0)
                os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        else:
            log.warning("another service (process %s) is running here", running())
        yield held
    finally:
        os.close(descriptor)


def running() -> int | None:
    """The process of the running service, or None."""
    try:
        descriptor = os.open(_pid_file(), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        number = os.pread(descriptor, 32, 0).strip()
        return int(number) if number.isdigit() else None
    finally:
        os.close(descriptor)


def reload_service() -> int | None:
    """Asks the running service to reload; gives its process, or None if none runs.

    Raises `PermissionError` if it is another user's.
    """
    process = running()
    if process is not None:
        os.kill(process, signal.SIGHUP)
    return process


def _pid_file() -> Path:
    return state_folder() / "pid"


def _lock(descriptor: int) -> bool:
    for _ in range(5):  # whoever only looks (see running) holds the lock for an instant
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.05)
    return False
