"""The way that most public projects read a frame, with Keras's `model.predict`, beside ours without PyTorch.

In an environment of its own, since TensorFlow is no dependency of the appliance:

    python3 -m venv /tmp/keras
    /tmp/keras/bin/pip install tensorflow-cpu "opencv-python-headless<4.12" msgspec pillow
    /tmp/keras/bin/pip install --no-deps .
    /tmp/keras/bin/python benchmarks/keras_predict.py

Both read the same recorded frames in turn; the ratio of their medians is what counts.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np

from appliance import shipped
from appliance.cameras.recording import read_still
from appliance.labels import read_labels
from appliance.reader import Reader

cv2.setNumThreads(1)
LAYERS = keras.layers


def model() -> keras.Model:
    """The network of Keras's MNIST example, 1.2 M parameters."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            LAYERS.Conv2D(32, 3, activation="relu"),
            LAYERS.Conv2D(64, 3, activation="relu"),
            LAYERS.MaxPooling2D(2),
            LAYERS.Dropout(0.25),
            LAYERS.Flatten(),
            LAYERS.Dense(128, activation="relu"),
            LAYERS.Dropout(0.5),
            LAYERS.Dense(10, activation="softmax"),
        ]
    )


def plainly(network: keras.Model, gray: np.ndarray) -> int | None:
    """Blur, Otsu's threshold, the largest contour stretched, one `predict`."""
    blurred = cv2.GaussianBlur(gray, (5, 5), 0)
    _, mask = cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
    crop = np.zeros((28, 28), np.float32)
    crop[4:24, 4:24] = cv2.resize(mask[y : y + h, x : x + w], (20, 20))
    return int(network.predict(crop[np.newaxis, :, :, np.newaxis] / 255, verbose=0).argmax())


def main() -> None:
    """Prints the medians of both ways over the recorded frames of one digit, and their ratio."""
    names = [name for name, text in read_labels(shipped.frames()).items() if len(text) == 1]
    frames = [read_still(shipped.frames() / name) for name in names]
    network, reader = model(), Reader(shipped.models() / "digits.pt", engine="opencv")
    clocks = {"wall clock": time.perf_counter, "processor": time.process_time}
    took: dict[tuple[str, str], list[float]] = {}
    for turn in range(4):
        for frame in frames:
            ways = {"Keras": lambda f: plainly(network, f.gray), "ours": reader.read}
            for way, read in ways.items():
                before = {clock: now() for clock, now in clocks.items()}
                read(frame)
                for clock, now in clocks.items():
                    if turn:  # the first is for warming up
                        took.setdefault((way, clock), []).append(1000 * (now() - before[clock]))
    print(f"{len(frames)} frames of one digit, three times; TensorFlow's Keras {keras.__version__}")
    for clock in clocks:
        theirs, ours = (float(np.median(took[way, clock])) for way in ("Keras", "ours"))
        print(f"{clock}: Keras {theirs:.1f} ms, ours {ours:.2f} ms a frame, ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
