"""Recorded frames: what plays, in what order and time, and what becomes of files that are no pictures."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from appliance.cameras import Camera, open_camera, recording
from appliance.cameras.recording import read_still
from appliance.config import CameraSettings
from appliance.errors import CameraError, CameraStalledError, FrameError, SourceEndedError

ONCE = CameraSettings(dwell=1)


def save(path: Path, level: int = 128, size: tuple[int, int] = (64, 48), **options: Any) -> Path:
    Image.new("L", size, level).save(path, **options)
    return path


def play(camera: Camera) -> list[tuple[str, int, int]]:
    """Name, number and shade of every frame until the recording is over."""
    frames = []
    while True:
        try:
            frame = camera.read(1.0)
        except SourceEndedError:
            return frames
        frames.append((frame.name, frame.sequence, int(frame.gray.mean().round())))


# Folders


def test_a_folder_plays_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name, level in (("b.png", 20), ("a.jpg", 10), ("c.BMP", 30), ("d.pgm", 40), ("e.webp", 50)):
        save(tmp_path / name, level)
    with open_camera(str(tmp_path), ONCE) as camera:
        assert camera.name == f"folder {tmp_path} (5 images)"
        assert play(camera) == [
            ("a.jpg", 0, 10),
            ("b.png", 1, 20),
            ("c.BMP", 2, 30),
            ("d.pgm", 3, 40),
            ("e.webp", 4, 50),
        ]


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "one.png")
    (tmp_path / "labels.csv").write_text("file,text,kind\n")
    (tmp_path / "README.md").write_text("# Frames\n")
    (tmp_path / "._one.png").write_bytes(b"macOS writes such files")
    (tmp_path / "folder.png").mkdir()
    assert [name for name, _, _ in play(open_camera(str(tmp_path), ONCE))] == ["one.png"]


def test_each_still_is_in_view_for_a_while(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    save(tmp_path / "b.png", 2)
    frames = play(open_camera(str(tmp_path), CameraSettings(dwell=3)))
    assert [(name, number) for name, number, _ in frames] == [
        ("a.png", 0),
        ("a.png", 1),
        ("a.png", 2),
        ("b.png", 3),
        ("b.png", 4),
        ("b.png", 5),
    ]


def test_a_broken_image_is_told_once_and_the_next_plays(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    (tmp_path / "b.png").write_bytes(b"not a picture")
    save(tmp_path / "c.png", 3)
    camera = open_camera(str(tmp_path), CameraSettings(dwell=2))
    assert [camera.read(1.0).name for _ in range(2)] == ["a.png", "a.png"]
    with pytest.raises(FrameError, match=r"b\.png: not an image, or a damaged one"):
        camera.read(1.0)
    assert play(camera) == [("c.png", 3, 3), ("c.png", 4, 3)]


def test_an_image_that_vanishes_while_playing_is_a_bad_frame(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    gone = save(tmp_path / "b.png")
    camera = open_camera(str(tmp_path), ONCE)
    camera.read(1.0)
    gone.unlink()
    with pytest.raises(FrameError, match=r"b\.png: no such file"):
        camera.read(1.0)


def test_loop_goes_on_for_ever(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    camera = open_camera(str(tmp_path), ONCE, loop=True)
    frames = [camera.read(1.0) for _ in range(7)]
    assert "".join(frame.name[0] for frame in frames) == "abababa"
    assert [frame.sequence for frame in frames] == list(range(7))


def test_a_loop_without_one_good_picture_ends(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a picture")
    (tmp_path / "b.png").write_bytes(b"")
    camera = open_camera(str(tmp_path), CameraSettings(), loop=True)
    for _ in range(2):
        with pytest.raises(FrameError):
            camera.read(1.0)
    with pytest.raises(CameraError, match=r"\(2 images\): not one picture in it can be read"):
        camera.read(1.0)


def test_an_empty_folder_says_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CameraError, match=r"no images in this folder; 'digit-appliance record' makes some"):
        open_camera(str(tmp_path), ONCE)


@pytest.mark.parametrize("source", ["nowhere", "picamera2", "", "/dev/null"])
def test_no_such_source(source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CameraError) as raised:
        open_camera(source, ONCE)
    assert str(raised.value).startswith(source or ".")
    assert "\n" not in str(raised.value)


def test_a_name_too_long_for_the_system() -> None:
    with pytest.raises(CameraError):
        open_camera("x" * 5000, ONCE)
    with pytest.raises(FrameError):
        read_still(Path("x" * 5000))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(CameraError, match=r"not a file"):
        open_camera(str(tmp_path / "pipe.png"), ONCE)
    with pytest.raises(FrameError, match=r"not a file"):
        read_still(tmp_path / "pipe.png")


def test_closing(tmp_path: Path) -> None:
    with open_camera(str(save(tmp_path / "a.png")), ONCE) as camera:
        camera.read(1.0)
    camera.close()
    with pytest.raises(CameraError, match=r"a\.png is closed"):
        camera.read(1.0)


def test_one_image(tmp_path: Path) -> None:
    path = save(tmp_path / "seven.JPG", 70)
    camera = open_camera(str(path), CameraSettings(dwell=2))
    assert camera.name == f"image {path}"
    assert play(camera) == [("seven.JPG", 0, 70), ("seven.JPG", 1, 70)]
    with pytest.raises(SourceEndedError, match=r"seven\.JPG is over; --loop repeats it"):
        camera.read(1.0)


# Time


def test_unpaced_frames_are_timed_by_the_recording(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    camera = open_camera(str(tmp_path), CameraSettings(dwell=31, fps=30))
    before = time.monotonic_ns()
    times = [camera.read(1.0).time_ns for _ in range(31)]
    assert before <= times[0] <= time.monotonic_ns()
    assert times[30] - times[0] == 1_000_000_000


def test_a_paced_recording_keeps_its_pace(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    camera = open_camera(str(tmp_path), CameraSettings(dwell=100), fps=50)
    first = camera.read(1.0)
    last = first
    while last.sequence < 20:
        last = camera.read(1.0)
        assert last.time_ns <= time.monotonic_ns(), "a frame came before it was due"
    assert last.time_ns - first.time_ns == last.sequence * 20_000_000


def test_a_late_reader_gets_the_newest(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"{number}.png")
    camera = open_camera(str(tmp_path), CameraSettings(dwell=10), loop=True, fps=100)
    assert camera.read(1.0).sequence == 0
    time.sleep(0.3)
    frame = camera.read(1.0)
    assert frame.sequence >= 30
    assert frame.name == f"{frame.sequence // 10 % 10}.png"
    assert time.monotonic_ns() >= frame.time_ns


def test_a_frame_that_is_not_due_in_time(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    camera = open_camera(str(tmp_path), CameraSettings(), fps=0.1)
    camera.read(1.0)
    with pytest.raises(CameraStalledError, match=r"the next frame is due in \d+\.\d s"):
        camera.read(0.01)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_no_pace(tmp_path: Path, fps: float) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(CameraError, match=r"no pace for a recording; give 0.1 to 1000"):
        open_camera(str(tmp_path), ONCE, fps=fps)


# Videos


def video(path: Path, levels: list[int], fps: float = 25.0, codec: str = "mp4v") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (64, 48))
    assert writer.isOpened()
    for level in levels:
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return path


def test_a_video_plays_once(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4", [20, 120, 220])
    with open_camera(str(path), CameraSettings(dwell=10)) as camera:
        assert camera.name == f"video {path}"
        frame = camera.read(1.0)
        assert frame.gray.shape == (48, 64)
        assert frame.gray.dtype == np.uint8
        frames = play(camera)
    assert [(name, number) for name, number, _ in frames] == [("clip.mp4", 1), ("clip.mp4", 2)]
    shades = [int(frame.gray.mean().round()), *(shade for _, _, shade in frames)]
    np.testing.assert_allclose(shades, [20, 120, 220], atol=6)  # what the codec loses


def test_a_video_brings_its_own_time(tmp_path: Path) -> None:
    camera = open_camera(str(video(tmp_path / "clip.mp4", [0] * 6, fps=5.0)), CameraSettings(fps=30))
    times = [camera.read(1.0).time_ns for _ in range(6)]
    assert times[5] - times[0] == 1_000_000_000


def test_a_late_reader_of_a_video_gets_the_newest(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mkv", [level * 4 for level in range(60)], codec="FFV1")
    camera = open_camera(str(path), CameraSettings(), loop=True, fps=50)
    camera.read(1.0)
    time.sleep(0.3)
    frame = camera.read(1.0)
    assert frame.sequence >= 15
    assert abs(float(frame.gray.mean()) - 4 * (frame.sequence % 60)) < 3


def test_a_video_loops(tmp_path: Path) -> None:
    camera = open_camera(str(video(tmp_path / "clip.mp4", [20, 220])), CameraSettings(), loop=True)
    shades = [int(camera.read(1.0).gray.mean()) > 128 for _ in range(6)]
    assert shades == [False, True, False, True, False, True]


def test_a_truncated_video_plays_what_is_there(tmp_path: Path) -> None:
    whole = video(tmp_path / "whole.mkv", [level * 10 for level in range(20)], codec="FFV1").read_bytes()
    (tmp_path / "half.mkv").write_bytes(whole[: len(whole) // 2])
    frames = play(open_camera(str(tmp_path / "half.mkv"), CameraSettings()))
    assert 0 < len(frames) < 20
    assert [shade for _, _, shade in frames] == pytest.approx(
        [10 * number for number in range(len(frames))], abs=3
    )


@pytest.mark.parametrize("content", [b"", b"nothing to see\n", bytes(range(256)) * 20])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "notes.txt", "noname"])
def test_no_video(tmp_path: Path, capfd: Any, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CameraError, match=f"{name}: neither an image nor a video that can be read"):
        open_camera(str(path), ONCE)
    assert capfd.readouterr() == ("", "")


# Stills


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def still(tmp_path: Path, data: bytes, suffix: str = ".png") -> Any:
    path = tmp_path / f"still{suffix}"
    path.write_bytes(data)
    return read_still(path).gray


def test_a_still_is_gray_and_named(tmp_path: Path) -> None:
    before = time.monotonic_ns()
    frame = read_still(save(tmp_path / "five.png", 55, (30, 20)))
    assert (frame.name, frame.sequence) == ("five.png", 0)
    assert before <= frame.time_ns <= time.monotonic_ns()
    np.testing.assert_array_equal(frame.gray, np.full((20, 30), 55, np.uint8))
    assert frame.gray.dtype == np.uint8


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "gray"),
    [
        ("RGB", (0, 255, 0), "PNG", 150),  # 0.587 of green (ITU-R BT.601)
        ("RGB", (0, 255, 0), "BMP", 150),
        ("CMYK", (0, 0, 0, 255), "JPEG", 0),
        ("CMYK", (0, 0, 0, 0), "JPEG", 255),
        ("1", 1, "PNG", 255),
        ("1", 1, "TIFF", 255),
        ("P", 0, "PNG", 0),
        ("I;16", 0x8000, "PNG", 0x80),
        ("I;16", 0x8000, "TIFF", 0x80),
        ("RGBA", (0, 0, 0, 0), "PNG", 255),
        ("RGBA", (0, 0, 0, 255), "PNG", 0),
        ("RGBA", (0, 0, 0, 0), "WEBP", 255),
        ("LA", (0, 0), "PNG", 255),
    ],
)
def test_every_kind_of_pixel(tmp_path: Path, mode: str, colour: Any, kind: str, gray: int) -> None:
    pixels = still(tmp_path, encoded(Image.new(mode, (30, 20), colour), kind))
    assert pixels.shape == (20, 30)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels, gray, atol=2)


def test_a_drawing_without_background_lies_on_white(tmp_path: Path) -> None:
    drawing = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (10, 5, 20, 15))
    pixels = still(tmp_path, encoded(drawing, "PNG"))
    assert pixels[0, 0] == 255
    assert pixels[10, 15] == 0
    pixels[0, 0] = 0  # writable, as every other


def test_a_phones_jpeg_with_a_second_picture_behind(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (64, 48), (200,) * 3), Image.new("RGB", (64, 48))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    np.testing.assert_allclose(still(tmp_path, data, ".jpg"), 200, atol=2)


def test_one_transparent_colour_of_a_palette(tmp_path: Path) -> None:
    assert still(tmp_path, encoded(Image.new("P", (30, 20), 0), "PNG", transparency=0))[0, 0] == 255


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "L"), ("PNG", "L"), ("PNG", "LA")])
def test_upright_as_exif_says(
    tmp_path: Path, kind: str, mode: str, orientation: int, corner: tuple[int, int]
) -> None:
    image = Image.new("L", (64, 48), 250)
    image.paste(10, (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = still(tmp_path, encoded(image.convert(mode), kind, exif=exif))
    assert pixels.shape == ((48, 64) if orientation in (1, 3) else (64, 48))
    dark = [at for at in ((0, 0), (0, -1), (-1, 0), (-1, -1)) if pixels[at] < 100]
    assert dark == [corner]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.6, 0.95])
def test_truncated(tmp_path: Path, kind: str, part: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(FrameError, match=r"still\.png: (a damaged image|not an image)"):
        still(tmp_path, data[: int(len(data) * part)])


@pytest.mark.parametrize(("width", "height"), [(12_000, 8_000), (20_000, 20_000)])
def test_too_large(tmp_path: Path, width: int, height: int) -> None:
    with pytest.raises(FrameError, match=r"too large; scale it to less than 89 megapixels"):
        still(tmp_path, encoded(Image.new("1", (width, height)), "PNG"))


def test_a_bomb_needs_no_memory(tmp_path: Path) -> None:
    Image.MAX_IMAGE_PIXELS, limit = None, Image.MAX_IMAGE_PIXELS
    try:
        Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    program = f"""
