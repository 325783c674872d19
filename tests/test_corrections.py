import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading

import cv2
import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from appliance import corrections
from appliance.cli import app
from appliance.config import CorrectionSettings
from appliance.corrections import CROP, FACTS, FRAME, Correction, Corrections, counted
from appliance.errors import CorrectionError

CROP_IMAGE = np.arange(784, dtype=np.uint32).reshape(28, 28).astype(np.uint8)
FRAME_IMAGE = np.full((48, 64), 200, np.uint8)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    return Corrections()


def keep(store, **given):
    facts = {"read": 1, "confidence": 0.61, "box": (3, 4, 20, 30), "weights": "ab" * 32}
    return store.keep(CROP_IMAGE, FRAME_IMAGE, **(facts | given))


def test_a_correction_lies_in_a_folder_of_its_own_as_training_wants_it(store, tmp_path):
    one = keep(store, value=7)
    folder = tmp_path / "corrections" / one.id
    assert sorted(path.name for path in folder.iterdir()) == ["correction.json", "crop.png", "frame.jpg"]
    facts = json.loads((folder / FACTS).read_text())
    assert facts.pop("time") == one.time
    assert facts == {
        "id": one.id,
        "value": 7,
        "read": 1,
        "confidence": 0.61,
        "box": [3, 4, 20, 30],
        "weights": "ab" * 32,
    }
    assert np.array_equal(cv2.imread(str(folder / CROP), cv2.IMREAD_UNCHANGED), CROP_IMAGE)
    assert abs(cv2.imread(str(folder / FRAME), cv2.IMREAD_UNCHANGED).astype(int) - FRAME_IMAGE).max() <= 2


def test_everybody_on_the_machine_may_read_what_is_kept(store):
    place = store.folder / keep(store, value=7).id
    assert place.stat().st_mode & 0o005 == 0o005
    assert all(path.stat().st_mode & 0o004 for path in place.iterdir())


def test_an_id_is_the_time_in_utc_and_its_own(store, monkeypatch):
    monkeypatch.setattr(corrections.time, "time", lambda: 1_795_576_500.25)
    ids = [keep(store, value=1).id for _ in range(20)]
    assert {id.partition("-")[0] for id in ids} == {"20261125T031500"}
    assert len(set(ids)) == 20


def test_what_nobody_has_answered_waits_and_is_neither_counted_nor_exported(store, tmp_path):
    one = keep(store)
    assert one.waits
    assert store.answered() == []
    assert [waiting.id for waiting in store.all()] == [one.id]
    assert sum(counted(store.all()).values()) == 0
    with pytest.raises(CorrectionError, match="nobody has said yet"):
        store.export([one.id], io.BytesIO())
    assert not (tmp_path / "corrections" / one.id).exists()

    answered = store.answer(one.id, None)
    assert store.answered() == [answered]
    assert json.loads((tmp_path / "corrections" / one.id / FACTS).read_text())["value"] is None
    assert counted(store.all())[None] == 1


def test_an_answer_can_be_mended_and_everything_else_stays(store):
    one = keep(store, value=7)
    mended = store.answer(one.id, 1)
    assert mended == msgspec.structs.replace(one, value=1)
    assert Corrections().all() == [mended]


def test_what_is_deleted_is_gone(store):
    one, other = keep(store, value=7), keep(store, value=2)
    store.delete(one.id)
    assert [left.id for left in store.all()] == [other.id]
    for attempt in (lambda: store.delete(one.id), lambda: store.answer(one.id, 3)):
        with pytest.raises(CorrectionError, match="no correction"):
            attempt()
    assert [path.name for path in store.folder.iterdir()] == [other.id]


@pytest.mark.parametrize("id", ["", "..", "../../etc", "20261125T031500-1a2b3c4d/..", "\0", "a" * 5000])
def test_no_id_leads_out_of_the_folder(store, id):
    keep(store, value=7)
    for attempt in (
        lambda: store.picture(id, CROP),
        lambda: store.answer(id, 3),
        lambda: store.delete(id),
        lambda: store.export([id], io.BytesIO()),
    ):
        with pytest.raises(CorrectionError, match="no correction"):
            attempt()


def test_only_the_two_pictures_can_be_asked_for(store):
    one = keep(store, value=7)
    assert store.picture(one.id, CROP).startswith(b"\x89PNG")
    assert store.picture(one.id, FRAME).startswith(b"\xff\xd8")
    with pytest.raises(CorrectionError):
        store.picture(one.id, f"../{one.id}/{CROP}")


def test_an_export_holds_just_what_was_asked_for_byte_by_byte(store):
    wanted, _ = keep(store, value=7), keep(store, value=2)
    stream = io.BytesIO()
    store.export([wanted.id], stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}
    assert files == {
        f"{wanted.id}/{name}": (store.folder / wanted.id / name).read_bytes() for name in (CROP, FRAME, FACTS)
    }


