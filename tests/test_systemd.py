import logging
import os
import socket
import subprocess
import sys

import pytest

from appliance.systemd import JournalFormatter, Systemd, is_journal


@pytest.fixture
def notified(tmp_path, monkeypatch):
    """Gives what was notified, message by message, on a real socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def messages():
            while True:
                try:
                    yield listener.recv(4096).decode()
                except BlockingIOError:
                    return

        yield messages


def test_each_change_is_notified(notified):
    systemd = Systemd()
    assert systemd.listens
    systemd.ready()
    systemd.status("reads\n42")
    systemd.reloading()
    systemd.stopping()
    ready, status, reloading, stopping = notified()
    assert (ready, status, stopping) == ("READY=1", "STATUS=reads 42", "STOPPING=1")
    assert reloading.splitlines()[0] == "RELOADING=1"
    assert reloading.splitlines()[1].removeprefix("MONOTONIC_USEC=").isdigit()


def test_the_watchdog_hears_a_few_of_many_frames(notified, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", str(3600 * 10**6))
    systemd = Systemd()
    for _ in range(100):
        systemd.feed_watchdog()
    assert list(notified()) == ["WATCHDOG=1"]


def test_a_systemd_that_does_not_listen_holds_nothing_up(notified):
    systemd = Systemd()
    for _ in range(20):  # more than a socket keeps
        systemd.status("reads 42")
    assert next(notified()) == "STATUS=reads 42"


def test_without_a_watchdog_nothing_is_fed(notified, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    Systemd().feed_watchdog()
    assert list(notified()) == []


def test_nobody_listening_is_no_error(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd = Systemd()
    assert not systemd.listens
    systemd.ready()


@pytest.mark.parametrize(("level", "priority"), [(logging.INFO, 6), (logging.ERROR, 3), (logging.DEBUG, 7)])
def test_lines_for_the_journal_begin_with_their_priority(level, priority):
    record = logging.LogRecord("a", level, "", 1, "reads %s", ("4",), None)
    assert JournalFormatter().format(record) == f"<{priority}>reads 4"


def test_the_journal_is_told_from_other_streams(tmp_path, monkeypatch):
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "other").open("w") as other:
        status = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert is_journal(journal.fileno())
        assert not is_journal(other.fileno())
    assert not is_journal(10**6)


@pytest.mark.parametrize(("journal", "expected"), [(True, b"<6>reads 4\n<4>oh\n"), (False, b"reads 4\noh\n")])
def test_the_log_has_no_times_of_its_own(tmp_path, monkeypatch, journal, expected):
    code = (
        "import logging; from appliance.systemd import log_to_stderr; log_to_stderr();"
        "logging.info('reads 4'); logging.warning('oh'); logging.debug('not this')"
    )
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}" if journal else "1:1")
        subprocess.run([sys.executable, "-c", code], stderr=stream, check=True)
    assert (tmp_path / "stream").read_bytes() == expected
