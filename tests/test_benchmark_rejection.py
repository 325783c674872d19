"""The rejection benchmark: a family is left out of one training and not of the other, and both are shown."""

from pathlib import Path
from typing import Any

import pytest
import small_mnist
from measured import invoke, printed, row

from benchmarks import rejection
from benchmarks.scenes import Silence
from training import fit


def test_a_row_compares_weights_that_were_shown_a_family_with_those_that_were_not() -> None:
    table = rejection.rejection_table(
        {"hands": [Silence(0, 0), Silence(1, 0)]}, {"hands": [Silence(2, 1), Silence(1, 0)]}
    )
    assert row(printed(table), "hands") == [
        "2",
        "500.0",
        "50.0",
        "0.0",
        "0.0",
        "1500.0",
        "100.0",
        "500.0",
        "50.0",
    ]


def test_one_training_leaves_the_family_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, value in small_mnist.replacements():
        monkeypatch.setattr(owner, name, value)
    left_out: list[str] = []

    def noting(*args: Any, left_out: str, into: list[str] = left_out) -> Any:
        into.append(left_out)
        return small_mnist.quick_crops(*args)

    monkeypatch.setattr(fit, "make_crops", noting)
    data = small_mnist.write(tmp_path / "mnist")
    few = ("--epochs", "1", "--scenes", "60", "--cases", "1", "--only", "blank")
    result = invoke(rejection, "--data", str(data), *few)
    assert result.exit_code == 0, result.output
    assert left_out == ["", "", "blank", "blank"], "for training and for calibration"
    assert row(result.output, "blank")[0] == "1"


@pytest.mark.parametrize("family", ["moonlight", "bars"])
def test_a_family_that_is_not_there_or_in_no_training_is_named(family: str) -> None:
    result = invoke(rejection, "--only", family)
    assert result.exit_code == 1 and family in result.output
