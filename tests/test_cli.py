import contextlib
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys

import cv2
import pytest
from drawn import draw, save_frames, save_useless_weights, save_weights
from running import Running
from typer.testing import CliRunner

from appliance import __version__, cli, shipped
from appliance.errors import ApplianceError
from appliance.network import card_path


@pytest.fixture(autouse=True)
def log():
    """What commands set up of logging is gone with their test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with a configuration folder and a state of its own, whose shipped parts are drawn ones."""
    (tmp_path / "models").mkdir()
    save_weights(tmp_path / "models" / "digits.pt")
    frames = save_frames(tmp_path / "frames", "4", "7")
    (frames / "labels.csv").write_text("file,text,kind\n01-4.png,4,drawn\n02-7.png,7,drawn\n")
    monkeypatch.setattr(shipped, "models", lambda: tmp_path / "models")
    monkeypatch.setattr(shipped, "frames", lambda: frames)
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capfd):
    """Runs the command line; gives exit status, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["digit-appliance", *map(str, arguments)])
        status = cli.command_line()
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


# --- Everywhere -----------------------------------------------------------------------------------


def test_what_is_quick_imports_neither_torch_nor_opencv():
    for arguments in (["--help"], ["run", "--help"], ["--version"], ["weights", "--help"]):
        code = (
            f"import sys; sys.argv = ['digit-appliance', *{arguments}]\n"
            "from appliance import cli\n"
            "cli.command_line(); print('SLOW' if {'torch', 'cv2'} & sys.modules.keys() else 'QUICK')"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        assert out.splitlines()[-1] == "QUICK"


def test_python_m_appliance_is_the_same_command():
    command = [sys.executable, "-m", "appliance", "--version"]
    assert (
        subprocess.run(command, capture_output=True, text=True).stdout == f"digit-appliance {__version__}\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run", "--pins", "imaginary"),
        ("run", "--fps", "many"),
        ("read",),
        ("read", "--yaml", "a.png"),
        ("weights", "install"),
        ("record",),
    ],
)
def test_wrong_usage_is_exit_status_2(run, arguments):
    status, _, errors = run(*arguments)
    assert status == 2
    assert "Usage:" in errors


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "--config", "gone.toml"), r"gone\.toml: cannot be read"),
        (("run", "--source", "gone"), "gone: no such file"),
        (("run", "--source", "frames", "--fps", "-1"), "no pace"),
        (("run", "--source", "frames", "--pins", "real"), "GPIO pins cannot be opened"),
        (("record", "new", "--source", "gone"), "gone: no such file"),
        (("record", "frames", "--source", "frames"), "holds files already"),
        (("weights", "install", "gone.pt"), r"gone\.(pt|json): cannot be read"),
        (("weights", "rollback"), "nothing to go back to"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_status_1(run, arguments, told):
    status, _, errors = run(*arguments)
    last = errors.splitlines()[-1]
    assert status == 1
    assert last.startswith("digit-appliance: ")
    assert re.search(told, last)
    assert "Traceback" not in errors


def test_nothing_said_is_lost_in_ending_quickly(machine):
    command = [sys.executable, "-m", "appliance", "read", "--json", "frames", "gone.png"]
    (machine / "config.toml").write_text('[reading]\nweights = "models/digits.pt"\n')
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert len(objects(done.stdout)) == 3


def test_a_reader_that_leaves_early_is_no_traceback(machine):
    (machine / "config.toml").write_text('[reading]\nweights = "models/digits.pt"\n')
    command = f"{sys.executable} -m appliance read frames | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_whatever_an_error_says_is_one_line(run, monkeypatch):
    def fail(folder):
        raise OSError("the driver says:\n  nothing works")

    monkeypatch.setattr("appliance.demo.read_labels", fail)
    _, _, errors = run("demo")
    assert errors == "digit-appliance: the driver says: nothing works\n"


def test_a_configuration_that_lies_where_the_system_has_it_is_used(run, machine):
    (machine / "config.toml").write_text("[reading]\nweights = 3\n")
    status, _, errors = run("read", "frames")
    assert status == 1
    assert "reading.weights" in errors


# --- read -----------------------------------------------------------------------------------------


def test_read_says_what_stands_in_each_picture(run, machine):
    cv2.imwrite("42.png", draw("42"))
    cv2.imwrite("empty.png", draw(""))
    status, out, _ = run("read", "42.png", "empty.png")
    assert status == 0
    first, second = out.splitlines()
    assert re.fullmatch(r"42\.png: 42 \([01]\.\d\d [01]\.\d\d\)", first)
    assert second == "empty.png: nothing"


def test_read_json_is_one_object_a_line_as_agreed(run):
    cv2.imwrite("42.png", draw("42"))
    status, out, _ = run("read", "--json", "42.png")
    assert status == 0
    (found,) = objects(out)
    assert list(found) == ["file", "text", "digits", "milliseconds"]
    assert (found["file"], found["text"]) == ("42.png", "42")
    assert found["milliseconds"] > 0
    for digit, value in zip(found["digits"], (4, 2), strict=True):
        assert list(digit) == ["value", "confidence", "box"]
        assert digit["value"] == value
        assert 0 < digit["confidence"] <= 1
        x, y, width, height = digit["box"]
        assert 0 <= x < x + width <= 640
        assert 0 <= y < y + height <= 480
    assert found["digits"][0]["box"][0] < found["digits"][1]["box"][0]


def test_read_goes_through_a_folders_images_in_order(run, machine):
    (machine / "frames" / ".hidden.png").write_bytes(b"")
    status, out, _ = run("read", "--json", "frames")
    assert status == 0
    assert [found["file"] for found in objects(out)] == ["frames/01-4.png", "frames/02-7.png"]
    assert [found["text"] for found in objects(out)] == ["4", "7"]


def test_read_goes_on_after_what_it_cannot_read_and_fails_in_the_end(run, machine):
    (machine / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 truncated")
    (machine / "hollow").mkdir()
    status, out, errors = run("read", "--json", "gone.png", "bad.jpg", "hollow", "frames")
    gone, bad, hollow, four, seven = objects(out)
    assert status == 1
    assert set(gone) == set(bad) == set(hollow) == {"file", "error"}
    assert (gone["file"], bad["file"], hollow["file"]) == ("gone.png", "bad.jpg", "hollow")
    assert "no images" in hollow["error"]
    assert (four["text"], seven["text"]) == ("4", "7")
    assert errors == ""
    status, out, errors = run("read", "gone.png", "frames/01-4.png")
    assert status == 1
    assert errors.startswith("digit-appliance: gone.png: ")
    assert out.startswith("frames/01-4.png: 4 ")


def test_read_copes_with_names_that_are_no_text(run, machine):
    name = os.fsdecode(b"four-\xff.png")
    (machine / "frames" / "01-4.png").rename(machine / "frames" / name)
    status, out, _ = run("read", "frames")
    assert status == 0
    assert "four-" in out
    status, out, _ = run("read", "--json", "frames")
    assert objects(out)[-1]["file"] == f"frames/{name}"


# --- run, demo, record ----------------------------------------------------------------------------


def test_run_shows_a_recording_to_its_end(run, machine):
    (machine / "config.toml").write_text("[camera]\ndwell = 40\n[steady]\nhold = 0.5\n")
    status, _, errors = run("run", "--source", "frames")
    assert status == 0
    said = [line for line in errors.splitlines() if line.startswith("segments")]
    assert said == ["segments dark", "segments bcfg", "segments abc", "segments dark"]


def test_run_draws_in_a_terminal(run, machine, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    status, out, errors = run("run", "--source", "frames")
    assert status == 0
    assert "reading" in out
    assert "segments" not in errors


def test_demo_once_succeeds_and_fails_with_what_is_shown(run, machine):
    status, out, _ = run("demo", "--once")
    assert (status, "2 of 2 right" in out) == (0, True)
    save_useless_weights(machine / "models" / "digits.pt")
    status, out, _ = run("demo", "--once")
    assert (status, "0 of 2 right" in out) == (1, True)


def test_record_writes_frames_and_labels_to_fill_in(run, machine):
    status, out, errors = run("record", "new", "--source", "frames", "--every", "0.3")
    files = sorted(path.name for path in (machine / "new").iterdir())
    assert status == 0
    assert files == ["000001.jpg", "000002.jpg", "000003.jpg", "labels.csv"]
    assert out.splitlines() == [f"new/{name}" for name in files[:3]]
    assert "3 frames" in errors


def test_ctrl_c_ends_a_recording_well(machine):
    arguments = ("-m", "appliance", "record", "new", "--source", "frames", "--every", "0")
    (machine / "config.toml").write_text("[camera]\ndwell = 1000\n")
    with Running(machine, *arguments) as running:
        running.wait_for("Ctrl-C ends it")
        while not (machine / "new" / "000003.jpg").exists():
            assert running.process.poll() is None
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 0
    rows = (machine / "new" / "labels.csv").read_text().splitlines()
    frames = len(list((machine / "new").glob("*.jpg")))
    assert f"{frames} frames" in running.lines[-1]
    assert len(rows) == frames + 1


# --- weights, doctor ------------------------------------------------------------------------------


def test_weights_are_shown_installed_and_rolled_back(run, machine):
    good = save_weights(machine / "mine.pt")
    status, out, _ = run("weights", "install", "mine.pt")
    assert status == 0
    assert "mine.pt is in use from now on: it reads 2 of the 2 shipped frames right" in out
    assert "no service is running here" in out
    status, out, _ = run("weights", "show")
    first, second = [line for line in out.splitlines() if "digits.pt" in line]
    assert "in use" in first
    assert "state/weights/1/digits.pt" in first
    assert "workshop-linear" in first
    assert json.loads(card_path(good).read_text())["sha256"][:12] in first
    assert "in use" not in second
    assert "models/digits.pt" in second
    status, out, _ = run("weights", "rollback")
    assert status == 0
    assert "models/digits.pt is in use again" in out


def test_weights_show_tells_of_bad_ones(run, machine):
    (machine / "models" / "digits.pt").write_bytes(b"rot")
    status, out, _ = run("weights", "show")
    assert status == 0
    assert "SHA-256 differs" in out


@pytest.mark.timeout(600)
def test_the_running_service_takes_installed_weights_over(run, machine):
    good = save_weights(machine / "mine.pt")
    run("weights", "install", good)
    arguments = ("-m", "appliance", "run", "--pins", "mock", "--source", "frames", "--loop", "--fps", "30")
    environment = {"DIGIT_APPLIANCE_STATE": str(machine / "state")}
    with Running(machine, *arguments, **environment) as running:
        running.wait_for("reads 4")
        status, out, _ = run("weights", "install", good)
        assert status == 0
        assert f"the service (process {running.process.pid}) runs it" in out
        running.wait_for("reloaded")
        running.process.terminate()
        assert running.end() == 0


def test_a_service_of_another_user_is_said_how_to_reload(run, machine, monkeypatch):
    def refuse():
        raise PermissionError

    run("weights", "install", save_weights(machine / "mine.pt"))
    monkeypatch.setattr("appliance.state.reload_service", refuse)
    status, _, errors = run("weights", "rollback")
    assert status == 0
    assert "sudo systemctl reload digit-appliance" in errors


def test_doctor_is_a_table_and_fails_if_something_needed_does(run, machine):
    status, out, _ = run("doctor")
    assert status == 0
    for part in ("machine", "PyTorch", "weights", "camera", "what to do"):
        assert part in out
    (machine / "config.toml").write_text("[camera]\nfps = 'many'\n")
    status, out, _ = run("doctor")
    assert status == 1
    assert "camera.fps" in out


# --- The page's link ------------------------------------------------------------------------------


@pytest.fixture
def token(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "token").write_text("a-token-that-is-long-enough\n")


def test_the_link_is_one_line_for_programs(token):
    result = CliRunner().invoke(cli.app, ["url", "--listen", "127.0.0.1:8123"])
    assert result.output == "http://127.0.0.1:8123/?token=a-token-that-is-long-enough\n"


def test_on_a_terminal_the_link_is_a_qr_code_too(token):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "appliance", "url", "--listen", "127.0.0.1:8123"]
    with subprocess.Popen(command, stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 4096):
                shown += part
        assert process.wait(60) == 0
    os.close(ours)
    assert shown.startswith(b"http://127.0.0.1:8123/?token=")
    assert shown.decode().count("█") > 50
    assert b"Only this machine" in shown


@pytest.mark.parametrize("listen", ["8000", "localhost", "0.0.0.0:99999", "a b:80"])
def test_an_address_that_is_none_is_refused(listen):
    result = CliRunner().invoke(cli.app, ["url", "--listen", listen])
    assert isinstance(result.exception, ApplianceError)
    assert "HOST:PORT" in str(result.exception)


def test_a_page_that_is_off_has_no_link():
    result = CliRunner().invoke(cli.app, ["url", "--listen", "off"])
    assert "the page is off" in str(result.exception)
