"""Runs in the machine of machine.py: does what is written to a port, a script a line."""

import contextlib
import json
import subprocess
import time
from pathlib import Path


def run(script: str, timeout: float) -> dict[str, object]:
    try:
        done = subprocess.run(
            ["bash", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as late:
        return {"status": 124, "output": (late.output or b"").decode(errors="replace")}
    return {"status": done.returncode, "output": done.stdout.decode(errors="replace")}


with Path("/dev/virtio-ports/rig").open("r+b", buffering=0) as port:

    def say(**what: object) -> None:
        line = json.dumps(what).encode() + b"\n"
        while line:
            line = line[port.write(line) or 0 :]

    say(up=True)
    heard = b""
    while True:
        heard += port.read(65536) or b""
        while b"\n" in heard:
            line, _, heard = heard.partition(b"\n")
            with contextlib.suppress(json.JSONDecodeError):  # what is left of a talk before a reboot
                asked = json.loads(line)
                say(number=asked["number"], **run(asked["script"], asked["timeout"]))
        if not heard:
            time.sleep(0.1)
