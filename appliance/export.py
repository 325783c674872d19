"""Makes the ONNX of a weights file, for Pis without PyTorch; needs PyTorch and the package `onnx` itself."""

import hashlib
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch

from appliance.atomic import write_atomically
from appliance.card import normalise, onnx_path, write_card
from appliance.errors import EngineError, WeightsError
from appliance.network import load

SAME = 1e-4
"""How far the log-probabilities of two engines may lie apart."""
_OPSET = 13  # OpenCV's oldest supported release reads it


def export(weights: Path) -> Path:
    """Writes the ONNX beside the weights and its SHA-256 into their card; gives its path.

    Raises `WeightsError` if the weights are not whole and true to their card, or it does not say the same
    as they do, `EngineError` without the package `onnx`.
    """
    if find_spec("onnx") is None:
        raise EngineError("onnx is not installed here, which PyTorch exports with; run 'pip install onnx'")
    network, card = load(weights)
    crops = np.random.default_rng(0).integers(0, 256, (64, 28, 28), np.uint8)
    example = torch.from_numpy(normalise(crops))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is the older of two exporters; the newer needs far more
        torch.onnx.export(
            network,
            (example,),
            f"{folder}/digits.onnx",
            input_names=["crops"],
            output_names=["log_probabilities"],
            dynamic_axes={"crops": {0: "n"}, "log_probabilities": {0: "n"}},
            opset_version=_OPSET,
            dynamo=False,
        )
        data = Path(folder, "digits.onnx").read_bytes()
    light = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    light.setInput(example.numpy())
    with torch.inference_mode():
        apart = float(np.abs(light.forward() - network(example).numpy()).max())
    if not apart <= SAME:
        raise WeightsError(f"{weights}: OpenCV reads its ONNX otherwise, by {apart:.2g}; nothing was written")
    write_atomically(onnx_path(weights), data)
    write_card(weights, msgspec.structs.replace(card, onnx=hashlib.sha256(data).hexdigest()))
    return onnx_path(weights)
