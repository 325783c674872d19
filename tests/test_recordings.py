"""Recorded frames: rendered from the digits given, labelled as they are; those that ship are sound."""

import csv
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import small_mnist

from appliance import shipped
from training import mnist, recordings
from training.errors import DataError
from training.recordings import EMPTY, KINDS, LEFT_OUT, main, scenes
from training.scenes import FRAME, Hand


def bars() -> Hand:
    """A hand that writes every digit as an upright bar, as nobody else would."""
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 13:15] = 255
    return Hand(np.stack([bar] * 10), np.arange(10), own=1)


@pytest.fixture(scope="module")
def of_bars():
    return list(scenes(bars()))


def test_there_are_enough_frames_of_every_kind(of_bars) -> None:
    assert len(of_bars) >= 60
    counted = Counter(kind for kind, _ in of_bars)
    left_out = Counter(kind for kind, _ in LEFT_OUT)
    assert counted == {kind.name: kind.frames - left_out[kind.name] for kind in KINDS} | {
        f"empty-{family}": frames - left_out[family] for family, frames in EMPTY.items()
    }


def test_numbers_of_one_to_four_digits_are_shown_and_frames_with_nothing_to_read(of_bars) -> None:
    assert {len(scene.text) for _, scene in of_bars} == {0, 1, 2, 3, 4}
    assert all((scene.text == "") == kind.startswith("empty-") for kind, scene in of_bars)
    shown = Counter("".join(scene.text for _, scene in of_bars))
    assert set(shown) == set("0123456789"), "every digit is there"


def test_paper_pens_light_and_lens_are_of_many_kinds() -> None:
    looks = [kind.look for kind in KINDS]
    assert {"ruled", "squared", "board"} <= {look.get("paper") for look in looks}
    assert {"shadow", "gradient"} <= {look.get("light") for look in looks}
    assert all(any(name in look for look in looks) for name in ("perspective", "focus", "noise"))
    pens = [look["stroke"] for look in looks if "stroke" in look]
    assert min(pens) < 0.07 and max(pens) > 0.15, "thin to thick"


def test_only_the_images_given_are_used(of_bars) -> None:
    for kind, scene in of_bars:
        if kind in ("felt-tip", "large", "two-digits", "four-digits"):
            for index in range(len(scene.text)):
                rows, columns = np.nonzero(scene.owners == index)
                assert np.ptp(columns) < 0.4 * np.ptp(rows), "bars, and nothing else"


def test_frames_are_the_same_every_time(of_bars) -> None:
    for (kind, scene), (again, other) in zip(islice(scenes(bars()), 4), of_bars, strict=False):
        assert kind == again and scene.text == other.text
        assert np.array_equal(scene.gray, other.gray)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def are_sound(folder: Path) -> None:
    labelled = rows(folder)
    assert sorted(row["file"] for row in labelled) == sorted(path.name for path in folder.glob("*.jpg"))
    assert len(labelled) >= 60
    for row in labelled:
        assert list(row) == ["file", "text", "kind"]
        assert re.fullmatch(r"\d{0,4}", row["text"]) and row["kind"] in row["file"]
        assert (row["text"] == "") == row["kind"].startswith("empty")
        frame = cv2.imread(str(folder / row["file"]), cv2.IMREAD_UNCHANGED)
        assert frame is not None and frame.shape[0] >= 480 and frame.shape[1] >= 640
    assert sum(path.stat().st_size for path in folder.iterdir()) < 4_000_000


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small files in MNIST's place."""
    for owner, name, value in small_mnist.replacements():
        if owner is mnist:
            monkeypatch.setattr(owner, name, value)
    return small_mnist.write(tmp_path / "mnist")


def test_what_is_written_is_labelled_as_it_was_rendered(
    of_bars, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[np.ndarray] = []

    class Watched(Hand):
        def __init__(self, images: np.ndarray, labels: np.ndarray, own: float) -> None:
            given.append(images)
            super().__init__(images, labels, own)

    def never(folder: Path | None = None) -> None:
        raise AssertionError("these images are for other things")

    held_out = mnist.validation(data)
    monkeypatch.setattr(recordings, "Hand", Watched)
    monkeypatch.setattr(mnist, "training", never)
    monkeypatch.setattr(mnist, "test", never)
    folder = tmp_path / "deep" / "frames"
    main(folder, data)

    (images,) = given
    assert np.array_equal(images, held_out.images), "the held-out images and no others"
    are_sound(folder)
    assert f"{len(rows(folder))} frames in {folder}" in capsys.readouterr().out
    assert [(row["kind"], row["text"]) for row in rows(folder)] == [
        (kind, scene.text) for kind, scene in of_bars
    ]
    for row, (_, scene) in zip(
        rows(folder), islice(scenes(Hand(held_out.images, held_out.labels, 0.6)), 4), strict=False
    ):
        frame = cv2.imread(str(folder / row["file"]), cv2.IMREAD_GRAYSCALE)
        assert frame.shape == FRAME
        assert np.abs(frame.astype(int) - scene.gray).mean() < 6, "but for what JPEG does to it"


def test_without_mnists_files_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=str(tmp_path)):
        main(tmp_path / "frames", tmp_path)
    assert not (tmp_path / "frames").exists()


def test_the_frames_that_ship_are_sound_and_as_many_as_are_rendered(of_bars) -> None:
    are_sound(shipped.frames())
    shown = [(row["kind"], row["text"]) for row in rows(shipped.frames())]
    assert shown == [(kind, scene.text) for kind, scene in of_bars]
