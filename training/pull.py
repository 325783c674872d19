"""Fetches corrections from Pis into a folder: each comes once, whole, and again only where it was changed."""

import fcntl
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from appliance.atomic import write_atomically
from training.errors import DataError
from training.remote import Host

FACTS = "correction.json"
FILES = {"crop.png", "frame.jpg", FACTS}
"""What a correction consists of."""

_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")
_AT_ONCE = 200
_LARGEST = 16 << 20


def pull(host: Host, folder: Path) -> str:
    """Fetches what is missing in `folder`, or was put right otherwise since; gives a line on it.

    What has come whole is kept, whatever happens then. Raises `RemoteError`, or `DataError` where the
    folder cannot be written.
    """
    there = [msgspec.json.decode(line) for line in host.run("corrections", "list", "--json").splitlines()]
    new = [one["id"] for one in there if not (folder / one["id"]).exists()]
    changed = [one["id"] for one in there if one["id"] not in new and _facts(folder / one["id"]) != one]
    wanted = [*new, *changed]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for first in range(0, len(wanted), _AT_ONCE):
            _fetch(host, wanted[first : first + _AT_ONCE], folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error
    return f"{len(new)} new, {len(changed)} changed, {len(there)} in all"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds the folder against other pulls, and sweeps out what one that was killed left half done.

    Raises `DataError` if another is at work, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror})") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for leftover in folder.glob(".pull-*"):
            shutil.rmtree(leftover)
        yield
    except BlockingIOError as error:
        raise DataError(f"{folder}: another pull is at work there; wait for its end") from error
    finally:
        os.close(descriptor)


def _fetch(host: Host, ids: Sequence[str], folder: Path) -> None:
    missing = set(ids)
    with host.stream("corrections", "export", *ids) as stream:
        for id, files in _unpacked(stream):
            if id in missing:
                _keep(folder / id, files)
                missing.remove(id)
    if missing:
        raise DataError(f"{host.name}: {len(missing)} corrections did not arrive whole; run this again")


def _unpacked(stream: IO[bytes]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Each correction of an archive once all of its files are there."""
    files: dict[str, dict[str, bytes]] = {}
    # Where the archive is cut off it just ends; why is for the connection to say.
    with suppress(tarfile.ReadError), tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            id, _, name = entry.name.partition("/")
            wanted = entry.isfile() and name in FILES and _ID.fullmatch(id) and entry.size <= _LARGEST
            if not wanted or (file := archive.extractfile(entry)) is None:
                continue
            of_one = files.setdefault(id, {})
            of_one[name] = file.read()
            if of_one.keys() == FILES:
                yield id, files.pop(id)


def _keep(place: Path, files: dict[str, bytes]) -> None:
    """Puts a correction in its place in one step; where there is one, what it says is replaced."""
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=place.parent) as temporary:
        new = Path(temporary) / "whole"
        new.mkdir()
        for name, data in files.items():
            write_atomically(new / name, data)
        if place.exists():
            for name in sorted(FILES, key=lambda name: name == FACTS):
                (new / name).replace(place / name)
        else:
            new.rename(place)
    for folder in (place, place.parent):
        _to_disk(folder)


def _facts(place: Path) -> Any:
    try:
        return msgspec.json.decode((place / FACTS).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
