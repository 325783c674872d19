"""Cuts frames out of pictures with no digit in them, and says in how many of these frames one is seen.

    python -m benchmarks.world FOLDER [--cuts N] [--seed N] [--weights FILE] [--sheet FILE]

Photographs of anything serve, such as desktop backgrounds and the samples of image libraries: `apt-get
download` and `dpkg-deb -x` fetch Debian's gnome-backgrounds, lomiri-wallpapers-16.04 and -20.04,
mate-backgrounds, plasma-workspace-wallpapers, ukui-wallpapers and opencv-doc, and the wheels of scikit-image
and scikit-learn hold some too. Pictures that do show digits, and copies, are for you to take out first.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from appliance.cameras.recording import read_still
from appliance.frame import Frame
from appliance.reader import Reader
from benchmarks.options import FAILURES, SHIPPED, Seed, Sheet, Weights
from benchmarks.report import Failure, share, sheet
from benchmarks.tables import show

_HEIGHT, _WIDTH = 480, 640
_CLOSEST = 6.0  # times as large as the whole picture fits a frame
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


def main(
    folder: Path,
    cuts: Annotated[int, typer.Option(min=1, help="how many frames of each picture")] = 8,
    seed: Seed = 0,
    weights: Weights = SHIPPED,
    sheet_file: Sheet = FAILURES,
) -> None:
    """Reads frames cut out of the pictures in FOLDER, and prints in how many a digit is seen."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    if not paths:
        sys.exit(f"{folder}: holds no picture ({', '.join(sorted(_PICTURES))})")
    reader = Reader(weights)
    failures = []
    digits = 0
    for number, path in enumerate(paths):
        rng = np.random.default_rng([seed, number])
        for gray in cut(read_still(path).gray, cuts, rng):
            reading = reader.read(Frame(gray, 0, 0))
            digits += len(reading.digits)
            if reading.digits:
                failures.append(Failure(f"{path.stem}: {reading.text}", gray, reading))
    frames = len(paths) * cuts
    table = Table("pictures", "frames", "with a digit, %", "digits in 1,000 frames")
    table.add_row(str(len(paths)), str(frames), share(len(failures), frames), f"{1000 * digits / frames:.1f}")
    show(table)
    sheet(failures, sheet_file)


def cut(picture: NDArray[np.uint8], count: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Frames `uint8 (480, 640)` of a picture: first as much as fits, then ever other parts from closer by."""
    height, width = picture.shape
    fits = max(_HEIGHT / height, _WIDTH / width)
    # From so close that a pixel of the picture is not yet one and a half.
    closest = float(np.clip(1.5 / fits, 1, _CLOSEST))
    for number in range(count):
        scale = fits * (closest ** rng.uniform() if number else 1)
        size = max(_WIDTH, round(width * scale)), max(_HEIGHT, round(height * scale))
        seen = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        x, y = int(rng.integers(size[0] - _WIDTH + 1)), int(rng.integers(size[1] - _HEIGHT + 1))
        yield np.ascontiguousarray(seen[y : y + _HEIGHT, x : x + _WIDTH])


if __name__ == "__main__":
    typer.run(main)
