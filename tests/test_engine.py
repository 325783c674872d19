"""The engines that run the network: the same numbers from each, and no PyTorch where it is not needed."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from drawn import save_frames, save_weights
from handwritten import digit
from numpy.typing import NDArray
from running import Running

from appliance import config, shipped
from appliance.cameras.recording import read_still
from appliance.card import card_path, onnx_path, read_weights, write_card
from appliance.config import ReadingSettings
from appliance.engine import OnnxRuntime, OpenCV, open_engine
from appliance.errors import EngineError, WeightsError
from appliance.export import SAME, export
from appliance.network import load, normalise
from appliance.reader import Reader
from appliance.vision import find_crops
from appliance.vision.crops import as_mnist

LIGHT = {"opencv": OpenCV, "onnxruntime": OnnxRuntime}


@pytest.fixture(scope="module")
def thousand() -> NDArray[np.uint8]:
    """What vision cuts from the shipped frames, and digits made as MNIST was: 1,000 crops."""
    frames = sorted(shipped.frames().glob("*.jpg"))
    seen = [crop.image for path in frames for crop in find_crops(read_still(path).gray)]
    written = [
        as_mnist((255 * digit(seed % 10, seed=seed)).astype(np.uint8)) for seed in range(1000 - len(seen))
    ]
    assert len(seen) > 300 and len(written) > 100
    return np.stack(seen + written)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Weights that read drawn digits, and their ONNX."""
    weights = save_weights(tmp_path / "digits.pt")
    export(weights)
    return weights


