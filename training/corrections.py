"""Corrections: readings that somebody put right on the live page, in a folder that `digit-train pull` filled.

FOLDER/20261124-071500-0a1b2c3d/
    crop.png           28x28, white on black, as the network saw it
    correction.json    {"value": 7, ...}, or null where there is no digit
"""

import logging
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np

from appliance.network import NOT_A_DIGIT
from training.errors import DataError
from training.mnist import Digits

log = logging.getLogger(__name__)


class _Correction(msgspec.Struct, frozen=True):
    """What of `correction.json` is needed here."""

    value: Annotated[int, msgspec.Meta(ge=0, le=9)] | None


def read_corrections(folder: Path) -> Digits:
    """The corrected crops with their right values, 0 to 9 or `NOT_A_DIGIT`, in the order of their names.

    Damaged ones are named and left out. Raises `DataError` if there is none.
    """
    crops, values = [], []
    for place in sorted(path.parent for path in folder.glob("[!.]*/correction.json")):
        try:
            correction = msgspec.json.decode((place / "correction.json").read_bytes(), type=_Correction)
            crop = cv2.imdecode(np.fromfile(place / "crop.png", np.uint8), cv2.IMREAD_GRAYSCALE)
        except (OSError, msgspec.DecodeError, cv2.error) as error:
            log.warning("%s: left out (%s)", place, error)
            continue
        if crop is None or crop.shape != (28, 28):
            log.warning("%s: left out (crop.png is not 28x28)", place)
            continue
        crops.append(crop)
        values.append(NOT_A_DIGIT if correction.value is None else correction.value)
    if not crops:
        raise DataError(f"{folder}: holds no corrections; digit-train pull HOST {folder} fetches them")
    return Digits(np.stack(crops), np.array(values, np.int64))
