"""The sequence benchmark: what counts as soon, steady and wrong, what its films show, and a whole run."""

from pathlib import Path

import drawn
import numpy as np
import pytest
from measured import printed, row, run, small_data

from benchmarks import sequences
from benchmarks.sequences import Film, Outcome, View


@pytest.mark.parametrize(
    ("shown", "film", "seconds", "flickers", "wrong"),
    [
        (["", "", "12", "12"], Film([View()] * 4, ready=1), 1 / 30, 0, ()),
        (["", "12", "12", "12"], Film([View()] * 4, ready=3), 0, 0, ()),
        (["", "1", "12", "12"], Film([View()] * 4), 2 / 30, 1, ("1",)),
        (["12", "", "12", "12"], Film([View()] * 4), 0, 2, ()),
        (["12", "12", ""], Film([View()] * 3, leaves=True), 0, 0, ()),
        (["12", "12", ""], Film([View()] * 3), 0, 1, ()),
        (["12", "2", ""], Film([View()] * 3, leaves=True), 0, 1, ("2",)),
        (["", "", ""], Film([View()] * 3), float("inf"), 0, ()),
    ],
)
def test_what_was_shown_of_a_12(
    shown: list[str], film: Film, seconds: float, flickers: int, wrong: tuple[str, ...]
) -> None:
    outcome = sequences.outcome(shown, "12", film)
    assert (outcome.seconds, outcome.flickers, outcome.wrong) == (pytest.approx(seconds), flickers, wrong)


def test_sequences_are_summed_by_kind() -> None:
    soon, late, never = Outcome(0.1, 0, ()), Outcome(0.3, 2, ("7", "8")), Outcome(float("inf"), 1, ())
    cells = row(printed(sequences.sequence_table({"refocus": [soon, soon, late, never, soon]})), "refocus")
    assert cells == ["5", "0.10", "inf", "20.0", "3", "2", "20.0"]


def view(one: View) -> np.ndarray:
    """How a frame sees a white page on a black table."""
    return sequences.seen(np.ones((560, 720), np.float32), np.zeros((480, 640), np.float32), one)


def test_a_page_comes_from_out_of_view_and_goes_there() -> None:
    coming = sequences.slid_in(np.random.default_rng(1))
    going = sequences.taken_away(np.random.default_rng(1))
    assert view(coming.views[0]).max() == 0 and view(coming.views[coming.ready]).min() == 1
    assert view(going.views[0]).min() == 1 and view(going.views[-1]).max() == 0
    assert going.leaves and not coming.leaves


def test_the_lens_is_sharp_from_when_it_is_ready() -> None:
    film = sequences.refocus(np.random.default_rng(1))
    assert film.ready > 0 and film.views[film.ready - 1].blur > 1
    assert all(one.blur <= 1 for one in film.views[film.ready :])


def test_the_exposure_jumps_and_is_found_again() -> None:
    gains = [one.gain for one in sequences.exposure_change(np.random.default_rng(1)).views]
    assert gains[0] == 1 and abs(gains[20] - 1) > 0.3 and gains[-1] == pytest.approx(1, abs=0.1)


def test_the_trembling_hand_never_rests() -> None:
    shifts = [one.shift for one in sequences.trembling_hand(np.random.default_rng(1)).views]
    assert len(set(shifts)) == len(shifts)


def test_sequences_are_measured_from_rendering_to_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small_data(tmp_path, monkeypatch)
    arguments = ("--cases", "2", "--only", "trembling hand")
    result = run(sequences, drawn.save_weights(tmp_path / "w.pt"), data, *arguments)
    assert result.exit_code == 0, result.output
    assert row(result.output, "trembling hand")[0] == row(result.output, "all of these")[0] == "2"


def test_weights_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small_data(tmp_path, monkeypatch)
    result = run(sequences, tmp_path / "none.pt", data, "--cases", "1")
    assert result.exit_code == 1 and "none.pt" in result.output


def test_a_kind_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small_data(tmp_path, monkeypatch)
    result = run(sequences, tmp_path / "none.pt", data, "--only", "earthquake")
    assert result.exit_code == 1 and "earthquake" in result.output
