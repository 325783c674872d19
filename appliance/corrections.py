"""Readings that a person has put right, kept to learn from.

    /var/lib/digit-appliance/corrections/
        20261125T031500-1a2b3c4d/    crop.png  frame.jpg  correction.json
        waiting-20261125T031622-…/   the same, of which nobody has said yet what it is

A correction is there whole or not at all: it is made under a hidden name and renamed.
"""

import fcntl
import io
import logging
import os
import re
import secrets
import shutil
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import cv2
import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from appliance.atomic import write_atomically
from appliance.config import CorrectionSettings
from appliance.errors import CorrectionError, NoCorrectionError
from appliance.state import state_folder
from appliance.vision import Box

log = logging.getLogger(__name__)

ID = r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}"
"""What an id looks like: a time (UTC), and a number that no two appliances choose alike."""

CROP, FRAME, FACTS = "crop.png", "frame.jpg", "correction.json"
"""The three files of a correction."""

SPARE = 50 * 2**20
"""Bytes that stay free on the disk, whatever the settings allow."""

Value = Annotated[int, Meta(ge=0, le=9)] | None
"""The right digit, or None for what is not a digit."""

FEW = 10
"""Corrections, fewer than which move a network little."""

_QUALITY = 92  # of the frame's JPEG, 0 to 100
_WAITING = "waiting-"


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and what a person says it is."""

    id: str
    time: float
    """When it was kept, in Unix seconds."""
    value: Value | UnsetType = UNSET
    """Missing as long as nobody has said."""
    read: Value
    """The digit that was read, if one was."""
    confidence: float
    """How sure that was, 0 to 1."""
    box: Box
    """Where in the frame, `(x, y, w, h)`."""
    weights: str
    """The SHA-256 of the weights that read it."""

    @property
    def waits(self) -> bool:
        """Whether a person has yet to say what it is."""
        return self.value is UNSET


class Corrections:
    """The store. Several processes may use it at once, and one that may only read may still list and export.

    Every method raises `CorrectionError` for an id that is not there, and where the disk fails.
    """

    def __init__(self, settings: CorrectionSettings | None = None, folder: Path | None = None) -> None:
        """Touches nothing yet; `settings` may be replaced. `folder` takes the place of the appliance's."""
        self.settings = settings or CorrectionSettings()
        self.folder = folder or state_folder() / "corrections"

    def all(self) -> list[Correction]:
        """Everything kept, oldest first, what waits among it."""
        found = (self._read(path) for path in self._places())
        return sorted((one for one in found if one is not None), key=lambda one: one.id)

    def answered(self) -> list[Correction]:
        """What there is to learn from, oldest first."""
        return [one for one in self.all() if not one.waits]

    def keep(
        self,
        crop: NDArray[np.uint8],
        frame: NDArray[np.uint8],
        *,
        value: Value | UnsetType = UNSET,
        read: Value,
        confidence: float,
        box: Box,
        weights: str,
    ) -> Correction:
        """Keeps a crop `(28, 28)` and the gray frame `(H, W)` it was cut from.

        Raises `CorrectionError` where the store or the disk is full: nothing that a person did gives way.
        """
        now = time.time()
        name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now)) + f"-{secrets.token_hex(4)}"
        one = Correction(
            id=name,
            time=round(now, 3),
            value=value,
            read=read,
            confidence=round(confidence, 4),
            box=box,
            weights=weights,
        )
        files = {
            CROP: _encoded(".png", crop),
            FRAME: _encoded(".jpg", frame, cv2.IMWRITE_JPEG_QUALITY, _QUALITY),
            FACTS: _json(one),
        }
        with self._changing():
            self._check_room(sum(map(len, files.values())))
            with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as temporary:
                new = Path(temporary) / "whole"
                new.mkdir()
                for name, data in files.items():
                    write_atomically(new / name, data)
                _to_disk(new)
                new.rename(self.folder / _folder_name(one))
        return one

    def answer(self, id: str, value: Value) -> Correction:
        """Says, or says anew, what a correction is: a digit, or None for none."""
        with self._changing():
            place, before = self._find(id)
            after = msgspec.structs.replace(before, value=value)
            write_atomically(place / FACTS, _json(after))
            if before.waits:
                place.rename(self.folder / _folder_name(after))
        return after

    def delete(self, id: str) -> None:
        """Forgets a correction."""
        with self._changing():
            place, _ = self._find(id)
            gone = self.folder / f".gone-{place.name}"
            place.rename(gone)
            shutil.rmtree(gone)

    def picture(self, id: str, name: str) -> bytes:
        """The file `CROP` or `FRAME` of a correction."""
        if name not in (CROP, FRAME):
            raise NoCorrectionError(f"a correction has no picture {name!r}")
        place, _ = self._find(id)
        with self._reporting():
            return (place / name).read_bytes()

    def export(self, ids: Sequence[str], stream: BinaryIO) -> None:
        """Writes corrections as a tar archive, in which each has the folder that it has here."""
        found = [self._find(id) for id in ids]
        if waiting := [one.id for _, one in found if one.waits]:
            raise CorrectionError(f"nobody has said yet what {', '.join(waiting)} is; do so on the page")
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for place, _ in found:
                with self._reporting():
                    files = {name: (place / name).read_bytes() for name in (CROP, FRAME, FACTS)}
                for name, data in files.items():
                    entry = tarfile.TarInfo(f"{place.name}/{name}")
                    entry.size, entry.mtime = len(data), int(place.stat().st_mtime)
                    archive.addfile(entry, io.BytesIO(data))

    def _find(self, id: str) -> tuple[Path, Correction]:
        if re.fullmatch(ID, id):
            for place in (self.folder / id, self.folder / (_WAITING + id)):
                if (one := self._read(place)) is not None:
                    return place, one
        raise NoCorrectionError(f"there is no correction {id!r}")

    def _places(self) -> Iterator[Path]:
        if not self.folder.is_dir():
            return
        with self._reporting():
            yield from (
                path for path in self.folder.iterdir() if re.fullmatch(f"({_WAITING})?{ID}", path.name)
            )

    def _read(self, place: Path) -> Correction | None:
        """The correction in a folder; None if it is not there, or no longer."""
        try:
            one = msgspec.json.decode((place / FACTS).read_bytes(), type=Correction)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("%s is left out: %s", place, error)
            return None
        return one if _folder_name(one) == place.name else None

    def _check_room(self, needed: int) -> None:
        places = list(self._places())
        if len(places) >= self.settings.most:
            raise CorrectionError(
                f"there are {len(places)} corrections, the most that corrections.most allows; "
                "take them to the laptop and delete some"
            )
        taken = sum(file.stat().st_size for place in places for file in place.iterdir())
        if taken + needed > self.settings.megabytes * 2**20:
            raise CorrectionError(
                f"corrections take {taken / 2**20:.0f} MB, the most that corrections.megabytes allows; "
                "take them to the laptop and delete some"
            )
        if shutil.disk_usage(self.folder).free < needed + SPARE:
            raise CorrectionError(f"{self.folder}: the disk is nearly full; delete something")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """The folder, made if need be, swept, and held against others that would change it."""
        with self._reporting():
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                for leftover in [*self.folder.glob(".new-*"), *self.folder.glob(".gone-*")]:
                    shutil.rmtree(leftover, ignore_errors=True)
                yield
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except CorrectionError:
            raise
        except OSError as error:
            raise CorrectionError(f"{error.filename or self.folder}: {error.strerror}") from error


def advice(corrections: Sequence[Correction]) -> str:
    """Whether these are enough to retrain, in a sentence for their owner."""
    answered = sum(not one.waits for one in corrections)
    if answered == 0:
        return "Nothing to learn from yet."
    if answered < FEW:
        return f"Enough for a first try; {FEW - answered} more make it worth while."
    return "Enough to retrain: take them to the laptop."


def counted(corrections: Sequence[Correction]) -> dict[int | None, int]:
    """How many there are of each digit, and of None, no digit; those that wait count nowhere."""
    counts = Counter(one.value for one in corrections if not one.waits)
    return {value: counts[value] for value in (*range(10), None)}


def _folder_name(one: Correction) -> str:
    return f"{_WAITING if one.waits else ''}{one.id}"


def _json(one: Correction) -> bytes:
    return msgspec.json.format(msgspec.json.encode(one), indent=2) + b"\n"


def _encoded(suffix: str, image: NDArray[np.uint8], *options: int) -> bytes:
    return cv2.imencode(suffix, image, options)[1].tobytes()


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
