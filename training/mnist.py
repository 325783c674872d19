"""MNIST: fetched or found on disk, every file proven by its checksum, and split.

The 60,000 training images are split by a fixed seed into 55,000 to train on and 5,000 held out for
every choice. The 10,000 test images are for the one look at the end.
"""

import gzip
import hashlib
import http.client
import io
import logging
import urllib.request
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import platformdirs
from numpy.typing import NDArray

from appliance.atomic import write_atomically
from training.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""The SHA-256 of each file, unpacked."""

HELD_OUT = 5_000
SPLIT_SEED = 20_131

_LARGEST = 64 << 20
_TIMEOUT_SECONDS = 20.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Digits:
    """Labelled crops: images `uint8 (N, 28, 28)`, white on black, and labels `int64 (N,)`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Digits":
        return Digits(self.images[rows], self.labels[rows])

    def __add__(self, other: "Digits") -> "Digits":
        return Digits(
            np.concatenate([self.images, other.images]), np.concatenate([self.labels, other.labels])
        )


def training(folder: Path | None = None) -> Digits:
    """The 55,000 images to train on, from `folder` or, without one, from the cache or a mirror.

    Raises `DataError` if a file is missing, damaged, or not MNIST's.
    """
    digits = _load("train", folder)
    return digits[_order(len(digits))[HELD_OUT:]]


def validation(folder: Path | None = None) -> Digits:
    """The 5,000 held-out training images, for choices and calibration. Raises as `training`."""
    digits = _load("train", folder)
    return digits[_order(len(digits))[:HELD_OUT]]


def test(folder: Path | None = None) -> Digits:
    """The 10,000 test images. Raises as `training`."""
    return _load("t10k", folder)


def _order(count: int) -> NDArray[np.int64]:
    # numpy promises that RandomState's numbers never change; it does not for default_rng.
    return np.random.RandomState(SPLIT_SEED).permutation(count).astype(np.int64)


def _load(part: str, folder: Path | None) -> Digits:
    """One half of MNIST; its IDX headers need no reading, as the checksums cover them."""
    images = _content(f"{part}-images-idx3-ubyte", folder)
    labels = _content(f"{part}-labels-idx1-ubyte", folder)
    return Digits(
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28),
        np.frombuffer(labels, np.uint8, offset=8).astype(np.int64),
    )


def _content(name: str, folder: Path | None) -> bytes:
    return _fetched(name) if folder is None else _found(name, folder)


def _found(name: str, folder: Path) -> bytes:
    """A file of a folder, plain or packed."""
    paths = [folder / name, folder / f"{name}.gz"]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        raise DataError(
            f"{folder}: holds neither {name} nor {name}.gz; give a folder with MNIST's four files"
        )
    try:
        with path.open("rb") as file:
            return _proven(name, file.read(_LARGEST), str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _fetched(name: str) -> bytes:
    """A file of the cache; where it is missing or damaged there, it is downloaded."""
    cache = platformdirs.user_cache_path("digit-appliance") / "mnist"
    with suppress(DataError):
        return _found(name, cache)
    packed, content = _download(name)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        write_atomically(cache / f"{name}.gz", packed)
        (cache / name).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{cache}: cannot be written ({error.strerror}); free or allow it") from error
    return content


def _download(name: str) -> tuple[bytes, bytes]:
    """A file as it came and unpacked, from the first mirror that gives it whole."""
    failures = []
    for mirror in MIRRORS:
        host = urlsplit(mirror).netloc
        _log.info("downloading %s.gz from %s", name, host)
        try:
            with urllib.request.urlopen(f"{mirror}{name}.gz", timeout=_TIMEOUT_SECONDS) as response:
                packed = response.read(_LARGEST)
            return packed, _proven(name, packed, "what it sent")
        except (OSError, http.client.HTTPException, DataError) as error:
            failures.append(f"{host}: {getattr(error, 'reason', error)}")
    raise DataError(
        f"{name}.gz: no mirror gave it ({'; '.join(failures)}); "
        "try again later, or give --data FOLDER with MNIST's four files"
    )


def _proven(name: str, data: bytes, source: str) -> bytes:
    """`data`, unpacked if need be, if it is the file called `name`."""
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_LARGEST)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{source}: is damaged ({error}); get it again") from error
    if hashlib.sha256(data).hexdigest() != CHECKSUMS[name]:
        raise DataError(f"{source}: is not MNIST's {name} (SHA-256 differs); get it again")
    return data
