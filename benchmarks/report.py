"""What the benchmarks print: shares with their 95 % interval, and a picture of the failures."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.reader import Reading

_TILE = 260


def share(right: int, of: int) -> str:
    """A share in percent with its 95 % interval (Wilson, 1927), such as `97.3 (92.1-99.1)`."""
    if of == 0:
        return "-"
    z = 1.96
    p = right / of
    centre = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return f"{100 * p:.1f} ({100 * max(0.0, centre - half):.1f}-{100 * min(1.0, centre + half):.1f})"


@dataclass(frozen=True, slots=True)
class Failure:
    """A frame that was not read as it should."""

    title: str
    gray: NDArray[np.uint8]
    reading: Reading


def sheet(failures: Sequence[Failure], path: Path, columns: int = 6) -> None:
    """Draws the failures, each with its boxes, values and crops, and says where."""
    if not failures:
        print("no failures")
        return
    tiles = [_tile(failure) for failure in failures]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), np.vstack(rows))
    print(f"{len(failures)} failures drawn in {path}")


def _tile(failure: Failure) -> NDArray[np.uint8]:
    height, width = failure.gray.shape
    scale = min(_TILE / width, 0.75 * _TILE / height)
    picture = cv2.resize(cv2.cvtColor(failure.gray, cv2.COLOR_GRAY2BGR), None, fx=scale, fy=scale)
    for digit in failure.reading.digits:
        x, y, w, h = (round(value * scale) for value in digit.box)
        cv2.rectangle(picture, (x, y), (x + w, y + h), (0, 0, 255), 1)
        label = f"{digit.value} {digit.confidence:.2f}"
        cv2.putText(picture, label, (x, max(9, y - 2)), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 255), 1)
    tile = np.full((round(0.75 * _TILE) + 46, _TILE, 3), 255, np.uint8)
    cv2.putText(tile, failure.title, (2, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1)
    tile[14 : 14 + picture.shape[0], : picture.shape[1]] = picture
    for place, digit in enumerate(failure.reading.digits[: _TILE // 30]):
        tile[-30:-2, 30 * place : 30 * place + 28] = digit.crop[..., None]
    return tile
