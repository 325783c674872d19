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
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from appliance.config import Config, load_config
from appliance.errors import ConfigError, EngineError, WeightsError
from appliance.lastgood import last_good
from appliance.machine import is_raspberry_pi, model, temperature
from appliance.state import running, state_folder

SERVICE = "digit-appliance"
DEVICES = Path("/dev")
VIDEO = Path("/sys/class/video4linux")
THERMAL = Path("/sys/class/thermal")
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

UNDER_VOLTAGE = 1 << 0 | 1 << 16

AIR = "give it air, a heat sink or a fan"

TRY_TORCH = "import torch; torch.nn.Conv2d(1, 4, 3)(torch.zeros(1, 1, 28, 28)); print(torch.__version__)"
LIST_CAMERAS = """
import json
from picamera2 import Picamera2
print(json.dumps([[camera["Model"], camera["Id"]] for camera in Picamera2.global_camera_info()]))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fail`: the appliance cannot work so; `warn`: it can, for now or in part."""

    state: Literal["ok", "warn", "fail"]
    what: str
    found: str
    advice: str = ""


_ok, _warn, _fail = partial(Finding, "ok"), partial(Finding, "warn"), partial(Finding, "fail")


def examine(config_file: Path | None) -> Iterator[Finding]:
    """Looks at everything, in the order in which it is needed."""
    yield _machine()
    configuration, config = _configuration(config_file)
    yield configuration
    torch = _torch() if config.reading.engine == "torch" else _ok("PyTorch", "not needed")
    yield torch
    yield _weights(config) if torch.state == "ok" else _warn("weights", "not looked at", "PyTorch first")
    yield _camera(config.camera.source)
    yield from _pins()
    yield _service()
    yield from _last_errors()
    yield from _speed()
    yield from _mqtt(config)
    yield _temperature()
    yield from _throttling()
    yield _disk()


def _machine() -> Finding:
    parts = (
        model() or "no Raspberry Pi",
        _system(),
        platform.machine(),
        f"Python {platform.python_version()}",
    )
    found = ", ".join(parts)
    if sys.maxsize < 2**32:
        return _fail("machine", f"{found}, 32-bit", "PyTorch needs the 64-bit Raspberry Pi OS")
    return _ok("machine", found)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _torch() -> Finding:
    process = _run(sys.executable, "-c", TRY_TORCH)
    if process.returncode == 0:
        return _ok("PyTorch", process.stdout.strip())
    if process.returncode < 0:
        found = f"dies of signal {-process.returncode} in its first convolution"
        return _fail("PyTorch", found, "not built for this processor: run sudo ./install.sh again")
    return _fail("PyTorch", _last_line(process), "run sudo ./install.sh again")


def _configuration(path: Path | None) -> tuple[Finding, Config]:
    try:
        config = load_config(path)
    except ConfigError as error:
        advice = "mend it, then: sudo systemctl reload digit-appliance; until then what worked last is used"
        return _fail("configuration", str(error), advice), last_good() or Config()
    return _ok("configuration", str(path or "defaults, for there is no file")), config


def _weights(config: Config) -> Finding:
    from appliance import weights
    from appliance.engine import open_engine

    best, *others = weights.candidates(config.reading)
    try:
        card = open_engine(config.reading.engine, best).card
    except EngineError as error:
        return _fail("weights", str(error), "or set reading.engine in the configuration")
    except WeightsError as error:
        bad = _warn if others else _fail
        return bad("weights", str(error), "install others, or digit-appliance weights rollback")
    measured = f", {card.accuracies['test']:.2%} right on MNIST's test" if "test" in card.accuracies else ""
    return _ok("weights", f"{card.network} in {best}{measured}, run by {config.reading.engine}")


def _camera(source: str) -> Finding:
    if source == "picamera":
        return _picamera()
    if source.startswith("webcam"):
        nodes = [_video_device(path.name) for path in sorted(DEVICES.glob("video*"))]
        if nodes or sys.platform != "linux":
            return _ok("camera", f"{source}: {', '.join(nodes) or 'see the system settings'}")
        return _fail("camera", f"{source}: no /dev/video*", "plug the webcam in")
    if Path(source).exists():
        return _ok("camera", f"recording {source}")
    return _fail("camera", f"{source} does not exist", "correct camera.source in the configuration")


