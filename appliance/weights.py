"""The weights on this machine: those shipped, those installed since, and the way back.

    /var/lib/digit-appliance/weights/
        1/digits.pt  1/digits.json  1/digits.onnx   every installation has a folder of its own;
        2/digits.pt  2/digits.json                  the ONNX is there if there is one
        current -> 2                                one rename switches the weights and their card together

Installations are a stack: `rollback` goes to the one below, and at last to those shipped; what lies above
is forgotten at the next `install`.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from appliance import shipped
from appliance.atomic import write_atomically
from appliance.cameras.recording import read_still
from appliance.card import card_path, onnx_path, read_onnx, read_weights
from appliance.config import EngineName, ReadingSettings
from appliance.engine import open_engine
from appliance.errors import WeightsError
from appliance.labels import read_labels
from appliance.reader import Reader
from appliance.state import state_folder

log = logging.getLogger(__name__)

KEPT = 3
"""How many installations are kept, the one in use among them."""

_FILES = ("digits.pt", "digits.json", "digits.onnx")
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How many of the shipped frames were read right."""

    right: int
    frames: int

    def __str__(self) -> str:
        return f"{self.right} of the {self.frames} shipped frames"


def candidates(settings: ReadingSettings) -> list[Path]:
    """The weights to use, best first: the configured ones, else the installed ones, then those shipped."""
    if settings.weights:
        return [Path(settings.weights).expanduser()]
    current = _current()
    return [*([current / "digits.pt"] if current else []), shipped.models() / "digits.pt"]


def known(settings: ReadingSettings) -> list[Path]:
    """All weights that could be used: configured, installed (the newest first), shipped."""
    configured = candidates(settings)[:1] if settings.weights else []
    kept = [folder.resolve() / "digits.pt" for folder in reversed(installed())]
    return [*configured, *kept, shipped.models() / "digits.pt"]


def open_reader(settings: ReadingSettings) -> Reader:
    """A reader with the best weights; installed ones that have gone bad give way to those shipped.

    Raises `WeightsError` if none can be used.
    """
    *better, last = candidates(settings)
    for weights in better:
        try:
            return _reader(weights, settings)
        except WeightsError as error:
            log.error("%s; going on with the shipped weights", error)
    return _reader(last, settings)


def new_reader(settings: ReadingSettings) -> Reader:
    """A reader with the weights that should be used. Raises `WeightsError` if they cannot be."""
    return _reader(candidates(settings)[0], settings)


def installed() -> list[Path]:
    """The folders of the installed weights, oldest first."""
    if not _store().is_dir():
        return []
    return sorted((path for path in _store().iterdir() if path.name.isdigit()), key=_number)


def install(
    weights: Path, engine: EngineName = "torch", accepted: Callable[[str], None] = lambda sha256: None
) -> SelfTest:
    """Checks weights and their card, tries them on the shipped frames with `engine`, and puts them in use.

    `accepted` is called with their SHA-256 once they are in use; what it raises takes them out again.

    Raises `WeightsError` and leaves everything as it was if they are not whole, do not fit their card, or
    miss more than half of the frames.
    """
    _check(weights, engine)
    with _changing() as store, tempfile.TemporaryDirectory(prefix=".new-", dir=store) as folder:
        new = Path(folder) / "whole"
        new.mkdir()
        _copy(weights, new)
        result = _tried(new / "digits.pt", engine, weights)
        before, below = _current(), _up_to_current()
        place = new.rename(store / str(max(map(_number, installed()), default=0) + 1))
        _to_disk(store)
        _switch(place)
        try:
            accepted(read_weights(place / "digits.pt")[1].sha256)
        except BaseException:
            _switch(before)
            shutil.rmtree(place)
            raise
        for old in set(installed()) - {place, *below[-(KEPT - 1) :]}:
            shutil.rmtree(old)
    return result


def receive(sha256: str, stream: BinaryIO, engine: EngineName, accepted: Callable[[str], None]) -> SelfTest:
    """Installs weights that come with all that belongs to them as a tar archive, as `install` does.

    Raises `WeightsError` also if the archive is cut off, or holds others than those of this SHA-256.
    """
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "digits.pt"
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for entry in archive:
                    wanted = entry.isfile() and entry.name in _FILES and entry.size <= _LARGEST
                    if wanted and (file := archive.extractfile(entry)):
                        (weights.parent / entry.name).write_bytes(file.read())
            found = hashlib.sha256(weights.read_bytes()).hexdigest()
        except (tarfile.TarError, FileNotFoundError) as error:
            raise WeightsError("the weights did not arrive whole; send them again") from error
        except OSError as error:
            raise WeightsError(f"{folder}: cannot be written ({error.strerror})") from error
        if found != sha256:
            raise WeightsError("other weights arrived than were sent (SHA-256 differs); send them again")
        return install(weights, engine, accepted)


