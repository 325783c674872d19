"""What befalls an appliance: killed, without room or memory, its clock set, fed garbage, at work for weeks.

`DIGIT_KILLS=100 DIGIT_FRAMES=1000000 pytest tests/test_faults.py` plays the long ones whole.
"""

import gc
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from drawn import draw, save_frames, save_weights
from gpiozero.pins.mock import MockFactory, MockPWMPin
from running import PATIENCE, Running

from appliance import health, service
from appliance.cameras import Camera
from appliance.config import Config, ReadingSettings, SteadySettings
from appliance.errors import SourceEndedError
from appliance.frame import Frame
from appliance.health import Monitor
from appliance.service import Options, Service
from appliance.signals import Requests
from appliance.simulated import SimulatedDisplay

pytestmark = pytest.mark.timeout(3 * PATIENCE if "DIGIT_FRAMES" not in os.environ else 0)

KILLS = int(os.environ.get("DIGIT_KILLS", "4"))
FRAMES = int(os.environ.get("DIGIT_FRAMES", "1500"))
UNIT = Path(__file__).parent.parent / "systemd/digit-appliance.service"


@pytest.fixture
def machine(tmp_path):
    """Weights that read drawn digits, a configuration, and frames that show a 7."""
    save_weights(tmp_path / "digits.pt")
    (tmp_path / "config.toml").write_text(f'[reading]\nweights = "{tmp_path}/digits.pt"\n')
    save_frames(tmp_path / "frames", "7")
    return tmp_path


def run_process(folder):
    source = str(folder / "frames")
    return Running(
        folder, "-m", "appliance", "run", "--pins", "mock", "--source", source, "--loop", "--fps", "30"
    )


def restarted(folder):
    (folder / "notify").unlink(missing_ok=True)
    return run_process(folder)


def test_killed_at_any_moment_it_starts_again_and_nothing_is_corrupt(machine):
    dice = random.Random(KILLS)
    before = (machine / "digits.pt").read_bytes()
    with run_process(machine) as running:
        began = time.monotonic()
        running.wait_for("segments abc")
        start = time.monotonic() - began
    for _ in range(KILLS):
        with restarted(machine) as running:
            time.sleep(dice.uniform(0, 1.5 * start))  # from before Python runs until well after it reads
            running.process.send_signal(signal.SIGKILL)
            assert running.process.wait(PATIENCE) == -signal.SIGKILL
    with restarted(machine) as running:
        running.wait_for("segments abc")
        running.process.terminate()
        assert running.end() == 0
    assert running.lines[-1] == "segments dark"
    assert "another service" not in "\n".join(running.lines)
    assert (machine / "digits.pt").read_bytes() == before
    assert json.loads((machine / "last-good.json").read_bytes())["reading"]["weights"]
    leftovers = {path.name for path in machine.iterdir()} - {"notify", "pid", "last-good.json"}
    whole = {"digits.pt", "digits.json", "config.toml", "frames", "token", "configurations"}
    # A kill in the middle of a write leaves the unfinished file, hidden, and never in place of the whole one.
    assert {name for name in leftovers if not name.startswith(".")} <= whole | {"status.json"}


