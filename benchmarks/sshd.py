"""OpenSSH's server on loopback, in place of many Pis: each has a port and an environment of its own."""

import os
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Self

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def free_port() -> int:
    """One that nothing listens at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


class Sshd:
    """One server for all Pis, with keys of its own; a context manager."""

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
        lines = [
            f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/key.pub",
            "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nMaxStartups 500",
            *(f"ListenAddress 127.0.0.1:{port}" for port, _ in self._pis),
        ]
        for port, environment in self._pis:
            values = " ".join(f'"{name}={value}"' for name, value in environment.items())
            lines += [f"Match LocalPort {port}", f"SetEnv {values}"]
        config = self.folder / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        command: list[str | Path] = [str(SSHD), "-D", "-e", "-f", config]
        self._log = (self.folder / "sshd.log").open("w")
        self._process = subprocess.Popen(command, stderr=self._log)
        while (self.folder / "sshd.log").read_text().count("Server listening") < len(self._pis):
            if self._process.poll() is not None:
                raise OSError(f"sshd ended: {(self.folder / 'sshd.log').read_text()}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    def ssh(self, port: int, *options: str) -> str:
        """What a user would have set up for a Pi: its port, and the key to it."""
        words = ["ssh", "-F", "none", "-i", f"{self.folder}/key", "-p", str(port)]
        known = f"UserKnownHostsFile={self.folder}/known"
        options = ("StrictHostKeyChecking=accept-new", known, "LogLevel=ERROR", *options)
        return " ".join([*words, *(f"-o '{option}'" for option in options)])
