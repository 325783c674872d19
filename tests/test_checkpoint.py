"""Checkpoints: a session comes back as it was, or the reason why not is said."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from training.checkpoint import Epoch, Session
from training.errors import CheckpointError, TrainingError
from training.fit import begin
from training.recipe import Recipe, recipe

CPU = torch.device("cpu")


@pytest.fixture
def chosen() -> Recipe:
    return recipe("digitnet", epochs=4, precision="float32")


def step(session: Session) -> None:
    """One step on random images."""
    loss = session.network(torch.randn(8, 1, 28, 28))[:, 3].mean().neg()
    session.optimiser.zero_grad()
    loss.backward()
    session.optimiser.step()
    session.schedule.step()
    session.averaged.update_parameters(session.network)


def tensors(session: Session) -> list[torch.Tensor]:
    return [*session.network.state_dict().values(), *session.averaged.state_dict().values()]


def test_a_restored_session_goes_on_as_the_saved_one_does(tmp_path: Path, chosen: Recipe) -> None:
    torch.manual_seed(1)
    session = begin(chosen, 10, CPU)
    step(session)
    step(session)
    session.history.append(Epoch(0.5, 0.8, 0.4, 0.9))
    session.save(tmp_path / "a.ckpt", chosen)
    step(session)

    torch.manual_seed(2)
    other = begin(chosen, 10, CPU)
    step(other)
    assert other.restore(tmp_path / "a.ckpt", chosen)
    assert other.history == [Epoch(0.5, 0.8, 0.4, 0.9)]
    step(other)
    assert all(torch.equal(a, b) for a, b in zip(tensors(session), tensors(other), strict=True))
    assert other.schedule.get_last_lr() == session.schedule.get_last_lr()


def test_where_there_is_none_nothing_is_restored(tmp_path: Path, chosen: Recipe) -> None:
    assert not begin(chosen, 10, CPU).restore(tmp_path / "a.ckpt", chosen)


def test_another_recipe_is_refused_with_what_differs(tmp_path: Path, chosen: Recipe) -> None:
    path = tmp_path / "a.ckpt"
    begin(chosen, 10, CPU).save(path, chosen)
    other = recipe("digitnet", epochs=4, precision="float32", lr=0.5)
    with pytest.raises(CheckpointError, match=f"{path}: holds a training with lr {chosen.lr}, not 0.5"):
        begin(other, 10, CPU).restore(path, other)


@pytest.mark.parametrize("length", [0, 100, 50_000])
def test_a_truncated_one_is_refused(tmp_path: Path, chosen: Recipe, length: int) -> None:
    path = tmp_path / "a.ckpt"
    session = begin(chosen, 10, CPU)
    session.save(path, chosen)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=f"{path}: is damaged; delete it to start anew"):
        session.restore(path, chosen)


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.folder,)

    folder = ""


def test_a_hostile_one_is_refused_and_runs_nothing(tmp_path: Path, chosen: Recipe) -> None:
    hostile = Hostile()
    hostile.folder = str(tmp_path / "made by the pickle")
    path = tmp_path / "a.ckpt"
    path.write_bytes(pickle.dumps(hostile))
    with pytest.raises(CheckpointError, match="is damaged"):
        begin(chosen, 10, CPU).restore(path, chosen)
    torch.save({"recipe": hostile}, path)
    with pytest.raises(CheckpointError, match="is damaged"):
        begin(chosen, 10, CPU).restore(path, chosen)
    assert not Path(hostile.folder).exists()


def test_a_checkpoint_that_cannot_be_written_is_named(tmp_path: Path, chosen: Recipe) -> None:
    path = tmp_path / "not there" / "a.ckpt"
    with pytest.raises(TrainingError, match=f"{path}: cannot be written"):
        begin(chosen, 10, CPU).save(path, chosen)
