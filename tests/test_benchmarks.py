"""What benchmarks print: shares with their interval, and a sheet of the failures."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.reader import Digit, Reading
from benchmarks.report import Failure, share, sheet


def numbers(text: str) -> tuple[float, float, float]:
    found = re.fullmatch(r"([\d.]+) \(([\d.]+)-([\d.]+)\)", text)
    assert found, text
    return tuple(float(number) for number in found.groups())


def test_a_share_has_wilsons_interval() -> None:
    """Of the textbook: 8 of 10 is 80 %, between 49.0 and 94.3 (Agresti and Coull, 1998)."""
    assert numbers(share(8, 10)) == pytest.approx((80.0, 49.0, 94.3), abs=0.06)


@pytest.mark.parametrize(("right", "of"), [(0, 5), (5, 5), (1, 1), (997, 1000)])
def test_an_interval_holds_its_share_and_stays_within_all_and_nothing(right: int, of: int) -> None:
    middle, low, high = numbers(share(right, of))
    assert 0 <= low <= middle <= high <= 100
    assert low < high, "nothing is certain"


def test_more_cases_make_it_narrower() -> None:
    widths = [high - low for _, low, high in (numbers(share(of // 2, of)) for of in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


def test_of_no_cases_there_is_no_share() -> None:
    assert share(0, 0) == "-"


def failure(title: str, shape: tuple[int, int], digits: int = 1) -> Failure:
    crop = np.full((28, 28), 200, np.uint8)
    read = tuple(
        Digit(7, 0.91, (10 + 30 * place, 10, 20, 40), np.zeros(10, np.float32), crop)
        for place in range(digits)
    )
    return Failure(title, np.full(shape, 180, np.uint8), Reading(read))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_failures_are_drawn_on_one_sheet(
    count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "failures.png"
    shapes = [(480, 640), (640, 480), (30, 200), (972, 1296)]
    sheet([failure(f"frame {n}", shapes[n % 4], digits=3 * n) for n in range(count)], path, columns=3)
    picture = cv2.imread(str(path))
    assert picture is not None
    assert (picture[..., 2] > picture[..., 1].astype(int) + 60).any() == (count > 1), "boxes are red"
    assert f"{count} failures drawn in {path}" in capsys.readouterr().out


def test_without_failures_there_is_no_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet([], tmp_path / "failures.png")
    assert not (tmp_path / "failures.png").exists()
    assert capsys.readouterr().out == "no failures\n"


@pytest.mark.parametrize("name", ["photos", "scenes", "sequences", "pipeline", "training"])
def test_a_benchmark_may_be_run_as_a_file(name: str) -> None:
    """Though one is called as the package that the others take their digits from."""
    file = Path(__file__).parents[1] / "benchmarks" / f"{name}.py"
    run = subprocess.run([sys.executable, file, "--help"], capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stderr
    assert "Usage" in run.stdout