def _video_device(name: str) -> str:
    """The device with the driver behind it, as the kernel tells."""
    driver = VIDEO / name / "device" / "driver"
    return f"{name} by {driver.resolve().name}" if driver.exists() else name


def _picamera() -> Finding:
    if find_spec("picamera2") is None:
        if not is_raspberry_pi():
            return _warn("camera", "not a Raspberry Pi", "use --source webcam, or a folder of images")
        return _fail("camera", "picamera2 is not installed", "sudo apt install python3-picamera2")
    bad = _fail if is_raspberry_pi() else _warn
    process = _run(sys.executable, "-c", LIST_CAMERAS)
    if process.returncode != 0:
        found = f"picamera2 fails: {_last_line(process)}"
        return bad("camera", found, "sudo apt install --reinstall python3-picamera2")
    if cameras := json.loads(process.stdout.splitlines()[-1]):
        return _ok("camera", ", ".join(f"{model} by libcamera, at {place}" for model, place in cameras))
    advice = "power off, seat the ribbon cable at both ends, and try rpicam-hello --list-cameras"
    return bad("camera", "no camera is connected", advice)


def _pins() -> Iterator[Finding]:
    if not is_raspberry_pi():
        yield _warn("pins", "not a Raspberry Pi", "pins can only be simulated here: --pins mock")
        return
    chips = sorted(DEVICES.glob("gpiochip*"))
    if find_spec("lgpio") is None:
        yield _fail("pins", "lgpio is not installed", "sudo apt install python3-lgpio")
    elif not chips:
        yield _fail("pins", "no /dev/gpiochip*", "update the kernel: sudo apt full-upgrade")
    elif not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        advice = "sudo usermod -aG gpio $USER, and log in again"
        yield _fail("pins", f"this user may not use {chips[0]}", advice)
    else:
        yield _ok("pins", f"lgpio and {', '.join(chip.name for chip in chips)}")
    yield _groups()


def _groups() -> Finding:
    mine = set(os.getgroups())
    needed = [group for group in grp.getgrall() if group.gr_name in ("gpio", "video")]
    missing = [group.gr_name for group in needed if group.gr_gid not in mine and os.geteuid() != 0]
    if missing:
        advice = f"sudo usermod -aG {','.join(missing)} $USER, and log in again"
        return _warn("groups", f"this user is not in {' and '.join(missing)}", advice)
    return _ok("groups", "camera and pins are open to this user")


def _service() -> Finding:
    process = running()
    if shutil.which("systemctl") is None:
        if process:
            return _ok("service", f"at work, process {process}")
        return _warn("service", "no systemd here", "start it by hand: digit-appliance run")
    keys = ("LoadState", "ActiveState", "UnitFileState", "NRestarts")
    shown = _run("systemctl", "show", SERVICE, f"--property={','.join(keys)}")
    unit = dict(line.partition("=")[::2] for line in shown.stdout.splitlines())
    known = shown.returncode == 0 and all(key in unit for key in keys)
    if process and (not known or unit["ActiveState"] != "active"):
        return _ok("service", f"at work, process {process}, started by hand")
    if not known:
        return _warn("service", _last_line(shown), "systemd does not answer; is it running?")
    if unit["LoadState"] != "loaded":
        return _warn("service", "not installed", "on a Pi: sudo ./install.sh")
    at_work = f"at work, process {process}, " if process else ""
    found = f"{at_work}{unit['ActiveState']}, {unit['UnitFileState']}, restarted {unit['NRestarts']} times"
    if unit["ActiveState"] != "active":
        return _fail("service", found, f"journalctl -u {SERVICE} says why; then systemctl start {SERVICE}")
    if unit["UnitFileState"] != "enabled":
        return _warn("service", found, f"sudo systemctl enable {SERVICE}, so that it starts at boot")
    return _ok("service", found)


