"""Frames with digits drawn on them, and a small network that reads those: nothing shipped is needed."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from appliance import network
from appliance.network import Calibration, Card, build, normalise
from appliance.vision import find_crops

torch.set_num_threads(1)  # for networks as small as these, more only get in each other's way


def draw(text: str, scale: float = 6.0, thickness: int = 14) -> NDArray[np.uint8]:
    """White paper, `uint8 (480, 640)`, with a number in the middle; empty for no text."""
    paper = np.full((480, 640), 235, np.uint8)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    place = ((640 - width) // 2, (480 + height) // 2)
    cv2.putText(paper, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 30, thickness, cv2.LINE_AA)
    return paper


def save_frames(folder: Path, *texts: str) -> Path:
    """A folder of stills that show these texts in turn."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, 1):
        cv2.imwrite(str(folder / f"{number:02d}-{text or 'nothing'}.png"), draw(text))
    return folder


def save_weights(path: Path) -> Path:
    """Weights that read `draw`'s digits, with their card."""
    network.save(_trained(), path, Card("workshop-linear", 10, "", calibration=Calibration(threshold=0.6)))
    return path


def save_useless_weights(path: Path) -> Path:
    """Weights of the right kind that take every digit for a 3."""
    useless = build("workshop-linear")
    with torch.no_grad():
        useless[3].bias[3] += 100
    network.save(useless, path, Card("workshop-linear", 10, ""))
    return path


@cache
def _trained() -> torch.nn.Module:
    torch.manual_seed(0)
    crops, labels = [], []
    for digit in range(10):
        for scale in (5.0, 6.0, 7.0):
            for thickness in (11, 14):
                largest = max(find_crops(draw(str(digit), scale, thickness)), key=lambda crop: crop.box[3])
                crops.append(largest.image)
                labels.append(digit)
    images, wanted = normalise(crops), torch.tensor(labels)
    trained = build("workshop-linear")
    optimiser = torch.optim.Adam(trained.parameters(), lr=1e-3)
    for _ in range(150):
        optimiser.zero_grad()
        torch.nn.functional.nll_loss(trained(images), wanted).backward()
        optimiser.step()
    return trained
