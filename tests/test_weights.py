import errno
import os
import shutil
import stat

import pytest
from drawn import draw, save_frames, save_useless_weights, save_weights

from appliance import shipped, weights
from appliance.config import ReadingSettings
from appliance.errors import WeightsError
from appliance.frame import Frame
from appliance.network import card_path

DEFAULTS = ReadingSettings()


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A machine on which nothing is installed, with shipped weights and frames of its own."""
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path / "state"))
    (tmp_path / "models").mkdir()
    save_weights(tmp_path / "models" / "digits.pt")
    frames = save_frames(tmp_path / "frames", "4", "7", "")
    rows = "01-4.png,4,drawn\n02-7.png,7,drawn\n03-nothing.png,,empty\n"
    (frames / "labels.csv").write_text("file,text,kind\n" + rows)
    monkeypatch.setattr(shipped, "models", lambda: tmp_path / "models")
    monkeypatch.setattr(shipped, "frames", lambda: frames)
    return tmp_path / "state"


@pytest.fixture
def good(tmp_path):
    return save_weights(tmp_path / "good.pt")


def in_use():
    return weights.candidates(DEFAULTS)[0]


def names():
    return [folder.name for folder in weights.installed()]


def test_the_configured_ones_go_before_the_installed_and_those_before_the_shipped(good, state):
    assert weights.candidates(DEFAULTS) == [shipped.models() / "digits.pt"]
    weights.install(good)
    assert weights.candidates(DEFAULTS) == [state / "weights/1/digits.pt", shipped.models() / "digits.pt"]
    assert weights.candidates(ReadingSettings(weights="/mine.pt")) == [weights.Path("/mine.pt")]


def test_what_is_installed_is_the_file_with_its_card_whole(good):
    result = weights.install(good)
    assert (result.right, result.frames) == (3, 3)
    assert str(result) == "3 of the 3 shipped frames"
    assert in_use().read_bytes() == good.read_bytes()
    assert card_path(in_use()).read_bytes() == card_path(good).read_bytes()


def test_the_service_which_is_another_user_can_read_what_a_careful_root_installs(good, state):
    usual = os.umask(0o077)
    try:
        weights.install(good)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(usual)
    for path in [state / "weights", *(state / "weights").rglob("*")]:
        assert path.stat().st_mode & stat.S_IROTH
        assert not path.is_dir() or path.stat().st_mode & stat.S_IXOTH


def test_the_last_three_are_kept_and_older_ones_forgotten(good):
    for _ in range(5):
        weights.install(good)
    assert names() == ["3", "4", "5"]
    assert in_use().parent.name == "5"


def test_rollback_goes_back_one_by_one_and_ends_at_the_shipped_ones(good):
    for _ in range(2):
        weights.install(good)
    assert weights.rollback().parent.name == "1"
    assert in_use().parent.name == "1"
    assert weights.rollback() == shipped.models() / "digits.pt"
    assert in_use() == shipped.models() / "digits.pt"
    with pytest.raises(WeightsError, match="nothing to go back to"):
        weights.rollback()


def test_after_a_rollback_the_next_installation_leads_back_to_what_was_in_use(good):
    for _ in range(3):
        weights.install(good)
    weights.rollback()
    weights.install(good)
    assert names() == ["1", "2", "4"]
    assert weights.rollback().parent.name == "2"


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def _no_card(path):
    card_path(path).unlink()


def _missing(path):
    path.unlink()


@pytest.mark.parametrize("damage", [_truncated, _no_card, _missing])
def test_bad_weights_are_refused_and_leave_everything_as_it_was(good, tmp_path, damage, state):
    weights.install(good)
    before = sorted((state / "weights").rglob("*"))
    bad = save_weights(tmp_path / "bad.pt")
    damage(bad)
    with pytest.raises(WeightsError, match=r"bad\.(pt|json)"):
        weights.install(bad)
    assert sorted((state / "weights").rglob("*")) == before
    assert in_use().read_bytes() == good.read_bytes()


def test_weights_that_cannot_read_are_refused_with_their_score(good, tmp_path, state):
    weights.install(good)
    before = sorted((state / "weights").rglob("*"))
    with pytest.raises(WeightsError, match=r"useless\.pt: not installed, for it reads 1 of the 3 shipped"):
        weights.install(save_useless_weights(tmp_path / "useless.pt"))
    assert sorted((state / "weights").rglob("*")) == before


def test_what_a_power_cut_left_half_made_is_swept_away(good, state):
    weights.install(good)
    (state / "weights" / ".new-cut" / "whole").mkdir(parents=True)
    (state / "weights" / ".current").symlink_to("7")
    weights.install(good)
    assert sorted(path.name for path in (state / "weights").iterdir()) == ["1", "2", "current"]


def test_a_power_cut_at_the_switch_leaves_the_old_weights_with_their_own_card(good, tmp_path, monkeypatch):
    weights.install(good)

    def cut(place):
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "_switch", cut)
    with pytest.raises(KeyboardInterrupt):
        weights.install(save_weights(tmp_path / "newer.pt"))
    assert in_use().parent.name == "1"
    weights.new_reader(DEFAULTS)


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(good, monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", "/proc/nowhere")
    with pytest.raises(WeightsError, match=r"/proc/nowhere/weights: cannot be made .*sudo"):
        weights.install(good)


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, "cannot be copied to .*No space left"), (errno.EACCES, "cannot be .*Permission denied")],
)
def test_a_disk_that_is_full_or_closed_leaves_everything_as_it_was(good, state, monkeypatch, number, told):
    weights.install(good)
    before = sorted((state / "weights").rglob("*"))

    def refuse(path, data):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(weights, "write_atomically", refuse)
    with pytest.raises(WeightsError, match=told):
        weights.install(good)
    assert sorted((state / "weights").rglob("*")) == before


def test_a_store_of_another_user_is_named_with_what_to_do(good, state, monkeypatch):
    def refuse(place):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    weights.install(good)
    monkeypatch.setattr(weights, "_switch", refuse)
    with pytest.raises(WeightsError, match=r"state/weights: cannot be changed \(Permission denied\).*sudo"):
        weights.install(good)
    assert in_use().parent.name == "1"


def test_installed_weights_that_have_gone_bad_give_way_to_the_shipped_ones(good, caplog):
    weights.install(good)
    in_use().write_bytes(b"rot")
    reader = weights.open_reader(DEFAULTS)
    assert reader.read(Frame(draw("7"), 0, 0)).text == "7"
    assert "1/digits.pt" in caplog.text
    assert "going on with the shipped weights" in caplog.text
    with pytest.raises(WeightsError):
        weights.new_reader(DEFAULTS)


def test_configured_weights_that_are_bad_are_not_replaced_by_others(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.pt"):
        weights.open_reader(ReadingSettings(weights=str(tmp_path / "nowhere.pt")))


def test_a_folder_that_vanished_under_the_link_gives_way_too(good, state):
    weights.install(good)
    shutil.rmtree(state / "weights" / "1")
    weights.open_reader(DEFAULTS)


def test_the_threshold_is_the_configured_one_else_the_cards(good):
    frame = Frame(draw("7"), 0, 0)
    assert weights.open_reader(ReadingSettings(weights=str(good))).read(frame).text == "7"
    assert weights.open_reader(ReadingSettings(weights=str(good), threshold=1.0)).read(frame).text == ""


def test_known_are_the_configured_the_installed_from_the_newest_and_the_shipped(good, state):
    weights.install(good)
    weights.install(good)
    assert weights.known(ReadingSettings(weights=str(good))) == [
        good,
        state / "weights/2/digits.pt",
        state / "weights/1/digits.pt",
        shipped.models() / "digits.pt",
    ]
