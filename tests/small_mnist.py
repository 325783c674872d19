"""A small stand-in for MNIST, printed digits that are learnt in a second; run as a script, it is
`digit-train` with that in MNIST's place and quick crops in the place of rendered scenes.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.network import NOT_A_DIGIT
from training import cli, fit, mnist
from training.mnist import Digits

TRAINING, HELD_OUT, TEST = 500, 100, 120


def printed(count: int, seed: int) -> Digits:
    """Digits in print, each a little larger, thicker and elsewhere than the others."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    images = np.zeros((count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        at = (7 + int(rng.integers(-1, 2)), 21 + int(rng.integers(-1, 2)))
        size, thickness = rng.uniform(0.6, 0.75), int(rng.integers(1, 4))
        cv2.putText(image, str(label), at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, thickness, cv2.LINE_AA)
    return Digits(images, labels.astype(np.int64))


def files() -> dict[str, bytes]:
    """Its four files, by MNIST's names."""
    found = {}
    for part, digits in (("train", printed(TRAINING, 1)), ("t10k", printed(TEST, 2))):
        count = len(digits).to_bytes(4, "big")
        side = (28).to_bytes(4, "big")
        pixels = digits.images.tobytes()
        found[f"{part}-images-idx3-ubyte"] = b"\0\0\x08\x03" + count + side + side + pixels
        found[f"{part}-labels-idx1-ubyte"] = (
            b"\0\0\x08\x01" + count + digits.labels.astype(np.uint8).tobytes()
        )
    return found


def write(folder: Path, packed: bool = False) -> Path:
    """Writes the four files, plain or as gzip; gives the folder."""
    folder.mkdir(exist_ok=True)
    for name, content in files().items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / name).write_bytes(content)
    return folder


def quick_crops(
    images: NDArray[np.uint8], labels: NDArray[np.int64], count: int, seed: int, left_out: str = ""
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits as they are, and every third turned into stripes, which are none."""
    rows = np.random.default_rng(seed).integers(0, len(images), count)
    crops, values = images[rows].copy(), labels[rows].copy()
    crops[::3, ::4], crops[::3, 1::4] = 255, 0
    values[::3] = NOT_A_DIGIT
    return crops, values


def put_right(folder: Path, digits: Digits) -> Path:
    """A folder of corrections, as the appliance keeps them; gives it."""
    for number, (crop, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        place = folder / f"20261124T0715{number:02}-0a1b2c3d"
        place.mkdir(parents=True)
        cv2.imwrite(str(place / "crop.png"), crop)
        value = None if label == NOT_A_DIGIT else int(label)
        (place / "correction.json").write_text(json.dumps({"id": place.name, "value": value, "read": 3}))
    return folder


def replacements() -> list[tuple[object, str, object]]:
    """What has to be set, where, to what, for training to take this for MNIST."""
    return [
        (
            mnist,
            "CHECKSUMS",
            {name: hashlib.sha256(content).hexdigest() for name, content in files().items()},
        ),
        (mnist, "HELD_OUT", HELD_OUT),
        (fit, "make_crops", quick_crops),
        (fit, "HELD_OUT_SCENES", 90),
    ]


if __name__ == "__main__":
    for owner, name, value in replacements():
        setattr(owner, name, value)
    sys.exit(cli.main())
