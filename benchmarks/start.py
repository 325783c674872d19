"""How the service starts, what memory it needs and how fast its network is, engine by engine.

    python -m benchmarks.start [--runs N]

Each run is a process of its own on the recorded frames with simulated pins, as systemd would start it.
Processor time is told beside the clock's, since it does not depend on what else the machine does.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.table import Table

from appliance import shipped
from appliance.config import EngineName
from appliance.engine import open_engine
from benchmarks.tables import show

ENGINES: tuple[EngineName, ...] = ("torch", "opencv", "onnxruntime")
IMPORTS = ("torch", "cv2", "numpy", "onnxruntime", "gpiozero", "PIL", "rich", "typer", "msgspec", "starlette")
"""What is worth naming in the breakdown; the page's and MQTT's should not show up at all."""

CROPS = (1, 4, 12, 48)
"""How many at once the network is timed with."""

_PATIENCE = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds by the clock and of processor time until READY and until the first reading; MB at its peak."""

    ready: tuple[float, float]
    reading: tuple[float, float]
    peak: float


def main(runs: Annotated[int, typer.Option(min=1, help="processes of each engine")] = 3) -> None:
    """Starts the service again and again, then asks Python what its imports took."""
    table = Table("engine", "READY, s", "of processor", "first reading, s", "of processor", "peak MB")
    for engine in ENGINES:
        started = [start(engine) for _ in range(runs)]
        cells = [np.median([value(one) for one in started]) for value in _VALUES]
        table.add_row(engine, *(f"{cell:.2f}" for cell in cells[:4]), f"{cells[4]:.0f}")
    show(table)
    table = Table("engine", *(f"{count} crops" for count in CROPS), title="milliseconds of one thread")
    for engine in ENGINES:
        table.add_row(engine, *(f"{1000 * forward(engine, count):.2f}" for count in CROPS))
    show(table)
    table = Table("import", *ENGINES, title="seconds of importing, what each brings along included")
    found = {engine: imports(engine) for engine in ENGINES}
    for name in IMPORTS:
        table.add_row(
            name, *(f"{found[engine][name]:.2f}" if name in found[engine] else "-" for engine in ENGINES)
        )
    show(table)


_VALUES = (
    lambda one: one.ready[0],
    lambda one: one.ready[1],
    lambda one: one.reading[0],
    lambda one: one.reading[1],
    lambda one: one.peak,
)


def start(engine: str) -> Start:
    """One process, from its start to its first reading."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(f"{folder}/notify")
        notify.settimeout(_PATIENCE)
        began = time.perf_counter()
        with _process(engine, Path(folder)) as process:
            ready = reading = None
            while reading is None:
                told = notify.recv(4096).decode()
                now = time.perf_counter() - began, _processor_seconds(process.pid)
                if told == "READY=1":
                    ready = now
                elif told.startswith("STATUS=reads "):
                    reading = now
            peak = _peak_mb(process.pid)
            process.terminate()
        assert ready is not None
        return Start(ready, reading, peak)


def forward(engine: EngineName, count: int) -> float:
    """The median seconds of one thread in which the shipped network judges so many crops."""
    run = open_engine(engine, shipped.models() / "digits.pt")
    cv2.setNumThreads(1)
    crops = np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)
    took = []
    for _ in range(60):
        started = time.thread_time()
        run(crops)
        took.append(time.thread_time() - started)
    return float(np.median(took[10:]))


def imports(engine: str) -> dict[str, float]:
    """What Python says of the seconds that importing took, by package."""
    options = "-X", "importtime"
    with (
        tempfile.TemporaryDirectory() as folder,
        _process(engine, Path(folder), *options, once=True) as process,
    ):
        _, told = process.communicate(timeout=_PATIENCE)
    line = re.compile(r"import time: +\d+ \| +(\d+) \| +(\S+)")
    return {found[2]: int(found[1]) / 1e6 for found in line.finditer(told) if found[2] in IMPORTS}


def _process(engine: str, folder: Path, *options: str, once: bool = False) -> "subprocess.Popen[str]":
    (folder / "config.toml").write_text(f'[reading]\nengine = "{engine}"\n[camera]\ndwell = 1\n')
    source = next(shipped.frames().glob("*.jpg")) if once else shipped.frames()
    arguments = ["-m", "appliance", "run", "--pins", "mock", "--source", str(source)]
    environment = {
        "NOTIFY_SOCKET": str(folder / "notify"),
        "CONFIGURATION_DIRECTORY": str(folder),
        "DIGIT_APPLIANCE_STATE": str(folder),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, *options, *arguments],
        stderr=subprocess.PIPE if options else subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
    )


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


if __name__ == "__main__":
    typer.run(main)
