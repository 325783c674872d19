import os

import pytest

from appliance.atomic import write_atomically


def test_the_new_file_takes_the_place_of_the_old_one_and_everybody_may_read_it(tmp_path):
    path = tmp_path / "file"
    for durable in (True, False):
        path.write_bytes(b"old")
        write_atomically(path, b"new", durable=durable)
        assert path.read_bytes() == b"new"
        assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
