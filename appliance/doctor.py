"""What works and what does not on this machine, each with what to do.

Every check imports what it looks at by itself, and what may crash or hang runs in a process of its own, so
that one broken part does not hide the others.
"""

import grp
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from appliance.config import Config, load_config
from appliance.errors import ConfigError, WeightsError
from appliance.machine import is_raspberry_pi, model
from appliance.state import state_folder

SERVICE = "digit-appliance"
HOT, SCORCHING = 70.0, 80.0
"""Degrees Celsius: where a case begins to need air, and where a Pi slows itself down."""

THROTTLED = {
    0: "under-voltage now",
    1: "slowed down now",
    2: "throttled now",
    3: "at its temperature limit now",
    16: "under-voltage since power-on",
    17: "slowed down since power-on",
    18: "throttled since power-on",
    19: "at its temperature limit since power-on",
}
"""The bits of `vcgencmd get_throttled` (Raspberry Pi documentation, "vcgencmd")."""

TRY_TORCH = "import torch; torch.nn.Conv2d(1, 4, 3)(torch.zeros(1, 1, 28, 28)); print(torch.__version__)"
LIST_CAMERAS = """
import json
from picamera2 import Picamera2
print(json.dumps([camera["Model"] for camera in Picamera2.global_camera_info()]))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fail`: the appliance cannot work so; `warn`: it can, for now or in part."""

    what: str
    state: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


def examine(config_file: Path | None) -> Iterator[Finding]:
    """Looks at everything, in the order in which it is needed."""
    yield _machine()
    torch = _torch()
    yield torch
    configuration, config = _configuration(config_file)
    yield configuration
    yield (
        _weights(config)
        if torch.state == "ok"
        else Finding("weights", "warn", "not looked at", "PyTorch first")
    )
    yield _camera(config.camera.source)
    yield from _pins()
    yield _service()
    yield _temperature()
    yield from _throttling()
    yield _disk()


def _machine() -> Finding:
    found = f"{model() or platform.system()}, {platform.machine()}, Python {platform.python_version()}"
    if sys.maxsize < 2**32:
        return Finding("machine", "fail", f"{found}, 32-bit", "PyTorch needs the 64-bit Raspberry Pi OS")
    return Finding("machine", "ok", found)


def _torch() -> Finding:
    process = _run(sys.executable, "-c", TRY_TORCH)
    if process.returncode == 0:
        return Finding("PyTorch", "ok", process.stdout.strip())
    if process.returncode < 0:
        found = f"dies of signal {-process.returncode} in its first convolution"
        return Finding(
            "PyTorch", "fail", found, "this build is not for this processor: run sudo ./install.sh again"
        )
    return Finding("PyTorch", "fail", _last_line(process), "run sudo ./install.sh again")


def _configuration(path: Path | None) -> tuple[Finding, Config]:
    try:
        config = load_config(path)
    except ConfigError as error:
        return Finding(
            "configuration", "fail", str(error), "mend the file; until then defaults are looked at"
        ), Config()
    return Finding("configuration", "ok", str(path or "defaults, for there is no file")), config


def _weights(config: Config) -> Finding:
    from appliance import network, weights

    best, *others = weights.candidates(config.reading)
    try:
        _, card = network.load(best)
    except WeightsError as error:
        advice = "install weights again, or digit-appliance weights rollback"
        return Finding("weights", "warn" if others else "fail", str(error), advice)
    return Finding("weights", "ok", f"{card.network} in {best}")


def _camera(source: str) -> Finding:
    if source == "picamera":
        return _picamera()
    if source.startswith("webcam"):
        nodes = sorted(path.name for path in Path("/dev").glob("video*"))
        if nodes or sys.platform != "linux":
            return Finding("camera", "ok", f"{source}: {', '.join(nodes) or 'see the system settings'}")
        return Finding("camera", "fail", f"{source}: no /dev/video*", "plug the webcam in")
    if Path(source).exists():
        return Finding("camera", "ok", f"recording {source}")
    return Finding("camera", "fail", f"{source} does not exist", "correct camera.source in the configuration")


def _picamera() -> Finding:
    needed: Literal["warn", "fail"] = "fail" if is_raspberry_pi() else "warn"
    if find_spec("picamera2") is None:
        advice = (
            "sudo apt install python3-picamera2"
            if needed == "fail"
            else "not a Pi: use --source webcam, or a folder"
        )
        return Finding("camera", needed, "picamera2 is not installed", advice)
    process = _run(sys.executable, "-c", LIST_CAMERAS)
    if process.returncode != 0:
        return Finding(
            "camera",
            needed,
            f"picamera2 fails: {_last_line(process)}",
            "sudo apt install --reinstall python3-picamera2",
        )
    models = json.loads(process.stdout.splitlines()[-1])
    if not models:
        advice = "power off, seat the ribbon cable at both ends, and try rpicam-hello --list-cameras"
        return Finding("camera", needed, "no camera is connected", advice)
    return Finding("camera", "ok", ", ".join(models))


