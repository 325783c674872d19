"""The networks, their input, and the weights file with its card: whole and true, or one line why not."""

import hashlib
import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from appliance import card as card_file
from appliance import shipped
from appliance.errors import WeightsError
from appliance.network import (
    NETWORKS,
    NOT_A_DIGIT,
    Calibration,
    Card,
    build,
    card_path,
    load,
    normalise,
    save,
    write_atomically,
)

LAYERS = {
    "workshop-linear": [
        ("Flatten", (784,)),
        ("Linear", (100,)),
        ("ReLU", (100,)),
        ("Linear", (10,)),
        ("LogSoftmax", (10,)),
    ],
    "workshop-conv": [
        ("Conv2d", (16, 26, 26)),
        ("ReLU", (16, 26, 26)),
        ("MaxPool2d", (16, 24, 24)),
        ("Flatten", (9216,)),
        ("Linear", (100,)),
        ("ReLU", (100,)),
        ("Linear", (10,)),
        ("LogSoftmax", (10,)),
    ],
}
WORKSHOP_PARAMETERS = {
    "workshop-linear": (784 * 100 + 100) + (100 * 10 + 10),
    "workshop-conv": (9 * 16 + 16) + (9216 * 100 + 100) + (100 * 10 + 10),
}


# --- the networks ---


@pytest.mark.parametrize("name", LAYERS)
def test_the_workshops_networks_are_the_workshops_layer_by_layer(name: str) -> None:
    net = build(name).eval()
    seen, passing = [], torch.zeros(3, 1, 28, 28)
    for layer in net.children():
        passing = layer(passing)
        seen.append((type(layer).__name__, tuple(passing.shape[1:])))
    assert seen == LAYERS[name]
    assert sum(p.numel() for p in net.parameters()) == WORKSHOP_PARAMETERS[name]


def test_the_workshops_convolution_pools_three_by_three_step_by_step() -> None:
    layers = list(build("workshop-conv").children())
    assert (layers[0].kernel_size, layers[0].stride, layers[0].padding) == ((3, 3), (1, 1), (0, 0))
    assert (layers[2].kernel_size, layers[2].stride) == (3, 1)


def test_ours_stays_small() -> None:
    assert sum(p.numel() for p in build("digitnet").parameters()) <= 500_000


@pytest.mark.parametrize(
    ("name", "classes"), [("digitnet", 11), ("workshop-conv", 10), ("workshop-linear", 10)]
)
def test_every_network_gives_the_logarithms_of_probabilities(name: str, classes: int) -> None:
    with torch.inference_mode():
        scores = build(name).eval()(torch.randn(4, 1, 28, 28))
    assert scores.shape == (4, classes)
    assert torch.allclose(scores.exp().sum(dim=1), torch.ones(4), atol=1e-5)


def test_the_class_of_no_digit_is_the_one_after_nine() -> None:
    assert NOT_A_DIGIT == NETWORKS["digitnet"].classes - 1 == 10


def test_an_unknown_network_is_named_with_those_that_are_known() -> None:
    with pytest.raises(WeightsError, match=r"'digit-net'.*digitnet, workshop-conv, workshop-linear"):
        build("digit-net")


# --- their input ---


@given(st.integers(0, 255), st.integers(1, 5))
@settings(deadline=None)
def test_pixels_are_normalised_as_mnist_is(value: int, count: int) -> None:
    crops = np.full((count, 28, 28), value, np.uint8)
    pixels = normalise(crops)
    assert pixels.shape == (count, 1, 28, 28) and pixels.dtype == torch.float32
    assert torch.allclose(pixels, torch.tensor((value / 255 - 0.1307) / 0.3081), atol=1e-5)


