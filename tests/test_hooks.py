"""Hooks with real programs and a real web server."""

import json
import os
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import trustme
from mosquitto import free_port

from appliance.config import CommandSettings, WebhookSettings
from appliance.frame import Frame
from appliance.hooks import Hook, command, post, run
from appliance.reader import Digit, Reading
from appliance.service import Moment
from appliance.steady import Stable

PATIENCE = 60
"""Seconds after which a test gives up; nothing is measured by it."""


def stable_of(text):
    probabilities, crop = np.full(10, 0.1, np.float32), np.zeros((28, 28), np.uint8)
    digits = tuple(Digit(int(value), 0.9, (0, 20, 30, 40), probabilities, crop) for value in text)
    return Stable(text, 0.9 ** len(text), digits)


def moment_of(text):
    frame = Frame(np.zeros((4, 4), np.uint8), 1, time.monotonic_ns())
    return Moment(frame, Reading(), stable_of(text), 1.0, 1, 0)


def wait_until(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


class Recorder:
    """Something to be set off; it may take its time, or fail."""

    def __init__(self):
        self.seen = []
        self.go = threading.Event()
        self.go.set()
        self.error = None

    def __call__(self, stable):
        self.seen.append((stable.text, time.monotonic()))
        assert self.go.wait(PATIENCE)
        if self.error:
            raise self.error

    @property
    def texts(self):
        return [text for text, _ in self.seen]


@pytest.mark.parametrize(
    ("on", "expected"),
    [("change", ["4", "", "42", "7"]), ("number", ["4", "42", "7"]), ("nothing", [""])],
)
def test_it_is_set_off_by_the_changes_that_are_wanted(on, expected):
    recorder = Recorder()
    with Hook("hook", recorder, CommandSettings(on=on, every=0)) as hook:
        for text in ("4", "4", "", "", "42", "7"):
            hook(moment_of(text))
            wanted = [one for one in expected if one in recorder.texts or one == text]
            wait_until(lambda wanted=wanted: len(recorder.texts) >= len(wanted))
    assert recorder.texts == expected


def test_while_it_is_busy_nothing_is_held_up_and_the_newest_change_counts():
    recorder = Recorder()
    recorder.go.clear()
    with Hook("hook", recorder, CommandSettings(every=0)) as hook:
        hook(moment_of("1"))
        wait_until(lambda: recorder.texts == ["1"])
        began = time.perf_counter()
        for count in range(1000):
            hook(moment_of(str(count)))
        assert time.perf_counter() - began < 5  # the first would be waited for for a minute
        recorder.go.set()
        wait_until(lambda: len(recorder.texts) == 2)
    assert recorder.texts == ["1", "999"]


def test_it_rests_in_between():
    recorder = Recorder()
    with Hook("hook", recorder, CommandSettings(every=0.3)) as hook:
        for text in ("1", "2", "3"):
            hook(moment_of(text))
            time.sleep(0.05)
        wait_until(lambda: len(recorder.seen) == 2)
    (_, first), (_, second) = recorder.seen
    assert second - first >= 0.3


def test_a_failure_is_told_of_once_until_it_works_again(caplog):
    caplog.set_level("INFO")
    recorder = Recorder()
    recorder.error = OSError("nobody home")
    with Hook("hooks.command", recorder, CommandSettings(every=0)) as hook:
        for count, error in enumerate([OSError("nobody home")] * 3 + [None] * 2, start=1):
            recorder.error = error
            hook(moment_of(str(count)))
            wait_until(lambda count=count: len(recorder.seen) == count)
            time.sleep(0.05)
    assert caplog.messages == ["hooks.command: nobody home", "hooks.command: works again"]


# --- Programs --------------------------------------------------------------------------------------


def test_a_program_is_told_the_number_and_all_about_it(tmp_path):
    script = 'echo "$DIGITS $CONFIDENCE $APPLIANCE $1" >"$0/seen"; cat >"$0/input"'
    settings = CommandSettings(run=("sh", "-c", script, str(tmp_path), "a b; $(rm -rf /)"))
    with command(settings, "pi") as hook:
        hook(moment_of("42"))
        wait_until(lambda: (tmp_path / "input").exists() and (tmp_path / "input").read_bytes()[-1:] == b"}")
    # No shell of ours ever looks at the arguments.
    assert (tmp_path / "seen").read_text() == "42 0.810 pi a b; $(rm -rf /)\n"
    told = json.loads((tmp_path / "input").read_bytes())
    assert (told["name"], told["text"], told["confidence"], len(told["digits"])) == ("pi", "42", 0.81, 2)


def test_what_a_program_says_goes_to_the_log(capfd):
    run(CommandSettings(run=("sh", "-c", "echo out; echo err >&2")), "pi", stable_of("4"))
    assert sorted(capfd.readouterr().err.splitlines()) == ["err", "out"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such/program",), "No such file or directory: '/no/such/program'"),
        (("/etc",), "Permission denied"),
        (("sh", "-c", "exit 3"), "sh ended with status 3"),
        (("sh", "-c", "kill -SEGV $$"), "sh ended with status -11"),
    ],
)
def test_a_program_that_fails_is_an_error_that_says_how(command, why):
    with pytest.raises(OSError, match=why):
        run(CommandSettings(run=command), "pi", stable_of("4"))


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    script = f"sleep 600 & echo $! >{tmp_path}/child; wait"
    with pytest.raises(TimeoutError, match=r"sh was not done in 0\.5 s and was ended"):
        run(CommandSettings(run=("sh", "-c", script), timeout=0.5), "pi", stable_of("4"))
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not alive(child))


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as file:  # noqa: PTH123 (gone at any moment)
        return file.read().split()[2] != "Z"