def _pins() -> Iterator[Finding]:
    chips = sorted(Path("/dev").glob("gpiochip*"))
    if not is_raspberry_pi():
        yield Finding("pins", "warn", "not a Raspberry Pi", "pins can only be simulated here: --pins mock")
        return
    if find_spec("lgpio") is None:
        yield Finding("pins", "fail", "lgpio is not installed", "sudo apt install python3-lgpio")
    if not chips:
        yield Finding("pins", "fail", "no /dev/gpiochip*", "update the kernel: sudo apt full-upgrade")
    elif not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        yield Finding(
            "pins",
            "fail",
            f"{chips[0]} may not be used by this user",
            "sudo usermod -aG gpio $USER, and log in again",
        )
    else:
        yield Finding("pins", "ok", f"{', '.join(chip.name for chip in chips)}, lgpio")
    yield _groups()


def _groups() -> Finding:
    mine = {grp.getgrgid(group).gr_name for group in os.getgroups()}
    missing = [] if os.geteuid() == 0 else sorted({"gpio", "video"} - mine)
    if missing:
        advice = (
            f"sudo usermod -aG {','.join(missing)} $USER, and log in again (the service has its own user)"
        )
        return Finding("groups", "warn", f"this user is not in {' and '.join(missing)}", advice)
    return Finding("groups", "ok", "gpio and video")


def _service() -> Finding:
    if shutil.which("systemctl") is None:
        return Finding("service", "warn", "no systemd here", "start it by hand: digit-appliance run")
    keys = ("LoadState", "ActiveState", "UnitFileState", "NRestarts", "StatusText")
    process = _run("systemctl", "show", SERVICE, f"--property={','.join(keys)}")
    unit = dict(line.partition("=")[::2] for line in process.stdout.splitlines())
    if process.returncode != 0 or not unit:
        return Finding("service", "warn", _last_line(process), "systemd does not answer; is it running?")
    if unit["LoadState"] != "loaded":
        return Finding("service", "warn", "not installed", "on the Pi: sudo ./install.sh")
    found = f"{unit['ActiveState']}, {unit['UnitFileState']}, restarted {unit['NRestarts']} times"
    if unit["ActiveState"] != "active":
        return Finding(
            "service", "fail", found, f"journalctl -u {SERVICE} says why; then systemctl start {SERVICE}"
        )
    if unit["UnitFileState"] != "enabled":
        return Finding(
            "service", "warn", found, f"sudo systemctl enable {SERVICE}, so that it starts at boot"
        )
    return Finding("service", "ok", f"{found}: {unit['StatusText']}")


def _temperature() -> Finding:
    values = [_content(str(path)) for path in Path("/sys/class/thermal").glob("thermal_zone*/temp")]
    degrees = [int(value) / 1000 for value in values if value.strip().lstrip("-").isdigit()]
    if not degrees:
        return Finding("temperature", "ok", "not measured here")
    found = f"{max(degrees):.0f} °C"
    if max(degrees) < HOT:
        return Finding("temperature", "ok", found)
    slow = ", and slows itself down" if max(degrees) >= SCORCHING else ""
    return Finding("temperature", "warn", found + slow, "give it air, a heat sink or a fan")


def _throttling() -> Iterator[Finding]:
    if shutil.which("vcgencmd") is None:
        return
    process = _run("vcgencmd", "get_throttled")
    try:
        bits = int(process.stdout.strip().removeprefix("throttled="), 16)
    except ValueError:
        yield Finding("power", "warn", f"vcgencmd: {_last_line(process)}", "add this user to the group video")
        return
    told = [text for bit, text in THROTTLED.items() if bits >> bit & 1]
    if not told:
        yield Finding("power", "ok", "no under-voltage, not throttled")
    elif bits & 0x1_0001:
        yield Finding(
            "power", "warn", ", ".join(told), "use the official power supply and a short, thick cable"
        )
    else:
        yield Finding("power", "warn", ", ".join(told), "give it air, a heat sink or a fan")


def _disk() -> Finding:
    folder = state_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 2**20
    found = f"{free} MB free for {state_folder()}"
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return Finding(
            "disk", "warn", f"{folder} is read-only", "new weights cannot be installed: remount it writable"
        )
    if free < 20:
        return Finding("disk", "fail", found, "delete something: nothing can be installed or recorded")
    if free < 500:
        return Finding("disk", "warn", found, "delete something soon")
    return Finding("disk", "ok", found)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    """The command's result; one that cannot start or does not end within two minutes has failed."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{command[0]} does not end within two minutes")
    except OSError as error:
        return subprocess.CompletedProcess(command, 126, "", f"{command[0]}: {error.strerror}")


def _last_line(process: subprocess.CompletedProcess[str]) -> str:
    lines = (process.stderr or process.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit status {process.returncode}"


def _content(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
