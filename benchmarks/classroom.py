"""Finds a classroom of simulated Pis, sends weights, fetches corrections: time and failures by number.

    sudo .venv/bin/python -m benchmarks.classroom [--numbers 1,10,50,200] [--services N] [--weights FILE]

Every Pi is a network namespace with an address of its own, at one switch with the others and this laptop. In
it are a real sshd, and the real command `digit-appliance` with a state of its own. As many as `--services`
have the service at work besides, and announce it. All of them share this computer, so the seconds are those
of its processors, not of the network; a Pi more costs what one Pi costs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from appliance import shipped
from appliance.corrections import Corrections
from benchmarks.options import SHIPPED, Weights
from benchmarks.sshd import Sshd
from training.discover import SECONDS, discover
from training.many import with_each
from training.pull import pull
from training.push import pack, push
from training.remote import Host

REPOSITORY = Path(__file__).parent.parent
CORRECTED = 5
"""How many corrections each Pi has."""
NETWORK = list(IPv4Network("198.18.0.0/15").subnets(new_prefix=24))[os.getpid() % 512]
"""One of those set aside for benchmarks (RFC 2544); the first address is this laptop's."""
NAME = f"pi{os.getpid()}"
"""What the names of namespaces and devices begin with."""
MOST = 250
"""Pis in such a network."""


@dataclass(frozen=True, slots=True)
class Pi:
    """A simulated one: the name of its namespace, how it is reached, and what its commands see."""

    name: str
    host: Host
    environment: dict[str, str]

    @property
    def inside(self) -> list[str]:
        """What runs a command in its network."""
        return ["ip", "netns", "exec", self.name]

    def service(self) -> subprocess.Popen[bytes]:
        """The service at work on it."""
        words = ["run", "--pins", "mock", "--source", str(shipped.frames()), "--loop", "--fps", "0.2"]
        return subprocess.Popen(
            [*self.inside, sys.executable, "-m", "appliance", *words, "--listen", "off"],
            cwd=self.environment["PYTHONPATH"],  # where Python looks first
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def at_work(self) -> bool:
        """Whether its service has said so."""
        return Path(self.environment["DIGIT_APPLIANCE_STATE"], "status.json").exists()


@contextmanager
def classroom(number: int, services: int, release: Path = REPOSITORY) -> Iterator[list[Pi]]:
    """So many Pis with this release of the appliance, and no weights installed yet."""
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        program = folder / "bin" / "digit-appliance"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m appliance "$@"\n')
        program.chmod(0o755)
        sshd = Sshd(folder)
        pis = [_pi(sshd, count, release) for count in range(1, number + 1)]
        parts.enter_context(_switch(pis))
        for pi in pis:
            sshd.add_at(pi.host.name, 22, pi.inside, **pi.environment)
        parts.enter_context(sshd)
        for pi in pis[:services]:
            process = pi.service()
            parts.callback(process.wait)
            parts.callback(process.kill)
            while not pi.at_work:
                if process.poll() is not None:
                    sys.exit("a service ended before it was at work")
                time.sleep(0.05)
        yield pis


@contextmanager
def _switch(pis: list[Pi]) -> Iterator[None]:
    """A cable from each Pi to the switch."""
    with ExitStack() as undo:
        _ip("link", "add", NAME, "type", "bridge", "mcast_snooping", "0")
        undo.callback(_ip, "link", "delete", NAME)
        _ip("address", "add", f"{NETWORK[1]}/24", "dev", NAME)
        _ip("link", "set", NAME, "up")
        for pi in pis:
            _ip("netns", "add", pi.name)
            undo.callback(_ip, "netns", "delete", pi.name)
            _ip("link", "add", pi.name, "type", "veth", "peer", "name", "eth0", "netns", pi.name)
            # With its namespace it would go as well, but some time later.
            undo.callback(_ip, "link", "delete", pi.name)
            _ip("link", "set", pi.name, "master", NAME, "up")
            _ip("-n", pi.name, "address", "add", f"{pi.host.name}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", pi.name, "link", "set", device, "up")
        yield


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _pi(sshd: Sshd, count: int, release: Path) -> Pi:
    name = f"{NAME}-{count}"
    state = sshd.folder / name
    state.mkdir()
    # The engine that starts soonest: PyTorch's import would be most of what is measured.
    settings = f'reading.engine = "opencv"\nannounce.enabled = true\nannounce.name = "{name}"\n'
    (state / "config.toml").write_text(settings)
    rng = np.random.default_rng()
    for value in range(CORRECTED):
        crop, frame = (rng.integers(0, 256, size, dtype=np.uint8) for size in ((28, 28), (480, 640)))
        Corrections(folder=state / "corrections").keep(
            crop, frame, value=value, read=None, confidence=0.5, box=(0, 0, 9, 9), weights=""
        )
    environment = {
        "PATH": f"{sshd.folder}/bin:/usr/bin:/bin",
        "PYTHONPATH": str(release),
        "DIGIT_APPLIANCE_STATE": str(state),
        "CONFIGURATION_DIRECTORY": str(state),
        "OMP_NUM_THREADS": "1",
    }
    return Pi(name, Host(str(NETWORK[1 + count]), sshd.ssh(22), alone=False), environment)


def found(hosts: list[Host]) -> str:
    """How many of them are found, and in how many seconds."""
    began = time.monotonic()
    names = {one.host for one in discover(SECONDS)} & {host.name for host in hosts}
    return f"{len(names)} in {time.monotonic() - began:.1f} s"


def timed(hosts: list[Host], do: Callable[[Host], str]) -> str:
    """Seconds, and how many failed."""
    failed = []

    def counted(host: Host) -> str:
        try:
            return do(host)
        except Exception:
            failed.append(host)
            raise

    began = time.monotonic()
    with_each(hosts, counted, Console(quiet=True))
    return f"{time.monotonic() - began:.1f} s, {len(failed)} failed"


def main(
    numbers: Annotated[str, typer.Option(help="how many Pis, one try each")] = "1,10,50,200",
    services: Annotated[int, typer.Option(min=0, help="how many at most have the service at work")] = 200,
    weights: Weights = SHIPPED,
) -> None:
    """Prints the table."""
    if os.geteuid() != 0:
        sys.exit("only root may make networks: sudo .venv/bin/python -m benchmarks.classroom")
    sha256, archive = pack(weights)
    titles = (
        "Pis",
        "with a service",
        "found",
        "push",
        "push again",
        "pull",
        "pull again",
        "corrections here",
    )
    table = Table(*titles)
    for number in map(int, numbers.split(",")):
        with classroom(min(number, MOST), services) as pis, tempfile.TemporaryDirectory() as folder:
            hosts = [pi.host for pi in pis]
            send = partial(push, sha256=sha256, archive=archive)
            fetch = partial(pull, folder=Path(folder))
            cells = [found(hosts)]
            for do in (send, send, fetch, fetch):
                cells.append(timed(hosts, do))
                print(f"{len(pis)} Pis: {titles[1 + len(cells)]} {cells[-1]}", file=sys.stderr)
            came = len(list(Path(folder).iterdir()))
        of = len(pis) * CORRECTED
        table.add_row(str(len(pis)), str(min(len(pis), services)), *cells, f"{came} of {of}")
    Console(width=max(140, shutil.get_terminal_size().columns)).print(table)


if __name__ == "__main__":
    typer.run(main)
