"""What MQTT costs the service: frame rate and memory with it and without, in one run.

    python -m benchmarks.mqtt

Real service processes read the shipped frames as fast as they can, in pairs of one without and one with it:
whatever else the machine does meets both. Where it is on, mosquitto is told every change and a picture each
second. It needs Debian's package mosquitto.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from appliance import shipped
from appliance.health import Health
from benchmarks.tables import show

Rounds = Annotated[int, typer.Option(min=1, help="how many processes with and without")]
Seconds = Annotated[float, typer.Option(min=1, help="how long each is measured")]


@dataclass(frozen=True, slots=True)
class Measured:
    """One process."""

    fps: float
    megabytes: float


def main(rounds: Rounds = 3, seconds: Seconds = 15.0) -> None:
    """Measures and prints a table."""
    runs: dict[str, list[Measured]] = {"off": [], "on": []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        port = _free_port()
        stack.callback(_broker(Path(folder), port).terminate)
        for _ in range(rounds):
            for state, measured in _measure(Path(folder), port, seconds).items():
                runs[state].append(measured)
    table = Table("MQTT", "frames/s", "of without", "memory MB", "of without")
    for state, measured in runs.items():
        fps, of_fps, megabytes, of_megabytes = _medians(measured, runs["off"])
        table.add_row(state, f"{fps:.1f}", f"{of_fps:.3f}", f"{megabytes:.0f}", f"{of_megabytes:.3f}")
    print(f"medians of {rounds} pairs of processes, {seconds:g} s each")
    show(table)


def _medians(runs: list[Measured], without: list[Measured]) -> tuple[float, float, float, float]:
    """Frames a second, as a share of the same pair's without, megabytes, and as a share."""
    pairs = list(zip(runs, without, strict=True))
    return (
        statistics.median(one.fps for one in runs),
        statistics.median(one.fps / other.fps for one, other in pairs),
        statistics.median(one.megabytes for one in runs),
        statistics.median(one.megabytes / other.megabytes for one, other in pairs),
    )


def _measure(folder: Path, port: int, seconds: float) -> dict[str, Measured]:
    """A process without and one with MQTT, both at once."""
    with ExitStack() as stack:
        processes = {state: _started(folder / state, state, port, stack) for state in ("off", "on")}
        before = {state: _health(folder / state, process.pid) for state, process in processes.items()}
        time.sleep(seconds)
        measured = {}
        for state, process in processes.items():
            after = _health(folder / state, process.pid)
            if state == "on" and not (after.mqtt or "").startswith("connected"):
                raise SystemExit(f"MQTT was not on: {after.mqtt}")
            fps = (after.frames - before[state].frames) / (after.time - before[state].time)
            measured[state] = Measured(fps, _resident_kilobytes(process.pid) / 1024)
        return measured


def _started(folder: Path, state: str, port: int, stack: ExitStack) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    host = "127.0.0.1" if state == "on" else ""
    (folder / "config.toml").write_text(
        f'[camera]\ndwell = 40\n[mqtt]\nhost = "{host}"\nport = {port}\nname = "bench"\npicture = 1\n'
    )
    environment = {
        "CONFIGURATION_DIRECTORY": str(folder),
        "DIGIT_APPLIANCE_STATE": str(folder),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "appliance", "run", "--pins", "mock", "--loop", "--listen", "off"]
    process = subprocess.Popen(
        [*command, "--source", str(shipped.frames())],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _health(folder: Path, pid: int) -> Health:
    """What the process says of itself, once it has read some frames."""
    while True:
        try:
            health = msgspec.json.decode((folder / "status.json").read_bytes(), type=Health)
            if health.pid == pid and health.frames > 100:
                return health
        except FileNotFoundError:
            pass
        time.sleep(0.1)


def _resident_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def _broker(folder: Path, port: int) -> subprocess.Popen[bytes]:
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed: sudo apt-get install mosquitto")
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    return subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    typer.run(main)
