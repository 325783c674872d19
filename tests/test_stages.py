"""The pictures of each stage of seeing: all there, true to the frame; an unwritable folder is named."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from handwritten import blank, digit, gray, sheet_before_letters, write

from appliance import shipped
from appliance.cameras.recording import read_still
from appliance.errors import FrameError
from appliance.frame import Frame
from appliance.reader import Reader, Reading
from appliance.stages import draw_reading, draw_stages


@pytest.fixture(scope="module")
def frame() -> Frame:
    return read_still(next(iter(sorted(shipped.frames().glob("*felt-tip*.jpg")))))


@pytest.fixture(scope="module")
def reading(frame: Frame) -> Reading:
    return Reader(shipped.models() / "digits.pt").read(frame)


def test_a_picture_of_each_stage_is_written_in_order(frame: Frame, reading: Reading, tmp_path: Path) -> None:
    paths = draw_stages(frame, reading, tmp_path / "new" / "folder")
    assert [path.stem.rpartition("-")[2] for path in paths] == [
        "frame",
        "ink",
        "strokes",
        "hypotheses",
        "crops",
        "reading",
    ]
    pictures = [cv2.imread(str(path)) for path in paths]
    assert all(picture is not None for picture in pictures)
    assert (pictures[0][..., 0] == frame.gray).all()
    assert all(picture.shape[:2] == frame.gray.shape for picture in (*pictures[1:4], pictures[5]))


def test_the_ink_is_black_on_white_where_the_digit_is(frame: Frame, reading: Reading, tmp_path: Path) -> None:
    ink = cv2.imread(str(draw_stages(frame, reading, tmp_path)[1]), cv2.IMREAD_GRAYSCALE)
    x, y, width, height = reading.digits[0].box
    outside = np.ones_like(ink, bool)
    outside[y - 4 : y + height + 4, x - 4 : x + width + 4] = False
    assert ink[y : y + height, x : x + width].min() < 128
    assert ink[outside].min() > 200


def test_of_what_was_read_on_a_sheet_only_that_is_drawn(tmp_path: Path) -> None:
    wall = sheet_before_letters()
    write(wall, digit(7, 100, 10), 280, 190)
    frame = Frame(gray(wall, noise=2), 0, 0)
    reading = Reader(shipped.models() / "digits.pt").read(frame)
    strokes = cv2.imread(str(draw_stages(frame, reading, tmp_path)[2]))
    y, x = np.nonzero(np.ptp(strokes, axis=2) > 60)
    assert reading.text == "7"
    assert {*x} <= {*range(270, 400)} and {*y} <= {*range(180, 300)}


def test_of_a_small_frame_what_was_seen_is_drawn_as_enlarged(tmp_path: Path) -> None:
    paper = blank()
    write(paper, digit(0, 300, 30), 240, 90)
    small = Frame(cv2.resize(gray(paper, noise=0), (64, 48), interpolation=cv2.INTER_AREA), 0, 0)
    reading = Reader(shipped.models() / "digits.pt").read(small)
    ink, strokes = (cv2.imread(str(path)) for path in draw_stages(small, reading, tmp_path)[1:3])
    x, y, width, height = reading.digits[0].box
    assert reading.text == "0" and ink.shape == strokes.shape == (192, 256, 3)
    coloured = cv2.boundingRect((np.ptp(strokes, axis=2) > 60).astype(np.uint8))
    assert coloured == pytest.approx((4 * x, 4 * y, 4 * width, 4 * height), abs=8)


def test_a_blank_frame_has_its_pictures_too(tmp_path: Path) -> None:
    blank = Frame(np.full((240, 320), 200, np.uint8), 0, 0)
    assert all(path.stat().st_size for path in draw_stages(blank, Reading(), tmp_path))


def test_the_reading_is_drawn_around_its_digits(frame: Frame, reading: Reading) -> None:
    picture = draw_reading(frame.gray, reading)
    x, y, width, height = reading.digits[0].box
    coloured = np.ptp(picture.astype(int), axis=2) > 60
    assert coloured[y, x : x + width].all() and coloured[y : y + height, x].all()
    assert not coloured[y + height + 40 :].any()
    assert not (np.ptp(draw_reading(frame.gray, Reading()), axis=2)).any()


def test_a_folder_that_cannot_be_written_is_named(frame: Frame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FrameError, match=r"file: cannot hold the stages .*; name another folder"):
        draw_stages(frame, Reading(), tmp_path / "file")
