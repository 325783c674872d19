"""Run as a script, `hanging_camera.py WHERE CONFIG`: the service with a camera whose driver hangs.

It shows a 7, then hangs where `WHERE` says. Changes of simulated pins are said on standard error.
"""

import sys
import time
from pathlib import Path

from drawn import draw
from gpiozero.pins.mock import MockFactory, MockPWMPin

from appliance import service
from appliance.cameras import Camera, CameraHungError
from appliance.config import load_config
from appliance.errors import CameraError
from appliance.frame import Frame
from appliance.signals import Requests
from appliance.systemd import log_to_stderr


def say(line):
    print(line, file=sys.stderr, flush=True)


class TellingPin(MockPWMPin):
    def _change_state(self, value):
        changed = super()._change_state(value)
        if changed:
            say(f"{self.info.name} {'on' if value else 'off'}")
        return changed


class Hanging(Camera):
    name = "hanging"

    def __init__(self, where):
        self._where = where
        self._sequence = 0

    def read(self, timeout):
        self._sequence += 1
        if self._sequence > 20 and self._where == "read":
            say("hangs")
            time.sleep(1000)
        if self._sequence > 20 and self._where == "close of a lost camera":
            raise CameraError("hanging is gone")
        time.sleep(0.02)
        return Frame(draw("7"), self._sequence, time.monotonic_ns())

    def close(self):
        say("closes")
        if self._where == "close of a lost camera":
            raise CameraHungError("hanging does not close")
        if self._where == "close":
            time.sleep(1000)


if __name__ == "__main__":
    where, file = sys.argv[1:]
    log_to_stderr()
    service.open_camera = lambda *_, **__: Hanging(where)
    factory = MockFactory(pin_class=TellingPin)
    service.Service(service.Options(lambda: load_config(Path(file)), factory), Requests()).run()
