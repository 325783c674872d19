"""The connected components of a mask, in a fraction of the time that OpenCV's own take."""

from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray


def components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
    """The connected components of a mask `uint8 (H, W)`: labels `(H, W)`, 0 for what is in none, and of each
    label, that one too, OpenCV's statistics `int32 (N, 5)`.

    Most frames are paper, so only the part that holds anything is gone through.
    """
    x, y, width, height = cv2.boundingRect(mask)
    there = slice(y, y + height), slice(x, x + width)
    found, stats = components_throughout(mask[there]) if width else (None, np.zeros((1, 5), np.int32))
    labels = np.zeros(mask.shape, np.int32 if found is None else found.dtype)
    if found is not None:
        labels[there] = found
    stats[:, : cv2.CC_STAT_TOP + 1] += (x, y)
    stats[0] = (0, 0, mask.shape[1], mask.shape[0], mask.size - stats[1:, cv2.CC_STAT_AREA].sum())
    return labels, stats


def components_throughout(mask: NDArray[np.uint8]) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
    """The same of a mask that holds something on all sides."""
    # In two bytes OpenCV is twice as fast; it takes no more labels than there are pixels.
    kind = cv2.CV_16U if cv2.countNonZero(mask) < 2**16 else cv2.CV_32S
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, kind, cv2.CCL_BBDT)
    return labels, stats


def labelled(labels: NDArray[np.integer], some: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the components with some of the labels are, at least one."""
    return reduce(np.logical_or, (labels == label for label in some.tolist()))