def test_normalising_keeps_every_pixel_in_its_place_and_the_crops_as_they_are() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    before = crops.copy()
    from_array, from_list = normalise(crops), normalise(list(crops))
    wanted = (before.astype(np.float64) / 255 - 0.1307) / 0.3081
    assert np.allclose(from_array[:, 0].numpy(), wanted, atol=1e-5)
    assert torch.equal(from_array, from_list)
    assert np.array_equal(crops, before)


# --- the weights file ---


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A whole weights file with its card."""
    torch.manual_seed(0)
    path = tmp_path / "digits.pt"
    save(build("workshop-linear"), path, Card("workshop-linear", 10, ""))
    return path


def put(path: Path, data: bytes, **card: Any) -> None:
    """Writes weights that are true to their card, whatever they are."""
    path.write_bytes(data)
    fields = {"network": "workshop-linear", "classes": 10, "sha256": hashlib.sha256(data).hexdigest(), **card}
    card_path(path).write_text(json.dumps(fields))


def put_saved(path: Path, state: object, **card: Any) -> None:
    torch.save(state, path)
    put(path, path.read_bytes(), **card)


def refusal(path: Path, named: Path | None = None) -> str:
    """The message with which the weights are refused: one line, printable, and it names the file."""
    with pytest.raises(WeightsError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{named or path}: ")
    assert message.isprintable(), repr(message)
    return message


def test_what_was_saved_is_loaded_whole_and_ready_to_use(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = build("digitnet")
    net(torch.randn(8, 1, 28, 28))  # so that its batch statistics are no longer those it began with
    card = Card(
        "digitnet",
        11,
        "",
        calibration=Calibration(1.7, 0.66),
        command="digit-train fit",
        dataset="MNIST",
        accuracies={"test": 0.9966},
        date="2026-11-24",
    )
    written = save(net, tmp_path / "a.pt", card)
    loaded, read = load(tmp_path / "a.pt")
    assert read == written
    assert read.sha256 == hashlib.sha256((tmp_path / "a.pt").read_bytes()).hexdigest()
    assert (read.calibration, read.command, read.accuracies) == (
        card.calibration,
        card.command,
        card.accuracies,
    )
    assert not loaded.training
    crops = torch.randn(5, 1, 28, 28)
    with torch.inference_mode():
        assert torch.equal(loaded(crops), net.eval()(crops))


def test_the_file_is_a_plain_state_dict_and_its_card_json_beside_it(weights: Path) -> None:
    state = torch.load(weights, weights_only=True)
    fresh = build("workshop-linear")
    fresh.load_state_dict(state)
    assert card_path(weights) == weights.parent / "digits.json"
    card = json.loads(card_path(weights).read_text())
    assert (card["network"], card["classes"], card["mean"], card["std"]) == (
        "workshop-linear",
        10,
        0.1307,
        0.3081,
    )
    assert sorted(path.name for path in weights.parent.iterdir()) == ["digits.json", "digits.pt"]


def test_a_card_need_only_say_what_it_is_about(weights: Path) -> None:
    put(weights, weights.read_bytes())
    assert load(weights)[1].calibration == Calibration()


# --- crashes ---


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("step", "happens"), [("fsync", full), ("replace", full), ("replace", interrupted)])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    step: str, happens: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "digits.pt"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, step, happens)
    with pytest.raises((OSError, KeyboardInterrupt)):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed half-way")
@pytest.mark.parametrize(("step", "is_there"), [("fsync", b"old"), ("replace", b"old"), ("unlink", b"new")])
def test_a_process_that_dies_half_way_leaves_a_whole_file(step: str, is_there: bytes, tmp_path: Path) -> None:
    path = tmp_path / "digits.pt"
    path.write_bytes(b"old")
    child = os.fork()
    if child == 0:
        setattr(os, step, lambda *_: os._exit(9))
        write_atomically(path, b"new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (9 if is_there == b"old" else 0)
    assert path.read_bytes() == is_there


def test_weights_whose_card_could_not_be_written_are_not_taken_for_the_old_ones(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_card = card_path(weights).read_bytes()

    def only_weights(path: Path, data: bytes) -> None:
        if path.suffix == ".json":
            full()
        write_atomically(path, data)

    monkeypatch.setattr(card_file, "write_atomically", only_weights)
    with pytest.raises(OSError, match="No space left"):
        save(build("workshop-linear"), weights, Card("workshop-linear", 10, ""))
    assert card_path(weights).read_bytes() == old_card
    assert "SHA-256 differs" in refusal(weights)


def test_what_is_written_can_be_read_by_the_service(tmp_path: Path) -> None:
    usual = os.umask(0o077)
    try:
        write_atomically(tmp_path / "digits.pt", b"weights")
    finally:
        os.umask(usual)
    assert (tmp_path / "digits.pt").stat().st_mode & 0o777 == 0o644


# --- what is refused ---


def test_missing_weights_are_named(weights: Path) -> None:
    weights.unlink()
    assert "No such file" in refusal(weights)


def test_a_path_at_which_there_is_nothing_at_all_is_named_as_it_was_given(tmp_path: Path) -> None:
    refusal(tmp_path / "mistyped.pt")


def test_a_missing_card_is_named(weights: Path) -> None:
    card_path(weights).unlink()
    assert f"its card {card_path(weights).name} is not beside it" in refusal(weights)


def test_a_folder_is_no_weights_file(weights: Path) -> None:
    weights.unlink()
    weights.mkdir()
    assert "cannot be read" in refusal(weights)


@pytest.mark.parametrize("length", [0, 1, 1000, -1])
def test_truncated_weights_are_not_those_of_the_card(length: int, weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:length])
    assert "SHA-256 differs" in refusal(weights)


@pytest.mark.parametrize("length", [0, 1, 1000, -1])
def test_truncated_weights_are_no_weights_even_where_the_card_agrees(length: int, weights: Path) -> None:
    put(weights, weights.read_bytes()[:length])
    refusal(weights)


def test_one_changed_bit_is_seen(weights: Path) -> None:
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    assert "SHA-256 differs" in refusal(weights)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"", "truncated"),
        (b'{"network": "digitnet"', "truncated"),
        (b"\xff\xfe not text", "."),
        (b"[]", "expected `object`"),
        (b'{"network": "workshop-linear", "classes": 10}', "sha256"),
        (b'{"network": "workshop-linear", "classes": "10", "sha256": ""}', r"\$\.classes"),
        (b'{"network": "workshop-linear", "classes": 10, "sha256": "", "colour": 3}', "colour"),
        (
            b'{"network": "workshop-linear", "classes": 10, "sha256": "", "calibration": 3}',
            r"\$\.calibration",
        ),
    ],
)
def test_a_broken_card_is_named_with_what_is_wrong_in_it(text: bytes, wrong: str, weights: Path) -> None:
    card_path(weights).write_bytes(text)
    message = refusal(weights, card_path(weights))
    assert "not a weights card" in message
    assert re.search(wrong, message, re.IGNORECASE)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"network": "resnet"}, "unknown network 'resnet'"),
        ({"classes": 11}, "classes is 11, but workshop-linear has 10"),
        ({"classes": 0}, "classes is 0"),
        ({"network": "digitnet"}, "classes is 10, but digitnet has 11"),
        ({"mean": 0.5}, "mean is 0.5"),
        ({"std": 1.0}, "std is 1.0"),
        ({"calibration": {"temperature": 0}}, "temperature"),
        ({"calibration": {"temperature": -1.5}}, "temperature"),
        ({"calibration": {"threshold": -0.1}}, "threshold"),
        ({"calibration": {"threshold": 1.1}}, "threshold"),
    ],
)
def test_a_card_that_cannot_be_true_is_refused(fields: dict[str, Any], wrong: str, weights: Path) -> None:
    put(weights, weights.read_bytes(), **fields)
    assert wrong in refusal(weights, card_path(weights))


def test_the_card_of_another_network_does_not_fit(weights: Path) -> None:
    put(weights, weights.read_bytes(), network="workshop-conv")
    assert "does not fit the network its card names" in refusal(weights)


class Hostile:
    """Unpickled, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("hidden", ["bare", "in torch's archive", "beside true weights"])
