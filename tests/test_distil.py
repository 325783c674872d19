"""What teachers say of a crop: the first whether it is any digit, all together which."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from appliance.card import CLASSES
from appliance.network import NOT_A_DIGIT, Card, build, save
from training.distil import Teachers

CPU = torch.device("cpu")


def teacher(path: Path, network: str, seed: int) -> nn.Module:
    """Some network, written to a file."""
    torch.manual_seed(seed)
    made = build(network).eval()
    for layer in made:
        if isinstance(layer, nn.Linear):
            layer.weight.data *= 5  # opinions of its own
    save(made, path, Card(network, CLASSES[network], ""))
    return made


def said(network: nn.Module, crops: Tensor) -> Tensor:
    with torch.no_grad():
        return network(crops).exp()


@pytest.fixture
def crops() -> Tensor:
    return torch.randn(20, 1, 28, 28, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("network", ["digitnet", "workshop-linear"])
def test_one_teacher_says_what_it_says(network: str, crops: Tensor, tmp_path: Path) -> None:
    alone = teacher(tmp_path / "a.pt", network, 0)
    taught = Teachers([str(tmp_path / "a.pt")], network, CPU)(crops)
    assert torch.allclose(taught, said(alone, crops), atol=1e-5)


def test_a_wider_network_of_the_same_classes_can_teach(crops: Tensor, tmp_path: Path) -> None:
    wide = teacher(tmp_path / "wide.pt", "digitnet-wide", 0)
    taught = Teachers([str(tmp_path / "wide.pt")], "digitnet", CPU)(crops)
    assert torch.allclose(taught, said(wide, crops), atol=1e-5)


def test_the_first_says_what_is_none_and_all_which_digit_it_is_otherwise(
    crops: Tensor, tmp_path: Path
) -> None:
    one, other = (said(teacher(tmp_path / f"{seed}.pt", "digitnet", seed), crops) for seed in (0, 1))
    taught = Teachers([str(tmp_path / "0.pt"), str(tmp_path / "1.pt")], "digitnet", CPU)(crops)
    assert torch.allclose(taught.sum(1), torch.ones(20), atol=1e-5)
    assert torch.allclose(taught[:, NOT_A_DIGIT], one[:, NOT_A_DIGIT], atol=1e-5)
    both = (one * other).sqrt()[:, :NOT_A_DIGIT]
    ratios = taught[:, :NOT_A_DIGIT] / taught[:, :NOT_A_DIGIT].sum(1, keepdim=True)
    assert torch.allclose(ratios, both / both.sum(1, keepdim=True), atol=1e-5)
