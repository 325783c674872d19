"""Recorded frames: a folder of images, one image, or a video, played as a camera would give them."""

import io
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from appliance.cameras import Camera
from appliance.config import CameraSettings
from appliance.errors import CameraError, CameraStalledError, FrameError, SourceEndedError
from appliance.frame import Frame

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp")
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What these suffixes may hold, by Pillow's names, some of whose other formats start programs."""

_SCAN_OF_JPEG, _END_OF_JPEG = b"\xff\xda", b"\xff\xd9"

LARGEST_FILE = 100 * 2**20
"""Bytes; no photograph is larger."""

_SOURCES = "a source is picamera, webcam, or the path of a folder of images, a video or an image"


def read_still(path: Path) -> Frame:
    """The image in a file, gray and upright (EXIF); what is transparent lies on white.

    Raises `FrameError` if it is missing, not an image, truncated, or larger than 89 megapixels.
    """
    try:
        return Frame(_decode(_read(path)), 0, time.monotonic_ns(), path.name)
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise FrameError(f"{path}: {error}") from error


class _View(Protocol):
    """What is before the camera in one frame; looking at `gray` decodes it, and may raise `FrameError`."""

    name: str
    broken: bool

    @property
    def gray(self) -> NDArray[np.uint8]: ...


_Views = Generator[_View, None, None]


class Recording(Camera):
    """Plays a folder's images in the order of their names, each for `settings.dwell` frames, or a video.

    Frames are timed by the recording: each is its turn's number times the frame period after the first,
    however fast it is read. The period is that of `fps`, else the video's, else of `settings.fps`.
    """

    def __init__(
        self, path: Path, settings: CameraSettings, *, loop: bool = False, fps: float | None = None
    ) -> None:
        """Raises `CameraError` if there is no recording at `path` or it holds no images."""
        if fps is not None and not 0 < fps <= 1000:
            raise CameraError(f"{fps:g} frames a second is no pace for a recording; give 0.1 to 1000")
        self.name, own_fps, play = _find(path, settings.dwell)
        self._paced = fps is not None
        self._fps = fps or own_fps or settings.fps
        self._views = _again_and_again(play, self.name) if loop else play()
        self._closed = False
        self._sequence = 0
        self._first_ns: int | None = None

    def read(self, timeout: float) -> Frame:
        if self._first_ns is None:
            self._first_ns = time.monotonic_ns()
        if self._paced:
            for _ in range(self._missed(timeout)):
                self._next()
        time_ns, sequence = self._due_ns(), self._sequence
        view = self._next()
        return Frame(view.gray, sequence, time_ns, view.name)

    def close(self) -> None:
        self._closed = True
        self._views.close()

    def _next(self) -> _View:
        if self._closed:
            raise CameraError(f"{self.name} is closed")
        try:
            view = next(self._views)
        except StopIteration:
            raise SourceEndedError(f"{self.name} is over; --loop repeats it") from None
        self._sequence += 1
        return view

    def _missed(self, timeout: float) -> int:
        """Waits until the next frame is due; how many were due before the newest that is."""
        early = (self._due_ns() - time.monotonic_ns()) / 1e9
        time.sleep(max(0.0, min(early, timeout)))
        if early > timeout:
            raise CameraStalledError(f"{self.name}: the next frame is due in {early - timeout:.1f} s")
        return int(max(0.0, -early) * self._fps)

    def _due_ns(self) -> int:
        return (self._first_ns or 0) + round(self._sequence / self._fps * 1e9)


class _Still:
    broken = False

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        try:
            return read_still(self._path).gray
        except FrameError:
            self.broken = True
            raise


class _Shot:
    """A frame of a video, valid until the next is grabbed."""

    broken = False

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        self.name = name
        self._capture = capture

    @property
    def gray(self) -> NDArray[np.uint8]:
        good, picture = self._capture.retrieve()
        if not good:
            self.broken = True
            raise FrameError(f"{self.name}: a frame cannot be decoded")
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _find(path: Path, dwell: int) -> tuple[str, float | None, Callable[[], _Views]]:
    """The recording's name, its own frames a second if it has any, and how to play it once."""
    try:
        if path.is_dir():
            stills = sorted(file for file in path.iterdir() if _is_image(file))
            if not stills:
                raise CameraError(f"{path}: no images in this folder; 'digit-appliance record' makes some")
            images = "1 image" if len(stills) == 1 else f"{len(stills)} images"
            return f"folder {path} ({images})", None, lambda: _play_stills(stills, dwell)
        if not path.is_file():
            raise CameraError(f"{path}: {'not a file' if path.exists() else 'no such file'}; {_SOURCES}")
        if _is_image(path):
            return f"image {path}", None, lambda: _play_stills([path], dwell)
    except OSError as error:
        if isinstance(error, CameraError):
            raise
        raise CameraError(f"{path}: cannot be read ({error.strerror}); {_SOURCES}") from error
    capture = _open_video(path)
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return f"video {path}", fps if 1 <= fps <= 240 else None, lambda: _play_video(path)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _play_stills(paths: list[Path], dwell: int) -> _Views:
    for path in paths:
        still = _Still(path)
        for view in repeat(still, dwell):
            yield view
            if still.broken:
                break


def _play_video(path: Path) -> _Views:
    capture = _open_video(path)
    try:
        while capture.grab():
            yield _Shot(path.name, capture)
    finally:
        capture.release()


def _open_video(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise CameraError(f"{path}: neither an image nor a video that can be read; {_SOURCES}")
    return capture


def _again_and_again(play: Callable[[], _Views], name: str) -> _Views:
    while True:
        good = False
        for view in play():
            yield view
            good = good or not view.broken
        if not good:
            raise CameraError(f"{name}: not one picture in it can be read")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError("not a file" if path.exists() else "no such file")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE // 2**20} MB; give a photograph")
    return path.read_bytes()


def _decode(data: bytes) -> NDArray[np.uint8]:
    with _damage_told(), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if "A" in image.getbands() or "transparency" in image.info:
            return _on_white(image)
        image.verify()
        jpeg = image.format in ("JPEG", "MPO")
    if jpeg and data.rfind(_END_OF_JPEG) < data.rfind(_SCAN_OF_JPEG):  # OpenCV before 4.11 fills it with gray
        raise ValueError("a damaged image, cut off before its end; copy it again")
    try:
        gray = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise ValueError("too large; scale it down") from error
    if gray is None:
        raise ValueError("a damaged image, or of a kind that cannot be read; save it as JPEG or PNG")
    return np.asarray(gray, np.uint8)


@contextmanager
def _damage_told() -> Iterator[None]:
    """Pillow looks at the header alone, so that one too large is refused before it fills the memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError("too large; scale it to less than 89 megapixels") from error
    except Exception as error:  # what Pillow raises for damaged files has no common kind
        raise ValueError("not an image, or a damaged one; save it as JPEG or PNG") from error


def _on_white(image: Image.Image) -> NDArray[np.uint8]:
    """A drawing without a background is drawn on paper; left out, its background would be as black as it."""
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    paper = Image.new("RGBA", upright.size, "white")
    paper.alpha_composite(upright)
    return np.array(paper.convert("L"))