def test_hostile_weights_are_refused_and_run_nothing(hidden: str, weights: Path, tmp_path: Path) -> None:
    made = tmp_path / "made by the pickle"
    if hidden == "bare":
        put(weights, pickle.dumps(Hostile(made), protocol=2))
    elif hidden == "in torch's archive":
        put_saved(weights, Hostile(made))
    else:
        put_saved(weights, {**build("workshop-linear").state_dict(), "more": Hostile(made)})
    message = refusal(weights)
    assert not made.exists()
    assert "hostile" in message
    assert "weights_only" not in message and "you have two options" not in message  # no advice to trust it

    if hidden == "bare":
        pickle.loads(weights.read_bytes())
    else:
        torch.load(weights, weights_only=False)
    assert made.exists()  # as it would have been


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        torch.ones(3),
        {"network": "digitnet"},
        {"state_dict": {"1.weight": torch.ones(2)}},
        {1: torch.ones(2)},
        None,
    ],
)
def test_what_is_no_state_dict_is_refused(content: object, weights: Path) -> None:
    put_saved(weights, content)
    refusal(weights)


def test_a_whole_model_is_refused_and_what_to_do_is_said(weights: Path) -> None:
    put_saved(weights, build("workshop-linear"))
    refusal(weights)


def missing(state: dict[str, torch.Tensor]) -> None:
    del state["3.bias"]