def installed_sha256() -> str:
    """The SHA-256 of the weights last installed; empty if there are none."""
    current = _current()
    try:
        return hashlib.sha256((current / "digits.pt").read_bytes()).hexdigest() if current else ""
    except OSError:
        return ""


def rollback() -> Path:
    """Goes back to the weights in use before the last installation; gives what is in use now.

    Raises `WeightsError` if the shipped ones are in use already.
    """
    with _changing():
        in_use = _current()
        if in_use is None:
            raise WeightsError("the shipped weights are in use; there is nothing to go back to")
        below = [path for path in _up_to_current() if path != in_use]
        _switch(below[-1] if below else None)
    return candidates(ReadingSettings())[0]


def try_out(weights: Path, engine: EngineName = "torch") -> SelfTest:
    """The self-test of weights that are to be used. Raises `WeightsError` if they miss more than half."""
    _check(weights, engine)
    return _tried(weights, engine, weights)


def _tried(weights: Path, engine: EngineName, name: Path) -> SelfTest:
    result = self_test(weights, engine)
    if 2 * result.right < result.frames:
        raise WeightsError(f"{name}: not installed, for it reads {result} right")
    return result


def _check(weights: Path, engine: EngineName) -> None:
    """Raises `WeightsError` unless everything that belongs to the weights is whole and fits its card."""
    open_engine(engine, weights)
    if onnx_path(weights).exists() and read_weights(weights)[1].onnx:
        read_onnx(weights)


def self_test(weights: Path, engine: EngineName = "torch") -> SelfTest:
    """Reads the shipped frames with `weights`, run by `engine`."""
    frames = shipped.frames()
    labels = read_labels(frames)
    reader = Reader(weights, engine=engine)
    right = sum(reader.read(read_still(frames / name)).text == text for name, text in labels.items())
    return SelfTest(right, len(labels))


def _reader(weights: Path, settings: ReadingSettings) -> Reader:
    threshold = None if settings.threshold == "calibrated" else settings.threshold
    return Reader(weights, threshold, settings.engine)


def _copy(weights: Path, folder: Path) -> None:
    sources = {"digits.pt": weights, "digits.json": card_path(weights), "digits.onnx": onnx_path(weights)}
    for name, source in sources.items():
        if name == "digits.onnx" and not source.exists():
            continue
        try:
            write_atomically(folder / name, source.read_bytes())
        except OSError as error:
            raise WeightsError(f"{source}: cannot be copied to {folder.parent} ({error.strerror})") from error


def _store() -> Path:
    return state_folder() / "weights"


def _current() -> Path | None:
    """The folder in use, resolved once, so that a switch meanwhile cannot mix two installations."""
    link = _store() / "current"
    return link.resolve() if link.is_symlink() else None


def _up_to_current() -> list[Path]:
    """The installations that `rollback` could reach, and the one in use; oldest first."""
    current = _current()
    return [path for path in installed() if current and _number(path) <= _number(current)]


def _number(installation: Path) -> int:
    return int(installation.name)


def _switch(place: Path | None) -> None:
    link = _store() / "current"
    if place is None:
        link.unlink()
    else:
        temporary = link.with_name(".current")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(place.name)
        temporary.replace(link)
    _to_disk(link.parent)


@contextmanager
def _changing() -> Iterator[Path]:
    """The store, made if need be, swept, and held against another command that changes it."""
    store = _store()
    usual = os.umask(0o022)  # the service is another user, and must be able to read what root installs
    try:
        store.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(store, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        os.umask(usual)
        raise WeightsError(f"{store}: cannot be made ({error.strerror}); run this with sudo") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for leftover in store.glob(".new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield store
    except PermissionError as error:
        raise WeightsError(f"{store}: cannot be changed ({error.strerror}); run this with sudo") from error
    finally:
        os.close(descriptor)
        os.umask(usual)


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
