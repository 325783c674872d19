"""OpenSSH's server on loopback, in place of many Pis: each has a port and an environment of its own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Self

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

_MOST_PORTS = 16
"""At how many a process of OpenSSH's server listens at most."""


def free_port() -> int:
    """One that nothing listens at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


class Sshd:
    """A server for all Pis, with keys of its own; a context manager."""

    def __init__(self, folder: Path) -> None:
        """Makes the keys. Raises `FileNotFoundError` without openssh-server."""
        if not SSHD:
            raise FileNotFoundError("sshd is missing: apt-get install openssh-server")
        self.folder = folder
        self._pis: list[tuple[int, dict[str, str]]] = []
        for name in ("host", "key"):
            command: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
            subprocess.run(command, check=True)

    def add(self, **environment: object) -> int:
        """One more Pi, whose commands see this environment; before the start. Gives its port."""
        self._pis.append((free_port(), {name: str(value) for name, value in environment.items()}))
        return self._pis[-1][0]

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in
        with ExitStack() as parts:
            for first in range(0, len(self._pis), _MOST_PORTS):
                parts.enter_context(self._listening(self._pis[first : first + _MOST_PORTS]))
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    @contextmanager
    def _listening(self, pis: list[tuple[int, dict[str, str]]]) -> Iterator[None]:
        """One process of the server."""
        name = self.folder / f"sshd-{pis[0][0]}"
        config, log = name.with_suffix(".config"), name.with_suffix(".log")
        lines = [
            f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/key.pub",
            "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nMaxStartups 500",
            *(f"ListenAddress 127.0.0.1:{port}" for port, _ in pis),
        ]
        for port, environment in pis:
            values = " ".join(f'"{name}={value}"' for name, value in environment.items())
            lines += [f"Match LocalPort {port}", f"SetEnv {values}"]
        config.write_text("\n".join(lines) + "\n")
        command: list[str | Path] = [str(SSHD), "-D", "-e", "-f", config]
        with log.open("w") as said, subprocess.Popen(command, stderr=said) as process:
            try:
                while log.read_text().count("Server listening") < len(pis):
                    if process.poll() is not None:
                        raise OSError(f"sshd ended: {log.read_text()}")
                yield
            finally:
                process.kill()

    def ssh(self, port: int, *options: str) -> str:
        """What a user would have set up for a Pi: its port, and the key to it."""
        words = ["ssh", "-F", "none", "-i", f"{self.folder}/key", "-p", str(port)]
        known = f"UserKnownHostsFile={self.folder}/known"
        options = ("StrictHostKeyChecking=accept-new", known, "LogLevel=ERROR", *options)
        return " ".join([*words, *(f"-o '{option}'" for option in options)])
