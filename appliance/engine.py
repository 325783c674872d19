"""What runs the network: PyTorch, or without it OpenCV or ONNX Runtime, from the weights' ONNX.

Each is imported only when it is opened. All give the same log-probabilities, to within 1e-4.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.card import Card, normalise, onnx_path, read_onnx
from appliance.config import EngineName
from appliance.errors import EngineError, WeightsError

Crops = Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
Scores = NDArray[np.float32]


class Engine(Protocol):
    """Runs the network of one weights file; `card` says which."""

    card: Card

    def __call__(self, crops: Crops) -> Scores:
        """The log-probabilities `float32 (N, classes)` of crops `uint8 (N, 28, 28)`, at least one."""
        ...


def open_engine(name: EngineName, weights: Path) -> Engine:
    """Loads weights into the engine of that name.

    Raises `WeightsError` if they, or for all but torch their ONNX, are not whole and true to their card,
    `EngineError` if the engine is not installed.
    """
    engines: dict[str, Callable[[Path], Engine]] = {
        "torch": Torch,
        "opencv": OpenCV,
        "onnxruntime": OnnxRuntime,
    }
    try:
        return engines[name](weights)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        install = "sudo ./install.sh, without --light" if name == "torch" else f"pip install {name}"
        raise EngineError(
            f'{name} is not installed here; set reading.engine to "opencv", or run: {install}'
        ) from error


class Torch:
    """PyTorch, from the weights themselves."""

    def __init__(self, weights: Path) -> None:
        import torch

        from appliance.network import folded, load

        # A batch this small is done before a second thread has woken, and the camera needs the other cores.
        torch.set_num_threads(1)
        self._torch = torch
        network, self.card = load(weights)
        self.network = folded(network)

    def __call__(self, crops: Crops) -> Scores:
        with self._torch.inference_mode():
            scores: Scores = self.network(self._torch.from_numpy(normalise(crops))).numpy()
        return scores


class OpenCV:
    """OpenCV's own networks: nothing is needed that vision does not need as well."""

    def __init__(self, weights: Path) -> None:
        data, self.card = read_onnx(weights)
        try:
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
            _try(self, weights)
        except cv2.error as error:
            raise _unusable(weights, error) from error

    def __call__(self, crops: Crops) -> Scores:
        self._network.setInput(normalise(crops))
        return np.asarray(self._network.forward(), np.float32)


class OnnxRuntime:
    """ONNX Runtime, the fastest of the three."""

    def __init__(self, weights: Path) -> None:
        import onnxruntime

        data, self.card = read_onnx(weights)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
            self._input = self._session.get_inputs()[0].name
            _try(self, weights)
        except Exception as error:  # its errors have no common kind
            raise _unusable(weights, error) from error

    def __call__(self, crops: Crops) -> Scores:
        (scores,) = self._session.run(None, {self._input: normalise(crops)})
        return np.asarray(scores, np.float32)


def _try(engine: Engine, weights: Path) -> None:
    shape = engine(np.zeros((2, 28, 28), np.uint8)).shape
    if shape != (2, engine.card.classes):
        raise WeightsError(f"{onnx_path(weights)}: gives {shape} for two crops; export it again")


def _unusable(weights: Path, error: Exception) -> WeightsError:
    what = " ".join(str(error).split())[:200]
    return WeightsError(f"{onnx_path(weights)}: cannot be used ({what}); export it again")
