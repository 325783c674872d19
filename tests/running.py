"""The appliance as a real process: what it says, line by line, and what it tells systemd."""

import os
import queue
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

PATIENCE = 200
"""Seconds after which a test gives up; nothing is measured by it."""


class Running:
    """`python ARGUMENTS...`; a context manager that leaves no process behind."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._notify.settimeout(PATIENCE)
        known = {
            "OMP_NUM_THREADS": "1",
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": "1000000",
            "CONFIGURATION_DIRECTORY": str(folder),
            "DIGIT_APPLIANCE_STATE": str(folder),
            "PYTHONPATH": str(Path(__file__).parent),
        }
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | known | environment,
        )
        self._coming: queue.Queue[str | None] = queue.Queue()
        self.lines: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._notify.close()

    def _listen(self) -> None:
        for line in self.process.stderr:
            self._coming.put(line.rstrip("\n"))
        self._coming.put(None)

    def wait_for(self, wanted: str) -> str:
        """The first line from here on that holds `wanted`."""
        while True:
            line = self._coming.get(timeout=PATIENCE)
            if line is None:
                raise AssertionError(f"it ended without saying {wanted!r}: {self.lines}")
            self.lines.append(line)
            if wanted in line:
                return line

    def end(self) -> int:
        """Waits until it has ended, keeping all of its lines; gives the exit status."""
        while (line := self._coming.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return self.process.wait(PATIENCE)

    def notified(self, wanted: str) -> list[str]:
        """What systemd was told, up to and with the first message that begins with `wanted`."""
        messages = [self._notify.recv(4096).decode()]
        while not messages[-1].startswith(wanted):
            messages.append(self._notify.recv(4096).decode())
        return messages

    def all_notified(self) -> list[str]:
        """What systemd was told and has not been looked at yet."""
        self._notify.setblocking(False)
        messages = []
        try:
            while True:
                messages.append(self._notify.recv(4096).decode())
        except BlockingIOError:
            return messages