def _last_errors() -> Iterator[Finding]:
    """What the service complained of since yesterday; its lines say themselves what to do."""
    if shutil.which("journalctl") is None:
        return
    asked = ("--priority=err", "--since=-1day", "--lines=3", "--output=cat", "--quiet", "--no-pager")
    lines = _run("journalctl", f"--unit={SERVICE}", *asked).stdout.split("\n")
    if told := list(dict.fromkeys(line.strip() for line in lines if line.strip())):
        advice = f"journalctl -u {SERVICE} tells when, and what came before"
        yield _warn("last errors", " | ".join(told), advice)


def _speed() -> Iterator[Finding]:
    """What the running service says of itself."""
    from appliance.health import STALE_AFTER, read_health

    health, process = read_health(), running()
    if process is None:
        if health:
            advice = f"journalctl -u {SERVICE} says why"
            yield _warn("speed", f"the service is gone; it last spoke {health.age:.0f} s ago", advice)
    elif health is None:
        yield _warn("speed", "the service does not say yet", "look again in a moment")
    elif health.age > STALE_AFTER:
        advice = f"sudo systemctl restart {SERVICE}"
        yield _warn("speed", f"the service hangs: it last spoke {health.age:.0f} s ago", advice)
    elif health.fault:
        yield _warn("speed", f"no frames: {health.fault}", "see camera, above")
    else:
        read = f", {health.read_ms.median:.1f} ms a frame" if health.read_ms else ""
        light = f", light after {health.light_ms.median:.0f} ms" if health.light_ms else ""
        yield _ok("speed", f"{health.fps:.1f} frames/s{read}{light}; reads {health.text or 'nothing'}")


def _mqtt(config: Config) -> Iterator[Finding]:
    from appliance.health import read_health

    settings, health = config.mqtt, read_health()
    if not settings.host:
        return
    if running() is None or health is None:
        yield _warn(
            "MQTT", f"not connected to {settings.host}: the service is not at work", "see service, above"
        )
    elif health.mqtt is None:
        advice = f"sudo systemctl reload {SERVICE}"
        yield _warn("MQTT", "configured, but the service does not know yet", advice)
    elif health.mqtt.startswith("connected"):
        yield _ok("MQTT", health.mqtt)
    else:
        advice = (
            f"try it from here: mosquitto_sub -h {settings.host} -p {settings.port} -t '#' (see docs/home.md)"
        )
        yield _warn("MQTT", health.mqtt, advice)


def _temperature() -> Finding:
    degrees = temperature(THERMAL)
    if degrees is None:
        return _ok("temperature", "not measured here")
    if degrees < HOT:
        return _ok("temperature", f"{degrees:.0f} °C")
    slow = ", and slows itself down" if degrees >= SCORCHING else ""
    return _warn("temperature", f"{degrees:.0f} °C{slow}", AIR)


def _throttling() -> Iterator[Finding]:
    if shutil.which("vcgencmd") is None:
        return
    process = _run("vcgencmd", "get_throttled")
    try:
        bits = int(process.stdout.strip().removeprefix("throttled="), 16)
    except ValueError:
        yield _warn("power", f"vcgencmd: {_last_line(process)}", "add this user to the group video")
        return
    told = ", ".join(text for bit, text in THROTTLED.items() if bits >> bit & 1)
    if not told:
        yield _ok("power", "no under-voltage, not throttled")
    elif bits & UNDER_VOLTAGE:
        yield _warn("power", told, "use the official power supply and a short, thick cable")
    else:
        yield _warn("power", told, AIR)


def _disk() -> Finding:
    folder = state_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 2**20
    found = f"{free} MB free for {state_folder()}"
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return _warn("disk", f"{folder} is read-only", "mount it writable, to install weights")
    if free < 20:
        return _fail("disk", found, "delete something: nothing can be installed or recorded")
    if free < 500:
        return _warn("disk", found, "delete something soon")
    return _ok("disk", found)


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
