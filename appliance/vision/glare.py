"""Takes off a frame the glare of a lamp that is mirrored in what is written on.

The mirrored light is added to that of the board and of the ink on it alike, and the picture nears white: the
nearer, the less is left of a difference. How bright the board is tells how much that is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.vision.ink import Ink, in_blocks, wiped

_GLARING = 1.3  # times as bright as half of the frame, at least, is glare
_LIT = 48  # of 255: half of the frame is as bright, for on black nothing is darker than what it is written on
_SHARE = 0.02  # of the frame, at least, lies in the glare
_SOFT = 0.6  # of how much brighter glare is, at most, from block to block: what lies in the sun has an edge
_PALE = 90  # of 255: all ink in the glare is less; where a lamp only shines, it is as strong as anywhere
_PEN = 17  # blocks: what is no thicker, and darker than what is about it, is written
_MOST = 3.0  # times, at most, a difference is enlarged: all else is noise
_FINE = 64  # parts of one in which that is told, in a byte


def without_glare(gray: NDArray[np.uint8], ink: Ink) -> NDArray[np.uint8]:
    """A gray frame `uint8 (H, W)` as if no lamp were mirrored in it; the same frame if none is.

    `ink` is the frame's own.
    """
    usual = _beside_glare(ink)
    if usual is None:
        return gray
    board = wiped(in_blocks(gray), cv2.MORPH_CLOSE, _PEN)
    board = cv2.resize(board, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    lost = np.clip((255 - usual) / (256 - np.arange(256)), 1, _MOST)
    times = cv2.LUT(board, np.rint(lost * _FINE).astype(np.uint8))
    darker = cv2.multiply(cv2.subtract(board, gray), times, scale=1 / _FINE)
    dull = cv2.subtract(np.full_like(gray, usual), darker)
    return np.where(board > usual, dull, gray)


def _beside_glare(ink: Ink) -> float | None:
    """How bright paper is where no lamp is mirrored in it; None if none is anywhere."""
    paper = ink.paper_in_blocks
    levels = np.sort(paper[::4, ::4], axis=None)
    usual, brightest = float(levels[levels.size // 2]), float(levels[-1 - int(_SHARE * levels.size)])
    if usual < _LIT or brightest <= _GLARING * usual:
        return None
    steps = cv2.morphologyEx(paper, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    if steps.max() > _SOFT * (brightest - usual):
        return None
    strongest = in_blocks(ink.dark)[paper > (usual + brightest) / 2].max()
    return usual if strongest < _PALE else None
