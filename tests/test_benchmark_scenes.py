"""The scene benchmark: its tables against counts made by hand, and whole runs."""

from pathlib import Path

import cv2
import drawn
import numpy as np
import pytest
from measured import printed, row, run, small_data

from appliance import shipped
from benchmarks import scenes
from benchmarks.conditions import Condition
from benchmarks.scenes import Outcome, Silence
from training.scenes import Hand, Scene


def never(hand: Hand, rng: np.random.Generator) -> Scene:
    raise AssertionError("nothing is to be rendered here")


def test_recall_and_precision_are_of_digits_and_whole_numbers_of_scenes() -> None:
    read = Outcome(3, [(1.0, True), (1.0, True)], whole=False, plainly=False)
    misread = Outcome(1, [(1.0, False), (1.0, True)], whole=True, plainly=True)
    table = scenes.scene_table({Condition("any", "some", never): [read, misread]})
    assert row(printed(table), "some") == ["2", "4", "75.0", "75.0", "50.0", "50.0", "25.0"]


def test_what_misses_its_aim_is_red() -> None:
    poor = Outcome(1, [(1.0, False)], whole=False, plainly=False)
    aiming, free = Condition("any", "aiming", never), Condition("any", "free", never, aim=None)
    lines = printed(scenes.scene_table({aiming: [poor], free: [poor]})).splitlines()
    assert [line.count("\x1b[31m") for line in lines if "aiming" in line or "free" in line] == [3, 0]


def test_false_digits_are_counted_by_thousand_frames_as_read_and_as_shown() -> None:
    table = scenes.silence_table({"table": [Silence(3, 0), Silence(0, 1), Silence(0, 0), Silence(0, 0)]})
    assert row(printed(table), "table") == ["4", "750.0", "25.0", "250.0", "25.0"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return small_data(tmp_path, monkeypatch)


def test_able_weights_read_what_useless_ones_do_not(tmp_path: Path, data: Path) -> None:
    arguments = ("--cases", "3", "--only", "1 digit")
    able = run(scenes, shipped.models() / "digits.pt", data, *arguments)
    useless = run(scenes, drawn.save_useless_weights(tmp_path / "useless.pt"), data, *arguments)
    assert able.exit_code == useless.exit_code == 0, able.output + useless.output
    assert row(able.output, "1 digit")[:2] == row(useless.output, "1 digit")[:2] == ["3", "3"]
    assert float(row(able.output, "1 digit")[2]) > float(row(useless.output, "1 digit")[2])
    assert "failures drawn" in useless.output
    assert cv2.imread(str(data / "failures.png")) is not None


def test_silence_is_measured_where_there_is_nothing_to_read(tmp_path: Path, data: Path) -> None:
    result = run(scenes, drawn.save_weights(tmp_path / "w.pt"), data, "--cases", "1", "--only", "blank")
    assert result.exit_code == 0, result.output
    assert row(result.output, "blank") == ["1", "0.0", "0.0", "0.0", "0.0"]


def test_weights_that_are_not_there_are_named(tmp_path: Path, data: Path) -> None:
    result = run(scenes, tmp_path / "none.pt", data, "--cases", "1")
    assert result.exit_code == 1 and "none.pt" in result.output


def test_a_condition_that_is_not_there_is_named(tmp_path: Path, data: Path) -> None:
    result = run(scenes, tmp_path / "none.pt", data, "--only", "moonlight")
    assert result.exit_code == 1 and "moonlight" in result.output