# --- Web addresses ---------------------------------------------------------------------------------


@contextmanager
def serving(respond, tls=None):
    """A web server; `respond` answers a POST with what it was told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            respond(self, body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # clients that leave are meant to
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_is_told_all_about_the_number():
    seen = []

    def respond(request, body):
        seen.append((request.path, request.headers["Content-Type"], json.loads(body)))
        request.send_response(204)
        request.end_headers()

    with serving(respond) as address:
        post(WebhookSettings(url=f"{address}/api/webhook/a%20b?c=d"), "pi", stable_of("42"))
        post(WebhookSettings(url=address), "pi", stable_of(""))
    (path, kind, told), (other_path, _, other) = seen
    assert (path, other_path, kind) == ("/api/webhook/a%20b?c=d", "/", "application/json")
    assert (told["name"], told["text"], told["digits"][0]["value"]) == ("pi", "42", 4)
    assert (other["text"], other["digits"]) == ("", [])


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_is_no_success_is_an_error(status):
    def respond(request, body):
        request.send_response(status)
        request.send_header("Location", "http://127.0.0.1:1/")
        request.end_headers()

    with serving(respond) as address, pytest.raises(OSError, match=f"answered with HTTP status {status}"):
        post(WebhookSettings(url=address), "pi", stable_of("4"))


def test_nobody_at_an_address_is_an_error_that_says_who():
    port = free_port()
    with pytest.raises(OSError, match=f"127.0.0.1:{port}: .*Connection refused"):
        post(WebhookSettings(url=f"http://127.0.0.1:{port}/"), "pi", stable_of("4"))


def test_what_is_no_web_server_is_an_error():
    def respond(request, body):
        request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    with serving(respond) as address, pytest.raises(OSError, match=r"SSH-2\.0"):
        post(WebhookSettings(url=address), "pi", stable_of("4"))


@pytest.mark.parametrize("drip", [b"", b"X"])
def test_a_server_that_is_silent_or_slow_is_left_after_the_time_limit(drip):
    over = threading.Event()

    def respond(request, body):
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.05):
            request.wfile.write(drip)

    with serving(respond) as address:
        began = time.monotonic()
        with pytest.raises(TimeoutError, match=r"did not answer in 0\.5 s"):
            post(WebhookSettings(url=address, timeout=0.5), "pi", stable_of("4"))
        assert 0.5 <= time.monotonic() - began < 30
        over.set()


def test_a_server_whose_certificate_is_not_good_is_told_nothing():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    seen = []
    with serving(lambda request, body: seen.append(body), context) as address:
        url = address.replace("http:", "https:")
        with pytest.raises(OSError, match="certificate verify failed"):
            post(WebhookSettings(url=url), "pi", stable_of("4"))
    assert seen == []
