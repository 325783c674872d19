"""Frames cut out of pictures of the world, and how many of them show what is none."""

from pathlib import Path

import cv2
import drawn
import numpy as np
import pytest

from benchmarks import world


@pytest.mark.parametrize("shape", [(480, 640), (60, 80), (3000, 4000), (200, 1000), (1000, 200)])
def test_cuts_are_frames_and_the_first_shows_as_much_as_fits(shape: tuple[int, int]) -> None:
    slope = np.linspace(0, 255, shape[1]) * np.ones((shape[0], 1))
    picture = slope.astype(np.uint8)
    frames = list(world.cut(picture, 6, np.random.default_rng(0)))
    assert [frame.shape for frame in frames] == [(480, 640)] * 6
    seen = [np.ptp(frame.astype(int)) for frame in frames]
    assert seen[0] == max(seen)
    if shape[0] * 4 == shape[1] * 3:
        assert seen[0] > 245


def test_the_seed_decides() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (960, 1280), np.uint8)
    one, same, other = (list(world.cut(picture, 4, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_it_counts_the_frames_that_show_a_digit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = drawn.save_weights(tmp_path / "digits.pt")
    cv2.imwrite(str(tmp_path / "digit.png"), drawn.draw("7"))
    cv2.imwrite(str(tmp_path / "paper.jpg"), drawn.draw(""))
    world.main(tmp_path, cuts=1, seed=0, weights=weights, sheet_file=tmp_path / "failures.webp")
    shown = capsys.readouterr().out
    assert "50.0 (9.5-90.5)" in shown and "500.0" in shown
    assert (tmp_path / "failures.webp").exists()


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no picture"):
        world.main(tmp_path)
