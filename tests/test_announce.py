"""An appliance announces itself, and the laptop finds it: over real sockets on loopback."""

import signal
import threading
import zlib
from pathlib import Path

import pytest
from drawn import draw, save_frames, save_weights
from rich.console import Console
from running import Running

from appliance.corrections import Corrections
from appliance.vision import find_crops
from training import discover as module
from training.discover import Appliance, discover, table


def name_of(folder: Path) -> str:
    """One that no other test uses at the same time."""
    return f"pi-{zlib.crc32(str(folder).encode()):08x}"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    save_weights(tmp_path / "digits.pt")
    configure(tmp_path, "false")
    return tmp_path


def configure(folder: Path, enabled: str) -> None:
    lines = [f'reading.weights = "{folder}/digits.pt"', f"announce.enabled = {enabled}"]
    (folder / "config.toml").write_text("\n".join([*lines, f'announce.name = "{name_of(folder)}"']))


def keep(folder: Path, digit: str, value: int | None) -> None:
    crop = max(find_crops(draw(digit)), key=lambda crop: crop.box[3]).image
    store = Corrections(folder=folder / "corrections")
    store.keep(crop, draw(digit), value=value, read=3, confidence=0.9, box=(1, 2, 3, 4), weights="w")


def find(name: str) -> Appliance:
    """The appliance of that name, as soon as it answers; the test's own time limit ends the search."""
    while True:
        for one in discover(1.0):
            if one.host.startswith(name):
                return one


def test_an_appliance_is_found_with_its_weights_its_health_and_how_it_reads_its_corrections(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_resolves", lambda host: True)
    keep(machine, "4", 4)
    keep(machine, "7", 7)
    keep(machine, "7", 1)  # whoever says that is mistaken, and no weights will learn it
    frames = save_frames(machine / "frames", "7")
    name = name_of(machine)
    words = ("-m", "appliance", "run", "--pins", "mock", "--source", str(frames), "--loop", "--fps", "20")
    with Running(machine, *words) as running:
        running.wait_for("reads 7")
        configure(machine, "true")
        running.process.send_signal(signal.SIGHUP)
        found = find(name)
        assert found.host == f"{name}.local"
        assert found.weights.startswith("workshop-linear ")
        assert (found.right, found.corrections, found.health) == (2, 3, "ok")
        running.process.terminate()
        assert running.end() == 0
    assert name not in [one.host for one in discover(1.0)], "it says goodbye"


def test_a_search_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    discover(0.1)
    assert set(threading.enumerate()) <= before


def test_the_table_tells_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    well = Appliance("one.local", "0.1.0", "digitnet 0123456789ab", 17, 20, "ok")
    ill = Appliance("two.local", "0.1.0", "digitnet 0123456789ab", 0, 0, "webcam 0: [gone]")
    Console(width=120).print(table([well, ill]))
    shown = capsys.readouterr().out
    assert "17 of 20" in shown and "none kept" in shown and "webcam 0: [gone]" in shown
