"""One picture from a camera, and when it was taken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, as the camera gave it.

    `gray` is `uint8 (H, W)`, 0 black to 255 white; it may be a view with a row stride longer than W,
    and is valid only until the camera is asked for its next frame or closed.
    `sequence` counts the source's frames from 0, those skipped included.
    `time_ns` is when the picture was taken, on the clock of `time.monotonic_ns()`.
    `name` says where a recorded frame came from (the file's name); empty for live cameras.
    """

    gray: NDArray[np.uint8]
    sequence: int
    time_ns: int
    name: str = ""
