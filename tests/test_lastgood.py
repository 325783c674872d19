"""The configuration that worked last."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.config import CameraSettings, Config, IndicatorSettings, LampSettings
from appliance.lastgood import keep, last_good

OTHER = Config(
    camera=CameraSettings(source="webcam:1", focus=4.5),
    indicators=IndicatorSettings(lamp=LampSettings(enabled=True, pin=4)),
)


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    return tmp_path


def test_what_was_kept_comes_back_whole() -> None:
    for config in (Config(), OTHER):
        keep(config)
        assert last_good() == config


def test_there_is_none_at_first() -> None:
    assert last_good() is None


def test_the_same_is_not_written_again(state: Path) -> None:
    keep(OTHER)
    file = state / "last-good.json"
    before = file.stat()
    keep(OTHER)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_folder_that_is_not_there_is_done_without(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(state / "nowhere"))
    keep(OTHER)
    assert last_good() is None


def test_another_versions_is_none(state: Path) -> None:
    known = msgspec.to_builtins(OTHER)
    (state / "last-good.json").write_bytes(msgspec.json.encode({**known, "gone": 1}))
    assert last_good() is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_whatever_a_power_cut_left_there_is_a_configuration_or_none(state: Path, data: bytes) -> None:
    (state / "last-good.json").write_bytes(data)
    assert last_good() in (None, Config())
