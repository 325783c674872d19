"""What this machine is."""

import re
import socket
from pathlib import Path


def model() -> str:
    """What the firmware calls this machine, such as `Raspberry Pi 5 Model B Rev 1.0`; empty on a PC."""
    try:
        return Path("/proc/device-tree/model").read_text(errors="replace").rstrip("\0")
    except OSError:
        return ""


def is_raspberry_pi() -> bool:
    """Whether pins and the Pi's camera are to be expected."""
    return model().startswith("Raspberry Pi")


def host_name() -> str:
    """What this machine is called among others, of letters, digits, - and _, such as `raspberrypi`."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0])[:63] or "appliance"


def temperature(thermal: Path = Path("/sys/class/thermal")) -> float | None:
    """The hottest that the kernel measures, in degrees Celsius; None where it measures nothing."""
    try:
        values = [path.read_text().strip() for path in thermal.glob("thermal_zone*/temp")]
    except OSError:
        return None
    return max((int(value) / 1000 for value in values if value.lstrip("-").isdigit()), default=None)
