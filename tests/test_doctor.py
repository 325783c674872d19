import os
import shutil
import sys
import time
import types
from functools import partial

import msgspec
import pytest
from drawn import save_weights

from appliance import doctor, network, shipped
from appliance.config import CameraSettings, Config
from appliance.doctor import examine
from appliance.health import Health, Spread, WeightsInUse
from appliance.lastgood import keep
from appliance.state import hold_pid

TRY_TORCH = doctor.TRY_TORCH
TOLD_OF = [
    "machine",
    "configuration",
    "PyTorch",
    "weights",
    "camera",
    "pins",
    "service",
    "temperature",
    "disk",
]


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with nothing on it but good weights; programs are added to `bin`, devices to `dev`."""
    for name in ("bin", "dev", "thermal", "models", "state", "modules"):
        (tmp_path / name).mkdir()
    save_weights(tmp_path / "models" / "digits.pt")
    monkeypatch.setattr(shipped, "models", lambda: tmp_path / "models")
    monkeypatch.setattr(doctor, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(doctor, "THERMAL", tmp_path / "thermal")
    monkeypatch.setattr(doctor, "TRY_TORCH", "print('taken for granted')")
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.fixture
def raspberry_pi(monkeypatch):
    monkeypatch.setattr(doctor, "is_raspberry_pi", lambda: True)
    monkeypatch.setattr(doctor, "model", lambda: "Raspberry Pi 5 Model B Rev 1.0")


def program(folder, name, *lines):
    """A program that can be run by its name; what there is of the real one is out of reach."""
    path = folder / "bin" / name
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
    return path


def module(folder, monkeypatch, name, code):
    """A Python module for this process and for those that it starts."""
    (folder / "modules" / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder / "modules"))
    monkeypatch.setenv("PYTHONPATH", str(folder / "modules"))


def about(what, config=None):
    (finding,) = [finding for finding in examine(config) if finding.what == what]
    return finding


def test_on_a_laptop_nothing_fails_and_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(doctor, "TRY_TORCH", TRY_TORCH)
    findings = list(examine(None))
    assert [finding.what for finding in findings] == TOLD_OF
    states = {finding.what: finding.state for finding in findings}
    assert "fail" not in states.values()
    assert [what for what, state in states.items() if state == "warn"] == ["camera", "pins", "service"]
    assert all(finding.advice for finding in findings if finding.state != "ok")


def test_a_32_bit_system_is_told_what_it_needs(monkeypatch):
    monkeypatch.setattr(doctor.sys, "maxsize", 2**31 - 1)
    assert doctor._machine().state == "fail"
    assert "64-bit" in doctor._machine().advice


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kill -ILL $$", "dies of signal 4"),
        ("echo 'ImportError: libcublasLt.so.12' >&2; exit 1", "libcublasLt"),
        ("exit 3", "exit status 3"),
    ],
)
def test_a_torch_that_does_not_run_hides_nothing_else(machine, monkeypatch, line, told):
    monkeypatch.setattr(sys, "executable", str(program(machine, "python", line)))
    findings = {finding.what: finding for finding in examine(None)}
    assert list(findings) == TOLD_OF
    assert findings["PyTorch"].state == "fail"
    assert told in findings["PyTorch"].found
    assert findings["weights"].found == "not looked at"


def test_a_python_that_is_gone_is_said(machine, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(machine / "gone"))
    assert "No such file" in doctor._torch().found


def test_a_bad_configuration_is_quoted(machine):
    (machine / "config.toml").write_text("[camera]\nfps = 'many'\n")
    finding = about("configuration", machine / "config.toml")
    assert finding.state == "fail"
    assert "camera.fps" in finding.found


def test_bad_weights_fail_unless_the_shipped_ones_step_in(machine):
    (machine / "models" / "digits.pt").write_bytes(b"rot")
    assert about("weights").state == "fail"
    save_weights(machine / "models" / "digits.pt")
    (machine / "state" / "weights" / "1").mkdir(parents=True)
    (machine / "state" / "weights" / "current").symlink_to("1")
    finding = about("weights")
    assert (finding.state, "1/digits.pt" in finding.found) == ("warn", True)


@pytest.mark.parametrize(
    ("source", "device", "state"),
    [
        ("webcam:0", "video0", "ok"),
        ("webcam:0", None, "fail"),
        ("{}/dev", None, "ok"),
        ("{}/gone", None, "fail"),
    ],
)
def test_the_configured_source_is_looked_for(machine, monkeypatch, source, device, state):
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    if device:
        (machine / "dev" / device).touch()
    (machine / "config.toml").write_text(f'[camera]\nsource = "{source.format(machine)}"\n')
    assert about("camera", machine / "config.toml").state == state


def test_a_webcam_is_named_with_the_driver_behind_it(machine, monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(doctor, "VIDEO", machine / "video")
    (machine / "dev" / "video0").touch()
    (machine / "uvcvideo").mkdir()
    (machine / "video/video0/device").mkdir(parents=True)
    (machine / "video/video0/device/driver").symlink_to(machine / "uvcvideo")
    (machine / "config.toml").write_text('[camera]\nsource = "webcam"\n')
    assert about("camera", machine / "config.toml").found == "webcam: video0 by uvcvideo"


CAMERAS = "class Picamera2:\n    @staticmethod\n    def global_camera_info():\n        return {}\n"


@pytest.mark.parametrize(
    ("code", "state", "told"),
    [
        (CAMERAS.format([{"Model": "imx708", "Id": "/base/i2c@1a"}]), "ok", "imx708 by libcamera, at /base"),
        (CAMERAS.format([]), "fail", "no camera is connected"),
        ("raise ValueError('Expected 96 from C header, got 88')", "fail", "Expected 96 from C header"),
        (None, "fail", "picamera2 is not installed"),
    ],
)
def test_on_a_pi_the_camera_must_be_listed(machine, raspberry_pi, monkeypatch, code, state, told):
    if code is None:
        monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    else:
        module(machine, monkeypatch, "picamera2", code)
    finding = about("camera")
    assert (finding.state, told in finding.found) == (state, True)


def test_on_a_pi_pins_need_lgpio_a_chip_and_the_right_to_use_it(machine, raspberry_pi, monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert "lgpio is not installed" in about("pins").found
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "is_raspberry_pi", lambda: True)
    monkeypatch.setattr(doctor, "DEVICES", machine / "dev")
    module(machine, monkeypatch, "lgpio", "")
    assert next(doctor._pins()).found == "no /dev/gpiochip*"
    (machine / "dev" / "gpiochip0").touch()
    assert next(doctor._pins()).state == "ok"
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    finding = next(doctor._pins())
    assert (finding.state, "usermod -aG gpio" in finding.advice) == ("fail", True)


def test_groups_that_a_user_lacks_are_named(monkeypatch):
    group = types.SimpleNamespace
    groups = [
        group(gr_name="video", gr_gid=44),
        group(gr_name="gpio", gr_gid=997),
        group(gr_name="x", gr_gid=5),
    ]
    monkeypatch.setattr(doctor.grp, "getgrall", lambda: groups)
    monkeypatch.setattr(os, "getgroups", lambda: [44])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    finding = doctor._groups()
    assert (finding.state, finding.found) == ("warn", "this user is not in gpio")
    monkeypatch.setattr(os, "getgroups", lambda: [44, 997])
    assert doctor._groups().state == "ok"
    monkeypatch.setattr(os, "getgroups", lambda: [])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert doctor._groups().state == "ok"


@pytest.mark.parametrize(
    ("load", "active", "enabled", "state", "told"),
    [
        ("loaded", "active", "enabled", "ok", "active, enabled, restarted 2 times"),
        ("loaded", "active", "disabled", "warn", "disabled"),
        ("loaded", "failed", "enabled", "fail", "failed"),
        ("not-found", "inactive", "", "warn", "not installed"),
    ],
)
def test_the_service_is_looked_up(machine, load, active, enabled, state, told):
    lines = (f"LoadState={load}", f"ActiveState={active}", f"UnitFileState={enabled}", "NRestarts=2")
    program(machine, "systemctl", *(f"echo {line}" for line in lines))
    finding = doctor._service()
    assert (finding.state, told in finding.found) == (state, True)


def test_the_last_errors_are_quoted_each_once(machine):
    program(
        machine,
        "journalctl",
        'echo "$*" >"$0.asked"',
        "echo 'camera gone'; echo; echo 'camera gone'; echo bad",
    )
    (finding,) = doctor._last_errors()
    assert (finding.state, finding.found) == ("warn", "camera gone | bad")
    asked = (machine / "bin/journalctl.asked").read_text()
    assert "--unit=digit-appliance" in asked and "--priority=err" in asked


def test_without_errors_or_without_a_journal_nothing_is_said(machine):
    assert list(doctor._last_errors()) == []
    program(machine, "journalctl")
    assert list(doctor._last_errors()) == []


def test_the_weights_are_named_with_what_their_card_says(machine):
    weights, card = network.load(shipped.models() / "digits.pt")
    network.save(
        weights,
        shipped.models() / "digits.pt",
        msgspec.structs.replace(card, accuracies={"test": 0.9961, "scenes": 0.9}),
    )
    assert about("weights").found.endswith("digits.pt, 99.61% right on MNIST's test, run by torch")


def test_a_mistaken_configuration_is_looked_past_to_what_worked_last(machine):
    keep(Config(camera=CameraSettings(source=str(machine / "dev"))))
    (machine / "config.toml").write_text("[camera]\nfps = 0\n")
    findings = {finding.what: finding for finding in examine(machine / "config.toml")}
    assert "what worked last is used" in findings["configuration"].advice
    assert findings["camera"].found == f"recording {machine / 'dev'}"


def test_a_systemd_that_does_not_answer_is_quoted(machine):
    program(machine, "systemctl", "echo 'Failed to connect to bus: Host is down' >&2; exit 1")
    finding = doctor._service()
    assert (finding.state, finding.found) == ("warn", "Failed to connect to bus: Host is down")


def test_a_service_started_by_hand_is_found():
    with hold_pid():
        assert doctor._service().found == f"at work, process {os.getpid()}"


def test_at_work_the_units_state_is_told_too(machine):
    lines = ("LoadState=loaded", "ActiveState=active", "UnitFileState=enabled", "NRestarts=3")
    program(machine, "systemctl", *(f"echo {line}" for line in lines))
    with hold_pid():
        found = doctor._service().found
    assert found == f"at work, process {os.getpid()}, active, enabled, restarted 3 times"


def status(ago=0.0, **other):
    told = Health(
        pid=os.getpid(),
        version="1",
        since=0.0,
        time=time.time() - ago,
        source="picamera",
        frames=9,
        skipped=0,
        fps=29.8,
        read_ms=Spread(6.1, 9.0),
        light_ms=Spread(12.4, 20.0),
        text="42",
        confidence=0.97,
        fault=None,
        weights=WeightsInUse("digitnet", "ab", None),
    )
    return msgspec.json.encode(msgspec.structs.replace(told, **other))


@pytest.mark.parametrize(
    ("written", "state", "told"),
    [
        (status, "ok", "29.8 frames/s, 6.1 ms a frame, light after 12 ms; reads 42"),
        (partial(status, text="", read_ms=None, light_ms=None), "ok", "29.8 frames/s; reads nothing"),
        (partial(status, fault="picamera: its cable"), "warn", "no frames: picamera: its cable"),
        (partial(status, ago=3600.0), "warn", "hangs: it last spoke 3600 s ago"),
        (bytes, "warn", "does not say yet"),
    ],
)
def test_the_running_service_says_how_fast_it_is(machine, written, state, told):
    with hold_pid():
        (machine / "state" / "status.json").write_bytes(written())
        finding = about("speed")
    assert (finding.state, told in finding.found) == (state, True)


def test_a_service_that_died_has_left_its_last_word(machine):
    (machine / "state" / "status.json").write_bytes(status(ago=60.0))
    assert about("speed").found == "the service is gone; it last spoke 60 s ago"


@pytest.mark.parametrize(
    ("said", "state", "told"),
    [("41000\n", "ok", "41 °C"), ("72500\n", "warn", "72 °C"), ("85000\n", "warn", "slows itself down")],
)
def test_the_hottest_part_counts(machine, said, state, told):
    for zone, value in enumerate(("30000\n", said, "nonsense")):
        (machine / "thermal" / f"thermal_zone{zone}").mkdir()
        (machine / "thermal" / f"thermal_zone{zone}" / "temp").write_text(value)
    finding = doctor._temperature()
    assert (finding.state, told in finding.found) == (state, True)


@pytest.mark.parametrize(
    ("said", "state", "found", "advice"),
    [
        ("throttled=0x0", "ok", "no under-voltage, not throttled", ""),
        (
            "throttled=0x50005",
            "warn",
            "under-voltage now, throttled now, under-voltage since",
            "power supply",
        ),
        ("throttled=0x80008", "warn", "at its temperature limit now", "air"),
        ("VCHI initialization failed", "warn", "VCHI initialization failed", "group video"),
    ],
)
def test_what_the_firmware_says_of_power_is_decoded(machine, said, state, found, advice):
    program(machine, "vcgencmd", f"echo '{said}'")
    (finding,) = doctor._throttling()
    assert finding.state == state
    assert found in finding.found
    assert advice in finding.advice


def test_without_the_firmwares_tool_nothing_is_said_of_power():
    assert list(doctor._throttling()) == []


@pytest.mark.parametrize(("free", "state"), [(10, "fail"), (100, "warn"), (10_000, "ok")])
def test_a_full_disk_is_told(monkeypatch, free, state):
    usage = types.SimpleNamespace(free=free * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert doctor._disk().state == state


def test_a_read_only_disk_is_told(monkeypatch):
    plenty = {"f_bavail": 10**7, "f_bfree": 10**7, "f_blocks": 10**7, "f_frsize": 4096}
    monkeypatch.setattr(os, "statvfs", lambda folder: types.SimpleNamespace(f_flag=os.ST_RDONLY, **plenty))
    assert doctor._disk().state == "warn"
    assert "read-only" in doctor._disk().found


def test_a_program_that_never_ends_counts_as_failed(machine, monkeypatch):
    def forever(*arguments, **keywords):
        raise doctor.subprocess.TimeoutExpired(arguments, 120)

    monkeypatch.setattr(doctor.subprocess, "run", forever)
    assert "does not end" in doctor._torch().found