def extra(state: dict[str, torch.Tensor]) -> None:
    state["5.weight"] = torch.ones(2)


def turned(state: dict[str, torch.Tensor]) -> None:
    state["1.weight"] = state["1.weight"].T


def nothing(state: dict[str, torch.Tensor]) -> None:
    state.clear()


@pytest.mark.parametrize(
    ("change", "named"),
    [(missing, "3.bias"), (extra, "5.weight"), (turned, "1.weight"), (nothing, "1.weight")],
)
def test_a_state_dict_of_another_shape_is_refused_naming_the_tensor(
    change: Callable[[dict[str, torch.Tensor]], None], named: str, weights: Path
) -> None:
    state = build("workshop-linear").state_dict()
    change(state)
    put_saved(weights, state)
    message = refusal(weights)
    assert "does not fit the network its card names" in message and named in message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_weights_that_are_not_finite_numbers_are_refused(value: float, weights: Path) -> None:
    state = {name: tensor.double() for name, tensor in build("workshop-linear").state_dict().items()}
    state["3.bias"][4] = value  # 1e300 is finite, but not in the network's precision
    put_saved(weights, state)
    assert "not finite" in refusal(weights)


def test_half_precision_weights_are_as_good(weights: Path) -> None:
    state = build("workshop-linear").state_dict()
    put_saved(weights, {name: tensor.half() for name, tensor in state.items()})
    net, _ = load(weights)
    assert all(parameter.dtype == torch.float32 for parameter in net.parameters())


@given(data=st.binary(max_size=200))
@settings(deadline=None)
def test_no_garbage_is_taken_for_weights(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("garbage") / "digits.pt"
    put(path, data)
    refusal(path)


# --- the weights that ship ---


def test_the_shipped_weights_are_ours_and_say_how_good_they_are() -> None:
    net, card = load(shipped.models() / "digits.pt")
    assert card.network == "digitnet" and isinstance(net, nn.Module)
    assert card.command.startswith("digit-train fit")
    assert "MNIST" in card.dataset
    assert card.date
    assert card.accuracies["test"] >= 0.996
    assert card.calibration.temperature > 0 and 0 < card.calibration.threshold < 1
