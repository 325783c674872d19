"""Corrections on their way to the laptop: none is lost, none comes twice, whatever breaks in between."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ssh_server import Pi, small_release

from appliance.corrections import Corrections
from benchmarks.sshd import Sshd
from training.corrections import read_corrections
from training.errors import DataError
from training.pull import _unpacked, alone_in, pull
from training.remote import Host, RemoteError


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_release(tmp_path_factory.mktemp("release") / "appliance")


@pytest.fixture
def pi(tmp_path: Path, release: Path) -> Iterator[Pi]:
    sshd = Sshd(tmp_path)
    pi = Pi(tmp_path / "pi", release, sshd)
    with sshd:
        yield pi


@pytest.fixture
def store(pi: Pi) -> Corrections:
    return Corrections(folder=pi.folder / "corrections")


def keep(store: Corrections, value: int | None) -> str:
    rng = np.random.default_rng()
    crop, frame = (rng.integers(0, 256, size, dtype=np.uint8) for size in ((28, 28), (480, 640)))
    one = store.keep(crop, frame, value=value, read=3, confidence=0.9, box=(1, 2, 3, 4), weights="w")
    return one.id


def host(pi: Pi, ssh: str = "") -> Host:
    return Host("127.0.0.1", ssh or pi.ssh())


def same(store: Corrections, folder: Path) -> bool:
    """Whether a folder holds what the Pi has, byte for byte, and nothing else."""
    there, here = (
        {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (store.folder, folder)
    )
    return there == here


def test_what_is_new_or_put_right_otherwise_comes_and_nothing_else(
    pi: Pi, store: Corrections, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    assert pull(host(pi), here) == "0 new, 0 changed, 0 in all"
    ids = [keep(store, value) for value in (7, 1, None)]
    assert pull(host(pi), here) == "3 new, 0 changed, 3 in all"
    assert same(store, here)
    assert sorted(read_corrections(here).labels.tolist()) == [1, 7, 10]
    store.answer(ids[1], 4)
    keep(store, 2)
    assert pull(host(pi), here) == "1 new, 1 changed, 4 in all"
    assert same(store, here)
    store.delete(ids[0])
    assert pull(host(pi), here) == "0 new, 0 changed, 3 in all"
    assert (here / ids[0] / "crop.png").exists(), "what was deleted there is still worth learning from"


def test_whatever_came_before_the_connection_broke_is_whole_and_the_rest_comes_later(
    pi: Pi, store: Corrections, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    for _ in range(40):  # far more than ssh keeps waiting, and loses when it ends
        keep(store, 7)
    size = sum(file.stat().st_size for file in store.folder.rglob("*.*"))
    with pytest.raises(RemoteError, match="no connection, or it broke"), alone_in(here):
        pull(host(pi, pi.cut_after(received=size * 3 // 4)), here)
    came = sorted(path.name for path in here.iterdir())
    assert 0 < len(came) < 40 and all(len(list((here / id).iterdir())) == 3 for id in came)

    (here / ".pull-killed" / "whole").mkdir(parents=True)
    with alone_in(here):
        assert pull(host(pi), here) == f"{40 - len(came)} new, 0 changed, 40 in all"
    assert same(store, here)


def test_two_pulls_at_once_are_one_too_many(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(DataError, match="another pull is at work"), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/here: cannot be made"), alone_in(tmp_path / "file" / "here"):
        pass


def test_nothing_a_pi_sends_leads_out_of_the_folder() -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for place in ("../evil", "/etc", "20261124T071500-0a1b2c3d", "20261124T071500-0a1b2c3d/.."):
            for name in ("crop.png", "frame.jpg", "correction.json", "more"):
                entry = tarfile.TarInfo(f"{place}/{name}")
                entry.size = 2
                tar.addfile(entry, io.BytesIO(b"{}"))
        link = tarfile.TarInfo("20261124T071500-00000000/crop.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    archive.seek(0)
    found = dict(_unpacked(archive))
    assert list(found) == ["20261124T071500-0a1b2c3d"]
    assert set(found.popitem()[1]) == {"crop.png", "frame.jpg", "correction.json"}