def test_it_reads_within_the_memory_that_the_unit_allows(machine):
    allowed = int(re.search(r"^LimitDATA=(\d+)M$", UNIT.read_text(), re.MULTILINE)[1]) << 20
    with run_process(machine) as running:
        resource.prlimit(running.process.pid, resource.RLIMIT_DATA, (allowed, allowed))
        running.wait_for("segments abc")
        running.process.terminate()
        assert running.end() == 0


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="only root can mount a full disk"
)
@pytest.mark.parametrize("disk", ["full", "read-only"])
def test_it_reads_with_a_disk_that_takes_nothing(machine, disk):
    state = machine / "state"
    state.mkdir()
    spoil = {
        "full": f"dd if=/dev/zero of={state}/fill bs=4k 2>/dev/null; ! echo more >{state}/x 2>/dev/null",
        "read-only": f"mount -o remount,ro {state}",
    }[disk]
    script = f'mount -t tmpfs -o size=64k none {state} && {spoil} && exec "$@"'
    run = [sys.executable, "-m", "appliance", "run", "--pins", "mock", "--source", str(machine / "frames")]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", *run],
        env={**os.environ, "OMP_NUM_THREADS": "1", "DIGIT_APPLIANCE_STATE": str(state)}
        | {"CONFIGURATION_DIRECTORY": str(machine), "NOTIFY_SOCKET": str(machine / "nobody")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert "reads 7" in done.stderr
    assert done.stderr.splitlines()[-1] == "segments dark"


# --- In this process, faster than any camera --------------------------------------------------------


class Pictures(Camera):
    """Gives these pictures one after the other, over and over, until so many were given."""

    name = "pictures"

    def __init__(self, pictures, count):
        self._pictures, self._count, self._given = pictures, count, 0

    def read(self, timeout):
        if self._given == self._count:
            raise SourceEndedError("no more")
        self._given += 1
        gray = self._pictures[self._given % len(self._pictures)]
        return Frame(gray, self._given, time.monotonic_ns() + self._given * 33_000_000)

    def close(self):
        pass


@pytest.fixture
def at_work(tmp_path, monkeypatch):
    """Runs the service on pictures; gives what the display showed, after each of the last hundred."""
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    weights = str(save_weights(tmp_path / "digits.pt"))
    config = Config(reading=ReadingSettings(weights=weights), steady=SteadySettings(hold=0.1))
    factory = MockFactory(pin_class=MockPWMPin)
    display = SimulatedDisplay(config.indicators.seven_segment, factory)

    def run(pictures, count, observe=lambda moment: None):
        monkeypatch.setattr(service, "open_camera", lambda *_, **__: Pictures(pictures, count))
        shown = deque(maxlen=100)  # however many there are, this takes no more memory

        def forget(moment):
            """A simulated pin keeps every change it ever made; a real one keeps none."""
            if moment.frames % 1000 == 0:
                for pin in factory.pins.values():
                    pin.clear_states()

        observers = [observe, lambda moment: shown.append(display.character), forget]
        appliance = Service(Options(lambda: config, factory), Requests(), observers)
        with Monitor(appliance) as monitor:
            appliance.observe(monitor)
            appliance.run()
        assert display.lit == ""
        return list(shown)

    yield run
    factory.reset()


def test_frames_black_white_or_garbage_are_nothing_and_the_next_good_ones_are_read(at_work):
    dice = np.random.default_rng(0)
    good = draw("7")
    bad = {
        "black": np.zeros((480, 640), np.uint8),
        "white": np.full((480, 640), 255, np.uint8),
        "noise": dice.integers(0, 256, (480, 640), np.uint8),
        "stripes": np.tile(np.array([0, 255], np.uint8), (480, 320)),
        "gray": np.full((480, 640), 128, np.uint8),
        "one pixel": np.zeros((1, 1), np.uint8),
        "one line": np.zeros((1, 640), np.uint8),
    }
    for what, picture in bad.items():
        shown = at_work([good] * 20 + [picture] * 20 + [good] * 20, 60)
        assert set(shown[30:38]) <= {"", "7"}, what  # what was there may be held
        assert "" in shown[20:45], what
        assert shown[-2] == "7", what


def test_a_clock_that_jumps_by_years_changes_nothing(at_work, monkeypatch):
    today, jumps = time.time(), iter(range(10**6))
    monkeypatch.setattr(health.time, "time", lambda: today + (-1) ** next(jumps) * 20 * 365 * 86400)
    shown = at_work([draw("7")], 60)
    assert set(shown[6:]) == {"7"}


def open_descriptors():
    """Those that stay: a status file that is just being written is closed again, however slow the disk."""

    def look():
        time.sleep(0.02)
        return len(list(Path("/proc/self/fd").iterdir()))

    return min(look() for _ in range(100))


def test_memory_descriptors_and_threads_stay_flat(at_work):
    """Small frames, and every part at work on each: reading, steadying, showing, measuring."""
    half = {text: np.ascontiguousarray(draw(text)[::4, ::4]) for text in ("7", "42", "")}
    pictures = [half[text] for text in ("7", "42", "") for _ in range(10)]
    known: list[tuple[int, int, int]] = []
    looked_at = {FRAMES // 3, 2 * FRAMES // 3, FRAMES}

    def measure(moment):
        if moment.frames in looked_at:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            known.append(
                (
                    pages * resource.getpagesize(),
                    open_descriptors(),
                    threading.active_count(),
                )
            )

    shown = at_work(pictures, FRAMES, measure)
    assert {"7", "4", ""} <= set(shown)
    memory, descriptors, threads = zip(*known, strict=True)
    assert memory[-1] - memory[0] < 8 << 20, f"grew by {(memory[-1] - memory[0]) >> 10} KB in {FRAMES} frames"
    assert len(set(descriptors)) == 1 and len(set(threads)) == 1
