"""Recording frames: real files in a real folder, from a real recording played as the camera."""

import csv
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from appliance import recorder
from appliance.cameras import Camera, open_camera
from appliance.config import CameraSettings
from appliance.errors import ApplianceError, CameraStalledError, FrameError
from appliance.frame import Frame
from appliance.labels import read_labels
from appliance.recorder import record


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    """Three stills, each in view for a second at 30 frames a second."""
    folder = tmp_path / "seen"
    folder.mkdir()
    for shade in (40, 120, 200):
        cv2.imwrite(str(folder / f"{shade:03d}.png"), np.full((48, 64), shade, np.uint8))
    with open_camera(str(folder), CameraSettings(dwell=30, fps=30)) as opened:
        yield opened


def shades(folder: Path) -> list[float]:
    return [
        float(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).mean()) for path in sorted(folder.glob("*.jpg"))
    ]


def test_numbered_frames_with_a_table_of_labels(camera: Camera, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "recording"
    written = list(record(camera, folder, every=1.0))
    assert written == [folder / f"00000{number}.jpg" for number in (1, 2, 3)]
    assert shades(folder) == pytest.approx([40, 120, 200], abs=2)
    assert read_labels(folder) == {"000001.jpg": "", "000002.jpg": "", "000003.jpg": ""}
    assert sorted(path.name for path in folder.iterdir()) == [
        "000001.jpg",
        "000002.jpg",
        "000003.jpg",
        "labels.csv",
    ]


def test_the_recording_plays_again(camera: Camera, tmp_path: Path) -> None:
    list(record(camera, tmp_path / "new", every=1.0))
    with open_camera(str(tmp_path / "new"), CameraSettings(dwell=1)) as again:
        assert [again.read(1.0).name for _ in range(3)] == ["000001.jpg", "000002.jpg", "000003.jpg"]


def test_frames_are_spaced(camera: Camera, tmp_path: Path) -> None:
    assert len(list(record(camera, tmp_path / "new", every=0.5))) == 6


def test_every_frame(camera: Camera, tmp_path: Path) -> None:
    assert len(list(record(camera, tmp_path / "new", every=0.0))) == 90


def test_leaving_early_leaves_everything_whole(camera: Camera, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    recording = record(camera, folder, every=0.1)
    for _ in range(4):
        next(recording)
        assert len(read_labels(folder)) == len(shades(folder))
    recording.close()
    assert len(shades(folder)) == 4


def test_an_earlier_recording_stays(camera: Camera, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "labels.csv").write_text("mine")
    with pytest.raises(
        ApplianceError, match=r"old: holds files already, which stay; record into a new folder"
    ):
        next(record(camera, folder))
    assert [path.name for path in folder.iterdir()] == ["labels.csv"]
    assert (folder / "labels.csv").read_text() == "mine"


def test_an_empty_folder_is_taken(camera: Camera, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert next(record(camera, tmp_path / "new")).exists()


def test_a_file_in_place_of_the_folder(camera: Camera, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ApplianceError, match=r"file: cannot be recorded into \(File exists\)"):
        next(record(camera, tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


def test_stops_before_the_disk_is_full(
    camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    free = iter([recorder.SPARE, recorder.SPARE, recorder.SPARE - 1])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, next(free)))
    with pytest.raises(
        ApplianceError, match=r"stopped after 2 frames; the disk is nearly full \(less than 200 MB"
    ):
        list(record(camera, folder, every=0.1))
    assert len(shades(folder)) == len(read_labels(folder)) == 2


def test_a_disk_that_is_full_all_the_same(
    camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    recording = record(camera, folder, every=0.1)
    next(recording)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        ApplianceError, match=r"000002\.jpg: cannot be written \(No space left on device\); 1 fr"
    ):
        next(recording)
    assert sorted(path.name for path in folder.iterdir()) == ["000001.jpg", "labels.csv"]
    assert list(read_labels(folder)) == ["000001.jpg"]


class Faulty(Camera):
    """A camera that gives what it is told to, errors included."""

    name = "faulty"

    def __init__(self, *gives: Any) -> None:
        self.gives = list(gives)

    def read(self, timeout: float) -> Frame:
        given = self.gives.pop(0)
        if isinstance(given, Exception):
            raise given
        return Frame(given, 0, 0)

    def close(self) -> None: ...


def test_a_bad_frame_is_left_out_and_a_stall_is_told(tmp_path: Path) -> None:
    rows = np.arange(48 * 80, dtype=np.uint8).reshape(48, 80)[:, :64]
    camera = Faulty(FrameError("garbage"), rows, CameraStalledError("no frame"))
    recording = record(camera, tmp_path / "new", every=0.0)
    assert next(recording).name == "000001.jpg"
    with pytest.raises(CameraStalledError, match=r"no frame"):
        next(recording)
    assert len(read_labels(tmp_path / "new")) == 1


def test_names_with_commas_and_umlauts(camera: Camera, tmp_path: Path) -> None:
    folder = tmp_path / "Zählerstände, März"
    next(record(camera, folder))
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["file"] == "000001.jpg"
