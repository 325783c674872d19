"""The command `digit-train`, as its user types it."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import small_mnist

from training import cli


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, value in small_mnist.replacements():
        monkeypatch.setattr(owner, name, value)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return small_mnist.write(tmp_path / "data")


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["digit-train", *map(str, words)])
    try:
        cli.main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    raise AssertionError("it did not end")


QUICK = shlex.split("fit --network workshop-linear --epochs 40 --batch 20 --optimiser adam --lr 0.003")


def test_fit_then_evaluate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "mine" / "a.pt"
    assert run(monkeypatch, *QUICK, "--data", data, "--out", weights) == 0
    told = capsys.readouterr().out
    assert (tmp_path / "reports" / "a" / "curves.png").exists()

    assert run(monkeypatch, "evaluate", weights, "--data", data, "--report", tmp_path / "r") == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"average loss \d+\.\d{4}", lines[0])
    accuracy = re.fullmatch(r"accuracy (\d+\.\d\d) %", lines[1])
    assert accuracy and float(accuracy[1]) > 90
    assert f"test {accuracy[1]} %" in told.splitlines()
    assert (tmp_path / "r" / "hardest.png").exists()


def test_fit_then_learn_corrections(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    small_mnist.put_right(tmp_path / "corrections", small_mnist.printed(5, 7))
    assert run(monkeypatch, *QUICK, "--data", data, "--out", "a.pt") == 0
    learn = ["fit", "--from", "a.pt", "--corrections", "corrections", "--data", data, "--out", "b.pt"]
    assert run(monkeypatch, *learn, "--network", "digitnet") == 1
    assert "a.pt is a workshop-linear; leave --network digitnet out" in capsys.readouterr().err
    assert run(monkeypatch, *learn, "--lr", "0.0001", "--batch", "20") == 0
    shown = capsys.readouterr()
    assert "weights b.pt, report reports/b/report.md" in shown.out and "before" in shown.err
    assert (tmp_path / "b.json").exists()


def test_fit_goes_on_from_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *QUICK, "--data", data, "--out", "a.pt") == 0
    further = ["fit", "--from", "a.pt", "--epochs", "1", "--batch", "20", "--data", data, "--out", "b.pt"]
    assert run(monkeypatch, *further) == 0
    assert "weights b.pt" in capsys.readouterr().out
    card = json.loads((tmp_path / "b.json").read_text())
    assert card["network"] == "workshop-linear" and "--from a.pt (SHA-256 " in card["command"]


def test_fit_with_teachers(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *QUICK, "--data", data, "--out", "a.pt") == 0
    assert run(monkeypatch, *QUICK, "--data", data, "--out", "b.pt") == 0
    taught = ("--taught-by", "a.pt", "--taught-by", "b.pt")
    assert run(monkeypatch, *QUICK, *taught, "--data", data, "--out", "c.pt") == 0
    card = json.loads((tmp_path / "c.json").read_text())
    assert card["command"].count("--taught-by") == 2 and "--taught-by b.pt (SHA-256 " in card["command"]


def test_evaluate_needs_only_the_test_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *QUICK, "--data", data, "--out", tmp_path / "a.pt") == 0
    for path in data.glob("train-*"):
        path.unlink()
    assert run(monkeypatch, "evaluate", tmp_path / "a.pt", "--data", data) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fit", "--data", "nowhere"), "nowhere: holds neither"),
        (("fit", "--network", "lenet"), "unknown network 'lenet'"),
        (("fit", "--device", "quantum"), "--device quantum is not to be had here"),
        (("evaluate", "nowhere.pt"), "nowhere.pt: cannot be read"),
        (("fit", "--from", "nowhere.pt"), "nowhere.pt: cannot be read"),
        (("fit", "--taught-by", "nowhere.pt"), "nowhere.pt: cannot be read"),
        (("fit", "--corrections", "c", "--from", "a.pt", "--taught-by", "b.pt"), "leave --taught-by out"),
        (("fit", "--corrections", "c"), "--corrections needs --from"),
        (("fit", "--corrections", "c", "--from", "nowhere.pt"), "nowhere.pt: cannot be read"),
    ],
)
def test_an_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *words) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("digit-train: ") and message in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"), [("--epochs", 0), ("--batch", 1), ("--lr", -1), ("--scenes", -1)]
)
def test_impossible_numbers_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str, value: int
) -> None:
    assert run(monkeypatch, "fit", option, value) == 2
    assert option in capsys.readouterr().err


def test_a_missing_library_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(monkeypatch, *QUICK, "--data", data, "--report", tmp_path) == 1
    message = "digit-train: matplotlib is missing; pip install 'digit-appliance[train]'\n"
    assert capsys.readouterr().err == message


def test_accuracy_is_told_even_where_no_report_can_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *QUICK, "--data", data, "--out", tmp_path / "a.pt") == 0
    report = tmp_path / "a.pt" / "report"
    assert run(monkeypatch, "evaluate", "a.pt", "--data", data, "--report", report) == 1
    shown = capsys.readouterr()
    assert re.search(r"^accuracy \d+\.\d\d %$", shown.out, re.MULTILINE)
    assert f"{report}: cannot be made" in shown.err


def test_ctrl_c_says_how_to_go_on(data: Path, tmp_path: Path) -> None:
    words = [sys.executable, small_mnist.__file__, *QUICK, "--epochs", "100000"]
    with subprocess.Popen(
        [*words, "--data", data, "--out", tmp_path / "a.pt"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        # What starts the tests may ignore Ctrl-C, and children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as running:
        try:
            while not (tmp_path / "a.ckpt").exists() and running.poll() is None:
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            shown = running.communicate(timeout=60)[1]
        finally:
            running.kill()
    assert running.returncode == 130
    assert "the same command goes on" in shown and "Traceback" not in shown
