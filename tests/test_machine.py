from pathlib import Path

import pytest

from appliance.machine import is_raspberry_pi, model


@pytest.fixture
def firmware(tmp_path, monkeypatch):
    """What the firmware says, in place of `/proc/device-tree/model`."""
    said = tmp_path / "model"
    monkeypatch.setattr("appliance.machine.Path", lambda path: said)
    return said


@pytest.mark.parametrize(
    ("said", "name", "is_pi"),
    [
        (b"Raspberry Pi 5 Model B Rev 1.0\0", "Raspberry Pi 5 Model B Rev 1.0", True),
        (b"Radxa ROCK 5B\0", "Radxa ROCK 5B", False),
    ],
)
def test_the_firmware_says_what_this_is(firmware, said, name, is_pi):
    firmware.write_bytes(said)
    assert model() == name
    assert is_raspberry_pi() is is_pi


def test_a_pc_has_no_such_file(firmware):
    assert isinstance(firmware, Path)
    assert model() == ""
    assert not is_raspberry_pi()
