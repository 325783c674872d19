"""What the service tells systemd: that it is ready and alive, in a word what it does, and its journal."""

import logging
import os
import sys
import time

from sdnotify import SystemdNotifier


class Systemd:
    """Notifications (see sd_notify(3)); none where nobody listens."""

    def __init__(self) -> None:
        notifier = SystemdNotifier()
        if notifier.socket:
            notifier.socket.settimeout(0.1)  # a systemd too busy to listen must not hold frames up
        self._notify = notifier.notify
        self._feed_every = int(os.environ.get("WATCHDOG_USEC") or 0) / 4e6
        self._fed_at = 0.0

    @property
    def listens(self) -> bool:
        """Whether systemd started this process and waits for what it says."""
        return bool(os.environ.get("NOTIFY_SOCKET"))

    def ready(self) -> None:
        """The start, or a reload, is done."""
        self._notify("READY=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end begins."""
        self._notify("STOPPING=1")

    def status(self, line: str) -> None:
        """One line for `systemctl status`."""
        self._notify(f"STATUS={' '.join(line.split())}")

    def feed_watchdog(self) -> None:
        """Says that a frame was processed; systemd hears it a few times in each watchdog period."""
        now = time.monotonic()
        if self._feed_every and now - self._fed_at >= self._feed_every:
            self._fed_at = now
            self._notify("WATCHDOG=1")


class JournalFormatter(logging.Formatter):
    """Lines without a time of their own, marked with their priority as the journal understands it."""

    def format(self, record: logging.LogRecord) -> str:
        priority = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6}.get(record.levelname, 7)
        return f"<{priority}>{super().format(record)}"


def is_journal(descriptor: int = 2) -> bool:
    """Whether `descriptor` leads to the journal (see `$JOURNAL_STREAM` in systemd.exec(5))."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def log_to_stderr() -> None:
    """Plain lines on standard error, without times; with priorities where that is the journal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JournalFormatter() if is_journal() else logging.Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
