"""What MQTT costs the service: frame rate and memory with it and without, in one run.

    python -m benchmarks.mqtt

Real service processes read the shipped frames as fast as they can, by turns with MQTT off and on; where it is
on, mosquitto is told every change and a picture each second. It needs Debian's package mosquitto.
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
            for state in runs:
                runs[state].append(_measure(Path(folder), state, port, seconds))
    table = Table("MQTT", "frames/s", "of without", "memory MB", "of without")
    without = [statistics.median(values) for values in _columns(runs["off"])]
    for state, measured in runs.items():
        fps, megabytes = (statistics.median(values) for values in _columns(measured))
        row = f"{fps:.1f}", f"{fps / without[0]:.3f}", f"{megabytes:.0f}", f"{megabytes / without[1]:.3f}"
        table.add_row(state, *row)
    print(f"medians of {rounds} processes, {seconds:g} s each")
    show(table)


def _columns(runs: list[Measured]) -> tuple[list[float], list[float]]:
    return [run.fps for run in runs], [run.megabytes for run in runs]


def _measure(folder: Path, state: str, port: int, seconds: float) -> Measured:
    host = "127.0.0.1" if state == "on" else ""
    (folder / "config.toml").write_text(
        f'[camera]\ndwell = 40\n[mqtt]\nhost = "{host}"\nport = {port}\nname = "bench"\npicture = 1\n'
    )
    environment = {"CONFIGURATION_DIRECTORY": str(folder), "DIGIT_APPLIANCE_STATE": str(folder)}
    command = [sys.executable, "-m", "appliance", "run", "--pins", "mock", "--loop"]
    process = subprocess.Popen(
        [*command, "--source", str(shipped.frames())],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        before = _health(folder, process.pid)
        time.sleep(seconds)
        after = _health(folder, process.pid)
        if state == "on" and not (after.mqtt or "").startswith("connected"):
            raise SystemExit(f"MQTT was not on: {after.mqtt}")
        fps = (after.frames - before.frames) / (after.time - before.time)
        return Measured(fps, _resident_kilobytes(process.pid) / 1024)
    finally:
        process.terminate()
        process.wait()


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
