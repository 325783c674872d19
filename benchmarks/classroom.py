"""Sends weights to a classroom of simulated Pis and fetches their corrections: time and failures by number.

    python -m benchmarks.classroom [--numbers 1,10,50,200] [--services N] [--weights FILE]

Every Pi is an account behind a real sshd on loopback, with the real command `digit-appliance` and a state of
its own; as many as `--services` have the service at work besides. All of them share this computer, so the
seconds are those of its processors, not of the network; a Pi more costs what one Pi costs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from appliance import shipped
from appliance.corrections import Corrections
from benchmarks.options import SHIPPED, Weights
from benchmarks.sshd import Sshd
from training.many import with_each
from training.pull import pull
from training.push import pack, push
from training.remote import Host

REPOSITORY = Path(__file__).parent.parent
CORRECTED = 5
"""How many corrections each Pi has."""


@dataclass(frozen=True, slots=True)
class Pi:
    """A simulated one."""

    host: Host
    environment: dict[str, str]

    def service(self) -> subprocess.Popen[bytes]:
        """The service at work on it."""
        words = ["run", "--pins", "mock", "--source", str(shipped.frames()), "--loop", "--fps", "2"]
        return subprocess.Popen(
            [sys.executable, "-m", "appliance", *words],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def classroom(number: int, services: int) -> Iterator[list[Host]]:
    """So many Pis, with nothing installed yet."""
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        program = folder / "bin" / "digit-appliance"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m appliance "$@"\n')
        program.chmod(0o755)
        sshd = Sshd(folder)
        pis = [_pi(sshd, folder / f"pi{count}", program.parent) for count in range(1, number + 1)]
        parts.enter_context(sshd)
        for pi in pis[:services]:
            process = pi.service()
            parts.callback(process.wait)
            parts.callback(process.kill)
            while not Path(pi.environment["DIGIT_APPLIANCE_STATE"], "status.json").exists():
                if process.poll() is not None:
                    sys.exit("a service ended before it was at work")
        yield [pi.host for pi in pis]


def _pi(sshd: Sshd, state: Path, programs: Path) -> Pi:
    state.mkdir()
    # The engine that starts soonest: PyTorch's import would be most of what is measured.
    (state / "config.toml").write_text('reading.engine = "opencv"\n')
    rng = np.random.default_rng()
    for value in range(CORRECTED):
        crop, frame = (rng.integers(0, 256, size, dtype=np.uint8) for size in ((28, 28), (480, 640)))
        Corrections(folder=state / "corrections").keep(
            crop, frame, value=value, read=None, confidence=0.5, box=(0, 0, 9, 9), weights=""
        )
    environment = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(REPOSITORY),
        "DIGIT_APPLIANCE_STATE": str(state),
        "CONFIGURATION_DIRECTORY": str(state),
        "OMP_NUM_THREADS": "1",
    }
    return Pi(Host("127.0.0.1", sshd.ssh(sshd.add(**environment)), alone=False), environment)


def timed(hosts: list[Host], do: Callable[[Host], str]) -> str:
    """Seconds, and how many failed."""
    failed = []

    def counted(host: Host) -> str:
        try:
            return do(host)
        except Exception:
            failed.append(host)
            raise

    began = monotonic()
    with_each(hosts, counted, Console(quiet=True))
    return f"{monotonic() - began:.1f} s, {len(failed)} failed"


def main(
    numbers: Annotated[str, typer.Option(help="how many Pis, one try each")] = "1,10,50,200",
    services: Annotated[int, typer.Option(min=0, help="how many have the service at work")] = 4,
    weights: Weights = SHIPPED,
) -> None:
    """Prints the table."""
    sha256, archive = pack(weights)
    table = Table("Pis", "with a service", "push", "push again", "pull", "pull again", "corrections here")
    for number in map(int, numbers.split(",")):
        with classroom(number, services) as hosts, tempfile.TemporaryDirectory() as folder:
            send = partial(push, sha256=sha256, archive=archive)
            fetch = partial(pull, folder=Path(folder))
            cells = [timed(hosts, do) for do in (send, send, fetch, fetch)]
            came = len(list(Path(folder).iterdir()))
        table.add_row(str(number), str(min(number, services)), *cells, f"{came} of {number * CORRECTED}")
    Console(width=max(120, shutil.get_terminal_size().columns)).print(table)


if __name__ == "__main__":
    typer.run(main)