def test_a_full_store_refuses_and_keeps_what_it_has(store):
    store.settings = CorrectionSettings(most=2)
    kept = [keep(store, value=value).id for value in (1, 2)]
    with pytest.raises(CorrectionError, match=r"2 corrections, the most that corrections\.most"):
        keep(store, value=3)
    assert [one.id for one in store.all()] == sorted(kept)
    store.delete(kept[0])
    keep(store, value=3)


def test_a_store_that_takes_too_much_room_refuses(store):
    store.settings = CorrectionSettings(megabytes=1)
    noise = np.random.default_rng(0).integers(0, 256, (700, 700), dtype=np.uint8)
    keep(store, value=1)
    facts = {"read": None, "confidence": 0.0, "box": (0, 0, 1, 1), "weights": ""}
    store.keep(CROP_IMAGE, noise, value=2, **facts)
    with pytest.raises(CorrectionError, match=r"corrections\.megabytes"):
        for _ in range(10):
            store.keep(CROP_IMAGE, noise, value=2, **facts)
    assert sum(file.stat().st_size for file in store.folder.glob("*/*")) <= 2**20


def test_a_nearly_full_disk_is_left_alone(store, monkeypatch):
    keep(store, value=1)
    monkeypatch.setattr(corrections, "SPARE", 2**62)
    with pytest.raises(CorrectionError, match="nearly full"):
        keep(store, value=1)
    assert len(store.all()) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorrectionError, match="file"):
        keep(Corrections(folder=tmp_path / "file"), value=1)


def test_one_that_cannot_be_read_does_not_hide_the_others(store, caplog):
    good, bad, worse = (keep(store, value=value) for value in (1, 2, 3))
    (store.folder / bad.id / FACTS).write_text('{"id": ')
    (store.folder / worse.id / FACTS).write_text(
        (store.folder / worse.id / FACTS).read_text().replace("3", "33")
    )
    assert [one.id for one in store.all()] == [good.id]
    assert bad.id in caplog.text


STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "shutil.rmtree"}
"""What a process does to the disk, as Python's audit events name it."""


def die_at(store, fatal):
    """Keeps, answers and deletes, and is killed at the given step of that; else ends with 0."""
    done = 0

    def count(event, arguments):
        nonlocal done
        if event in STEPS and str(store.folder) in str(arguments[0]):
            done += 1
            if done == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        store.answer(keep(store).id, 7)
        store.delete(keep(store, value=3).id)
        os._exit(0)
    finally:
        os._exit(1)


def test_whatever_kills_it_corrections_are_whole_or_not_there(store):
    """The process dies at each of its steps in turn, from the first to the last."""
    fatal, status = 0, None
    while status != 0:
        fatal += 1
        pid = os.fork()
        if pid == 0:
            die_at(store, fatal)
        status = os.waitpid(pid, 0)[1]
        assert status in (0, signal.SIGKILL)
        for one in store.all():
            assert store.picture(one.id, CROP)
            assert store.picture(one.id, FRAME)
            assert one.waits or one.value in (3, 7)
    assert fatal > 20
    kept = len(store.all())
    keep(store, value=5)
    assert len(store.all()) == kept + 1
    assert not [path.name for path in store.folder.iterdir() if path.name.startswith(".")]


def test_many_at_once_lose_nothing(store):
    threads = [threading.Thread(target=lambda: [keep(store, value=4) for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(store.all())[4] == 20


# --- The command ----------------------------------------------------------------------------------


def test_the_command_lists_as_lines_of_json_what_was_answered(store):
    one = keep(store, value=7)
    keep(store)
    result = CliRunner().invoke(app, ["corrections", "list", "--json"])
    assert result.exit_code == 0
    assert [msgspec.json.decode(line, type=Correction) for line in result.output.splitlines()] == [one]


def test_the_command_lists_for_people_too(store):
    keep(store, value=7)
    keep(store, value=None)
    output = CliRunner().invoke(app, ["corrections", "list"], env={"COLUMNS": "100"}).output
    assert "2: 1 of 7, 1 of no digit" in output


def test_the_command_exports_all_or_some_and_says_what_is_not_there(store, tmp_path):
    ids = [keep(store, value=value).id for value in (1, 2, 3)]

    def export(*wanted):
        command = [sys.executable, "-m", "appliance", "corrections", "export", *wanted]
        return subprocess.run(command, capture_output=True)

    def names(process):
        with tarfile.open(fileobj=io.BytesIO(process.stdout)) as archive:
            return sorted({name.partition("/")[0] for name in archive.getnames()})

    assert names(export()) == sorted(ids)
    assert names(export(ids[1])) == [ids[1]]
    wrong = export("20200101T000000-00000000")
    assert (wrong.returncode, wrong.stdout) == (1, b"")
    assert b"there is no correction" in wrong.stderr