import resource
from pathlib import Path
from appliance.cameras.recording import read_still
from appliance.errors import FrameError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_still(Path({str(tmp_path / "bomb.png")!r}))
except FrameError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 100_000, "kilobytes; decoded it would be 900 MB"
    assert done.stderr == ""


def test_a_strip_that_opencv_refuses(tmp_path: Path) -> None:
    strip = encoded(Image.new("1", (2_000_000, 1)), "PNG")
    with pytest.raises(FrameError, match=r"too large|damaged"):
        still(tmp_path, strip)


def test_a_file_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LARGEST_FILE", 2**20)
    with pytest.raises(FrameError, match=r"larger than 1 MB; give a photograph"):
        still(tmp_path, bytes(2**20 + 1))


def test_a_kind_that_is_not_taken(tmp_path: Path) -> None:
    floating = encoded(Image.new("F", (30, 20), 0.5), "TIFF")
    with pytest.raises(FrameError, match=r"of a kind that cannot be read; save it as JPEG or PNG"):
        still(tmp_path, floating)
    with pytest.raises(FrameError, match=r"not an image"):
        still(tmp_path, encoded(Image.new("L", (30, 20)), "GIF"))


def test_missing_and_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FrameError, match=r"none\.png: no such file$"):
        read_still(tmp_path / "none.png")
    with pytest.raises(FrameError, match=r"not a file"):
        read_still(tmp_path)

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(FrameError, match=r"a\.png: cannot be read \(Permission denied\)"):
        read_still(save(tmp_path / "a.png"))


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(CameraError, match=r"cannot be read \(Permission denied\)"):
        open_camera(str(tmp_path), ONCE)


SEEDS = [
    encoded(Image.new(mode, (9, 7), 100), kind)
    for mode, kind in (("L", "PNG"), ("RGB", "JPEG"), ("L", "BMP"), ("RGB", "TIFF"), ("RGB", "WEBP"))
] + [encoded(Image.new("RGBA", (9, 7)), "PNG"), b"P5 3 2 255\n" + bytes(6)]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An image file with some bytes exchanged, cut out or put in."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 8)))
        data[start:end] = draw(st.binary(max_size=8))
    return bytes(data)


@pytest.mark.filterwarnings("error::UserWarning")
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.binary(max_size=300) | damaged())
def test_any_bytes_are_a_picture_or_a_frame_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.png"
    path.write_bytes(data)
    try:
        gray = read_still(path).gray
    except FrameError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
    else:
        assert gray.ndim == 2
        assert gray.dtype == np.uint8
        assert gray.size > 0
