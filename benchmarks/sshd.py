"""OpenSSH's server in place of Pis: each has a place of its own where it listens, and an environment."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def free_port() -> int:
    """One that nothing listens at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


class Sshd:
    """A server for each Pi, all with the same keys; a context manager."""

    def __init__(self, folder: Path) -> None:
        """Makes the keys. Raises `FileNotFoundError` without openssh-server."""
        if not SSHD:
            raise FileNotFoundError("sshd is missing: apt-get install openssh-server")
        self.folder = folder
        self._commands: list[list[str]] = []
        self._servers = ExitStack()
        for name in ("host", "key"):
            command: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
            subprocess.run(command, check=True)

    def add(self, **environment: object) -> int:
        """One more Pi on loopback, whose commands see this environment; before the start. Gives its port."""
        port = free_port()
        self.add_at("127.0.0.1", port, [], **environment)
        return port

    def add_at(self, address: str, port: int, inside: Sequence[str], **environment: object) -> None:
        """One more Pi, whose server is started by the command `inside`, in a network of its own."""
        values = " ".join(f'"{name}={value}"' for name, value in environment.items())
        config = self.folder / f"sshd-{len(self._commands)}"
        config.write_text(
            f"ListenAddress {address}:{port}\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/key.pub\nSetEnv {values}\n"
            "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nMaxStartups 500\n"
        )
        self._commands.append([*inside, str(SSHD), "-D", "-e", "-f", str(config)])

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in
        with ExitStack() as servers:
            for command in self._commands:
                log = Path(f"{command[-1]}.log")
                said = servers.enter_context(log.open("w"))
                process = servers.enter_context(subprocess.Popen(command, stderr=said))
                servers.callback(process.kill)
                while "Server listening" not in log.read_text():
                    if process.poll() is not None:
                        raise OSError(f"sshd ended: {log.read_text()}")
                    time.sleep(0.01)
            self._servers = servers.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def ssh(self, port: int, *options: str) -> str:
        """What a user would have set up for a Pi: its port, and the key to it."""
        words = ["ssh", "-F", "none", "-i", f"{self.folder}/key", "-p", str(port)]
        known = f"UserKnownHostsFile={self.folder}/known"
        options = ("StrictHostKeyChecking=accept-new", known, "LogLevel=ERROR", *options)
        return " ".join([*words, *(f"-o '{option}'" for option in options)])
