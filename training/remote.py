"""A Raspberry Pi as OpenSSH reaches it: the user's own keys, agent and configuration."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryFile
from typing import IO, Any, cast

from training.errors import TrainingError

COMMAND = "ssh"
PATIENT = ("-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=6")
"""A Pi that answers nothing for a minute is gone."""

_CONNECTION, _NOT_FOUND = 255, 127


class RemoteError(TrainingError):
    """A Pi cannot be reached, or something failed there."""


@dataclass(frozen=True, slots=True)
class Host:
    """One Pi: `NAME`, `USER@NAME`, or whatever the user's ssh configuration knows."""

    name: str
    ssh: str = COMMAND
    """The command with options of the user's, such as `ssh -p 2222`."""
    password: str | None = field(default=None, repr=False)
    """For sudo there; None where it asks for none."""
    alone: bool = True
    """Whether ssh may ask the user: not while several Pis are talked to at once."""

    def run(self, *words: str, given: bytes = b"") -> str:
        """What `digit-appliance WORDS...` says there. Raises `RemoteError` with the reason if it fails."""
        return self._run(f"digit-appliance {shlex.join(words)}", given)

    def run_as_root(self, *words: str, given: bytes = b"") -> str:
        """As `run`, as root."""
        command = f"digit-appliance {shlex.join(words)}"
        if self.password is None:
            return self._run(f'[ "$(id -u)" = 0 ] && exec {command}; exec sudo -n {command}', given)
        return self._run(f"exec sudo -k -S -p '' {command}", self.password.encode() + b"\n" + given)

    @contextmanager
    def stream(self, *words: str) -> Iterator[IO[bytes]]:
        """What `digit-appliance WORDS...` writes there, as it comes. Raises as `run`, at the end."""
        command = self._words(f"digit-appliance {shlex.join(words)}")
        with TemporaryFile() as said:
            process = self._start(command, stdin=DEVNULL, stdout=PIPE, stderr=said)
            with process, cast(IO[bytes], process.stdout) as output:
                yield output
            said.seek(0)
            self._check(process.returncode, said.read())

    def _run(self, command: str, given: bytes) -> str:
        with self._start(self._words(command), stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
            output, said = process.communicate(given)
        self._check(process.returncode, said)
        return output.decode(errors="replace")

    def _start(self, words: list[str], **pipes: Any) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(words, **pipes)
        except OSError as error:
            raise RemoteError(f"{words[0]}: cannot be started ({error.strerror}); install OpenSSH") from error

    def _check(self, status: int, said: bytes) -> None:
        if status == 0:
            return
        last = (said.decode(errors="replace").strip().splitlines() or [f"exit status {status}"])[-1]
        if status == _NOT_FOUND:
            last = "digit-appliance is not installed there: sudo ./install.sh"
        elif status == _CONNECTION:
            last = f"no connection, or it broke ({last}); run this again"
        elif last.startswith("sudo:"):
            last = f"sudo wants a password there ({last}); give --ask-sudo"
        raise RemoteError(f"{self.name}: {last.removeprefix('digit-appliance: ')}")

    def _words(self, command: str) -> list[str]:
        quiet = () if self.alone else ("-o", "BatchMode=yes")
        remote = f"sh -c {shlex.quote(command)}"  # whatever shell the user has there
        return [*shlex.split(self.ssh), *PATIENT, *quiet, "-T", "--", self.name, remote]
