"""Sends weights to Pis. Each takes them whole, tried and in use by its service, or stays as it was."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

from appliance.card import card_path, onnx_path
from appliance.network import load
from training.errors import TrainingError
from training.remote import Host


def pack(weights: Path) -> tuple[str, bytes]:
    """Weights that read the shipped frames here, as what `push` sends: their SHA-256, and an archive.

    Raises `WeightsError` or `TrainingError` if they are not whole or cannot read.
    """
    _, card = load(weights)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(weights, "digits.pt")
        tar.add(card_path(weights), "digits.json")
        if card.onnx and onnx_path(weights).exists():  # for Pis without PyTorch
            tar.add(onnx_path(weights), "digits.onnx")
    # In the appliance's own words, for what it does with weights is no business of training.
    tried = subprocess.run(
        [sys.executable, "-m", "appliance", "weights", "check", weights], capture_output=True, text=True
    )
    if tried.returncode:
        said = (tried.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise TrainingError(said.removeprefix("digit-appliance: "))
    return card.sha256, archive.getvalue()


def push(host: Host, sha256: str, archive: bytes) -> str:
    """Has a Pi take weights over; gives what it says of them.

    It checks their SHA-256, reads its recorded frames with them, switches to them in one step, and waits
    until its service runs them; else it goes back. Raises `RemoteError` with the reason.
    """
    return ", ".join(host.run_as_root("weights", "receive", sha256, given=archive).splitlines())
