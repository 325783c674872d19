"""The plain pipeline that public projects use, to compare with: one threshold, one contour, stretched."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from appliance.network import normalise
from appliance.reader import Digit, Reading


class PlainReader:
    """Blur, Otsu's threshold, the largest contour stretched to 20x20, one forward pass."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network

    def read(self, gray: NDArray[np.uint8]) -> Reading:
        """The one digit of a frame; it never has nothing to say where there is a contour."""
        blurred = cv2.GaussianBlur(gray, (5, 5), 0)
        _, mask = cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
        mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if not contours:
            return Reading()
        x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
        crop = np.zeros((28, 28), np.uint8)
        crop[4:24, 4:24] = cv2.resize(mask[y : y + h, x : x + w], (20, 20))
        with torch.inference_mode():
            probabilities = self._network(normalise([crop]))[0, :10].softmax(dim=0).numpy()
        value = int(probabilities.argmax())
        return Reading((Digit(value, float(probabilities[value]), (x, y, w, h), probabilities, crop),))
