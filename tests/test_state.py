import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.state import hold_pid, reload_service, running, state_folder

# Started by nohup, the tests would hand their deafness to SIGHUP down to it.
HOLD = """
import signal
from appliance.state import hold_pid
signal.signal(signal.SIGHUP, signal.SIG_DFL)
with hold_pid():
    print('held', flush=True); input()
"""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder():
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_folder_is_the_given_one_else_systemds_else_the_usual_one(monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", "/given")
    monkeypatch.setenv("STATE_DIRECTORY", "/systemds")
    assert state_folder() == Path("/given")
    monkeypatch.delenv("DIGIT_APPLIANCE_STATE")
    assert state_folder() == Path("/systemds")
    monkeypatch.delenv("STATE_DIRECTORY")
    assert state_folder() == Path("/var/lib/digit-appliance")


def test_the_running_service_is_found_and_no_longer_once_it_ended(holder):
    assert running() == holder.pid
    holder.communicate(b"\n")
    assert running() is None


def test_a_service_that_was_killed_is_not_mistaken_for_a_running_one(holder, state):
    holder.kill()
    holder.wait()
    assert (state / "pid").read_text() == f"{holder.pid}\n"
    assert running() is None


def test_nothing_runs_where_nothing_ever_ran():
    assert running() is None
    assert reload_service() is None


def test_a_reload_reaches_the_service(holder):
    assert reload_service() == holder.pid
    assert holder.wait(20) == -signal.SIGHUP  # nothing in it handles the signal


def test_a_second_service_is_told_of_and_leaves_the_first_ones_number(holder, caplog):
    with hold_pid():
        assert running() == holder.pid
    assert f"another service (process {holder.pid})" in caplog.text


def test_a_folder_that_cannot_be_written_does_not_keep_the_service_from_running(monkeypatch):
    monkeypatch.setenv("DIGIT_APPLIANCE_STATE", "/proc/nowhere")
    with hold_pid():
        assert running() is None


def test_a_shorter_number_leaves_nothing_of_a_longer_one_before(state):
    (state / "pid").write_text("99999999999\n")
    with hold_pid():
        assert (state / "pid").read_text() == f"{os.getpid()}\n"