def plainly(weights: Path, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the network says, layer by layer as it was trained."""
    import torch

    network, _ = load(weights)
    with torch.inference_mode():
        return network(normalise(crops)).numpy()


@pytest.mark.parametrize("name", ["torch", "opencv", "onnxruntime"])
def test_the_shipped_weights_say_the_same_of_a_thousand_crops_in_every_engine(
    name: str, thousand: NDArray[np.uint8]
) -> None:
    weights = shipped.models() / "digits.pt"
    opened = open_engine(name, weights)
    wanted = plainly(weights, thousand)
    # As many at once as a frame may have, and one by one.
    batches = [opened(thousand[at : at + 96]) for at in range(0, 1000, 96)]
    assert np.abs(np.concatenate(batches) - wanted).max() < SAME
    assert np.abs(np.concatenate([opened([one]) for one in thousand[::50]]) - wanted[::50]).max() < SAME
    assert opened.card == read_weights(weights)[1]


@pytest.mark.parametrize("name", LIGHT)
def test_the_workshops_networks_too(name: str, exported: Path, thousand: NDArray[np.uint8]) -> None:
    assert np.abs(LIGHT[name](exported)(thousand) - plainly(exported, thousand)).max() < SAME


def test_every_engine_reads_the_shipped_frames_alike() -> None:
    readers = [Reader(shipped.models() / "digits.pt", engine=name) for name in ("torch", *LIGHT)]
    for path in sorted(shipped.frames().glob("*.jpg"))[::3]:
        assert len({reader.read(read_still(path)).text for reader in readers}) == 1, path.name


@pytest.mark.parametrize("name", LIGHT)
def test_what_was_never_exported_is_said_with_what_to_do(name: str, tmp_path: Path) -> None:
    weights = save_weights(tmp_path / "mine.pt")
    with pytest.raises(WeightsError, match=r"mine\.onnx: not made yet; .*weights export mine\.pt"):
        open_engine(name, weights)


@pytest.mark.parametrize("name", LIGHT)
def test_an_onnx_that_is_not_of_these_weights_is_refused(name: str, exported: Path) -> None:
    onnx_path(exported).write_bytes(onnx_path(exported).read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"digits\.onnx: not made of the weights beside it"):
        open_engine(name, exported)


def vouched(weights: Path, data: bytes) -> None:
    onnx_path(weights).write_bytes(data)
    card = read_weights(weights)[1]
    write_card(weights, msgspec.structs.replace(card, onnx=hashlib.sha256(data).hexdigest()))


@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.parametrize("data", [b"rot", b"rot" * 10_000])
def test_rot_is_refused_in_one_line_even_where_the_card_vouches_for_it(
    name: str, data: bytes, exported: Path
) -> None:
    vouched(exported, data)
    with pytest.raises(WeightsError, match=r"digits\.onnx: cannot be used") as caught:
        open_engine(name, exported)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", LIGHT)
def test_another_networks_onnx_is_refused_even_where_the_card_vouches_for_it(
    name: str, exported: Path
) -> None:
    vouched(exported, onnx_path(shipped.models() / "digits.pt").read_bytes())
    with pytest.raises(WeightsError, match=r"gives \(2, 11\) for two crops"):
        open_engine(name, exported)


@pytest.mark.parametrize(("name", "advice"), [("torch", "install.sh"), ("onnxruntime", "pip install onnx")])
def test_an_engine_that_is_not_installed_is_named_with_what_to_do(
    name: str, advice: str, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=rf'{name} is not installed here; .*"opencv".*{advice}'):
        open_engine(name, exported)


# --- export ---


def test_an_export_leaves_the_weights_and_is_named_in_their_card(tmp_path: Path) -> None:
    weights = save_weights(tmp_path / "digits.pt")
    before, card = read_weights(weights)
    assert export(weights) == tmp_path / "digits.onnx"
    after, told = read_weights(weights)
    assert after == before
    assert told == msgspec.structs.replace(card, onnx=told.onnx)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.json", "digits.onnx", "digits.pt"]


def test_new_weights_do_not_take_the_old_onnx_for_theirs(exported: Path) -> None:
    save_weights(exported)
    with pytest.raises(WeightsError, match="not made yet"):
        open_engine("opencv", exported)


def test_without_its_package_nothing_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from appliance import export as module

    weights = save_weights(tmp_path / "digits.pt")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install onnx"):
        export(weights)
    assert not onnx_path(weights).exists()


# --- processes that have no PyTorch ---


@pytest.fixture
def pi(tmp_path: Path, exported: Path) -> Path:
    """Whatever imports torch here fails, and the configuration says `opencv`."""
    for name in ("torch", "onnxruntime", "onnx"):
        (tmp_path / f"{name}.py").write_text(f'raise ModuleNotFoundError("none here", name="{name}")')
    (tmp_path / "config.toml").write_text(
        f'[reading]\nweights = "{exported}"\nengine = "opencv"\n[camera]\ndwell = 30\n'
    )
    return tmp_path


def appliance(pi: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PYTHONPATH": str(pi),
        "CONFIGURATION_DIRECTORY": str(pi),
        "DIGIT_APPLIANCE_STATE": str(pi / "state"),
        "COLUMNS": "200",  # or tables are folded, and what is looked for with them
    }
    command = [sys.executable, "-m", "appliance", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


def test_without_torch_stills_are_read_weights_shown_and_all_is_well(pi: Path) -> None:
    frames = save_frames(pi / "frames", "4", "7")
    read = appliance(pi, "read", "--json", str(frames))
    assert [json.loads(line)["text"] for line in read.stdout.splitlines()] == ["4", "7"], read.stderr
    shown = appliance(pi, "weights", "show")
    assert (shown.returncode, "in use" in shown.stdout) == (0, True), shown.stderr
    told = appliance(pi, "doctor").stdout
    assert "not needed" in told and "run by" in told and "opencv" in told


def test_without_torch_weights_are_installed_if_their_onnx_comes_along(pi: Path, exported: Path) -> None:
    installed = appliance(pi, "weights", "install", str(shipped.models() / "digits.pt"))
    assert installed.returncode == 0, installed.stderr
    folder = pi / "state" / "weights" / "current"
    assert sorted(path.name for path in folder.iterdir()) == ["digits.json", "digits.onnx", "digits.pt"]
    onnx_path(exported).unlink()
    refused = appliance(pi, "weights", "install", str(exported))
    assert (refused.returncode, "digits.onnx: not made yet" in refused.stderr) == (1, True)


def test_where_torch_is_missing_opencv_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ReadingSettings().engine == "torch"
    monkeypatch.setattr(config, "find_spec", lambda name: None)
    assert ReadingSettings().engine == "opencv"


def test_without_torch_asking_for_it_ends_in_one_line(pi: Path) -> None:
    (pi / "config.toml").write_text('[reading]\nengine = "torch"\n')
    read = appliance(pi, "read", str(save_frames(pi / "frames", "4")))
    assert (read.returncode, read.stderr.count("\n")) == (1, 1)
    assert "torch is not installed here" in read.stderr


@pytest.mark.timeout(600)
def test_without_torch_the_service_runs(pi: Path) -> None:
    frames = save_frames(pi / "frames", "4", "7")
    arguments = ("-m", "appliance", "run", "--pins", "mock", "--source", str(frames))
    with Running(pi, *arguments, PYTHONPATH=str(pi)) as running:
        assert running.end() == 0, running.lines
    readings = [line.split()[1] for line in running.lines if line.startswith("reads")]
    assert readings == ["4", "7"]


def test_the_shipped_onnx_is_of_the_shipped_weights() -> None:
    weights = shipped.models() / "digits.pt"
    assert json.loads(card_path(weights).read_text())["onnx"]
    open_engine("opencv", weights)
