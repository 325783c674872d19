"""A real MQTT broker, and a real client that watches it: Debian's mosquitto and mosquitto_sub."""

import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import pytest

PATIENCE = 60
"""Seconds after which a test gives up; nothing is measured by it."""

SBIN = f"{os.environ['PATH']}:/usr/sbin"
needed = pytest.mark.skipif(
    not shutil.which("mosquitto", path=SBIN) or not shutil.which("mosquitto_sub"),
    reason="needs Debian's mosquitto and mosquitto-clients",
)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Mosquitto:
    """The broker; a context manager that leaves no process behind. It may be stopped and started again."""

    def __init__(self, folder: Path, *lines: str, client: tuple[str, ...] = ()) -> None:
        """`lines` are added to its configuration; `client` is what its clients need to be let in."""
        self.port = free_port()
        self._client = client
        self._configuration = folder / f"mosquitto-{self.port}.conf"
        known = [f"listener {self.port} 127.0.0.1", "user root", *(lines or ("allow_anonymous true",))]
        self._configuration.write_text("\n".join(known) + "\n")
        self.start()

    @classmethod
    def guarded(cls, folder: Path) -> Self:
        """One that lets only `pi` in, with the password `secret`."""
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "pi", "secret"], check=True)
        passwords.chmod(0o644)
        lines = ("allow_anonymous false", f"password_file {passwords}")
        return cls(folder, *lines, client=("-u", "pi", "-P", "secret"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        command = [str(shutil.which("mosquitto", path=SBIN)), "-c", str(self._configuration)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"mosquitto does not start: {command}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def command(self, program: str, *arguments: str) -> list[str]:
        return [program, "-h", "127.0.0.1", "-p", str(self.port), "-V", "5", *self._client, *arguments]

    def publish(self, topic: str, payload: str | bytes, *arguments: str) -> None:
        data = payload.encode() if isinstance(payload, str) else payload
        what = "-s" if data else "-n"
        command = self.command("mosquitto_pub", "-t", topic, "-q", "1", what, *arguments)
        subprocess.run(command, input=data, check=True, timeout=PATIENCE)

    def watch(self, *topics: str) -> "Watcher":
        """A watcher of these topics, or of all of them."""
        wanted = [word for topic in topics or ("#",) for word in ("-t", topic)]
        return Watcher(self.command("mosquitto_sub", *wanted, "-q", "1", "-F", "%r %t %x"))

    def retained(self, topic: str) -> bytes | None:
        """What a client that comes now is told at once; None for nothing."""
        with self.watch(topic, "test/now") as watcher:
            self.publish("test/now", "")
            watcher.wait_for("test/now")
        return next((seen.payload for seen in watcher.seen if seen.topic == topic), None)


class Seen(NamedTuple):
    """A message that came to the watcher; `old` if it was retained before that began."""

    topic: str
    payload: bytes
    old: bool


class Watcher:
    """Everything that comes to a subscriber; a context manager, in which it has subscribed."""

    def __init__(self, command: list[str]) -> None:
        self._coming: queue.Queue[Seen | None] = queue.Queue()
        self.seen: list[Seen] = []
        # It says that it has subscribed only among other words.
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", *command, "-d"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._subscribed = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        assert self._subscribed.wait(PATIENCE), "mosquitto_sub was not let in"
        return self

    def __exit__(self, *_: object) -> None:
        # Not asked to end: it disconnects in its signal handler, and may wait there for itself for ever.
        self._process.kill()
        self._process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        while (seen := self._coming.get()) is not None:
            self.seen.append(seen)

    def _listen(self) -> None:
        for line in self._process.stdout:
            if line.startswith("Subscribed"):
                self._subscribed.set()
            elif line[:2] in ("0 ", "1 ") and line.endswith("\n"):  # the last may be cut off
                old, topic, payload = line.rstrip("\n").split(" ")
                self._coming.put(Seen(topic, bytes.fromhex(payload), old == "1"))
        self._coming.put(None)

    def wait_for(self, topic: str, wanted: bytes | Callable[[bytes], object] | None = None) -> Seen:
        """The next message on a topic that is `wanted`."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                seen = self._coming.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{topic} {wanted!r} did not come: {self.texts()}") from None
            if seen is None:
                raise AssertionError(f"the watcher ended: {self.texts()}")
            self.seen.append(seen)
            if seen.topic != topic:
                continue
            if wanted is None or (wanted(seen.payload) if callable(wanted) else seen.payload == wanted):
                return seen

    def texts(self) -> list[tuple[str, bytes]]:
        """What came so far, cut short."""
        return [(seen.topic, seen.payload[:60]) for seen in self.seen]
