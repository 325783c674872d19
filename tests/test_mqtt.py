"""MQTT against a real broker: what a client that watches it sees, whatever happens to either."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import trustme
from drawn import save_frames, save_weights
from mosquitto import PATIENCE, Mosquitto, free_port, needed
from running import Running

from appliance import broker as broker_module
from appliance import mqtt
from appliance.config import MqttSettings
from appliance.corrections import Corrections
from appliance.errors import CameraError
from appliance.frame import Frame
from appliance.health import Health, Monitor, msgspec
from appliance.mqtt import Mqtt
from appliance.reader import Digit, Reading
from appliance.service import Moment
from appliance.steady import Stable

pytestmark = [needed, pytest.mark.timeout(600)]  # a machine that has much else to do takes its time
HELD_UP = 0.5
"""Seconds: more than a frame costs on the busiest machine, and less than any wait for a broker."""


class Appliance:
    """Mqtt with a service that shows what it is told to, frame by frame, as the loop would."""

    def __init__(self, folder, settings):
        card = SimpleNamespace(network="digitnet", sha256="ab" * 32)
        self.service = SimpleNamespace(
            at_work=True,
            fault=None,
            source="film",
            reloads=0,
            refused=None,
            reader=SimpleNamespace(card=card, weights=Path("models/digits.pt")),
        )
        self.monitor = Monitor(self.service)
        self.store = Corrections(folder=folder / "corrections")
        self.mqtt = Mqtt(settings, self.service, self.monitor, self.store)
        self.gray = np.full((480, 640), 200, np.uint8)
        self.shown = ""
        self.longest = 0.0
        """Seconds that the loop was held up by a frame at most."""
        self._over = threading.Event()
        self._loop = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.mqtt.__enter__()
        self._loop.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._loop.join()
        self.mqtt.__exit__()

    def _run(self):
        before = ""
        while not self._over.wait(0.02):
            shown = self.shown
            stable = stable_of(shown, changed=shown != before)
            moment = Moment(Frame(self.gray, 1, time.monotonic_ns()), Reading(), stable, 1.0, 1, 0)
            began = time.perf_counter()
            self.monitor(moment)
            self.mqtt(moment)
            self.longest = max(self.longest, time.perf_counter() - began)
            before = shown

    def wait_for_state(self, wanted):
        """Until it says this of its connection."""
        until = time.monotonic() + PATIENCE
        while wanted not in (self.monitor.mqtt or ""):
            assert time.monotonic() < until, self.monitor.mqtt
            time.sleep(0.02)


def stable_of(text, changed=False):
    digits = tuple(
        Digit(int(value), 0.9, (10 * place, 20, 30, 40), np.zeros(10, np.float32), crop_of(int(value)))
        for place, value in enumerate(text)
    )
    return Stable(text, 0.9 ** len(text) if text else 0.0, digits, changed)


def crop_of(value):
    return np.full((28, 28), 10 * value, np.uint8)


@pytest.fixture
def start(tmp_path):
    """Starts an appliance that tells a broker."""

    @contextmanager
    def start(broker, **settings):
        with Appliance(tmp_path, settings_for(broker, **settings)) as appliance:
            yield appliance

    return start


def settings_for(broker, **settings):
    return MqttSettings(**{"host": "127.0.0.1", "port": broker.port, "name": "pi", **settings})


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as broker:
        yield broker


def test_what_is_read_is_told_and_kept_for_those_who_come_later(broker, start):
    with broker.watch("digits/#") as watcher, start(broker) as appliance:
        watcher.wait_for("digits/pi/text", b"")
        watcher.wait_for("digits/pi/availability", b"online")
        appliance.shown = "42"
        watcher.wait_for("digits/pi/text", b"42")
        digits = json.loads(watcher.wait_for("digits/pi/digits").payload)
        assert (digits["name"], digits["text"], digits["confidence"]) == ("pi", "42", 0.81)
        assert digits["digits"] == [
            {"value": 4, "confidence": 0.9, "box": [0, 20, 30, 40]},
            {"value": 2, "confidence": 0.9, "box": [10, 20, 30, 40]},
        ]
        assert abs(digits["time"] - time.time()) < PATIENCE
        assert broker.retained("digits/pi/text") == b"42"
        assert broker.retained("digits/pi/digits") == json.dumps(digits, separators=(",", ":")).encode()
        assert broker.retained("digits/pi/availability") == b"online"
        appliance.shown = ""
        watcher.wait_for("digits/pi/text", b"")
        watcher.wait_for("digits/pi/digits", lambda payload: json.loads(payload)["text"] == "")
        assert broker.retained("digits/pi/text") is None
    assert broker.retained("digits/pi/availability") == b"offline"


def test_health_is_told_again_and_again_and_what_is_not_seen_any_more_is_not_told_as_read(
    broker, start, monkeypatch
):
    monkeypatch.setattr(mqtt, "TICK", 0.05)
    monkeypatch.setattr(mqtt, "HEALTH_EVERY", 0.3)
    with broker.watch("digits/#") as watcher, start(broker) as appliance:
        first = msgspec.json.decode(watcher.wait_for("digits/pi/health").payload, type=Health)
        assert (first.fault, first.source, first.weights.sha256) == (None, "film", "ab" * 32)
        appliance.shown = "7"
        watcher.wait_for("digits/pi/text", b"7")
        appliance.service.fault = CameraError("film is torn")
        # What the camera does not see any more is not told as read.
        watcher.wait_for("digits/pi/text", b"")
        watcher.wait_for("digits/pi/health", lambda payload: json.loads(payload)["fault"] == "film is torn")
        appliance.service.fault = None
        watcher.wait_for("digits/pi/text", b"7")
        times = [
            json.loads(watcher.wait_for("digits/pi/health", lambda it: not json.loads(it)["fault"]).payload)[
                "time"
            ]
            for _ in range(4)
        ]
        assert all(after - before >= 0.3 for before, after in pairwise(times[1:]))


def test_health_comes_at_once_and_not_only_with_the_next_minute(broker, start):
    with broker.watch("digits/#") as watcher, start(broker) as appliance:
        watcher.wait_for("digits/pi/health", lambda payload: json.loads(payload)["fault"] is None)
        appliance.service.fault = CameraError("film is torn")
        watcher.wait_for("digits/pi/health", lambda payload: json.loads(payload)["fault"] == "film is torn")
        appliance.service.fault = None
        watcher.wait_for("digits/pi/health", lambda payload: json.loads(payload)["fault"] is None)


def test_a_picture_comes_after_a_change_and_not_too_often(broker, start):
    with broker.watch("digits/pi/picture") as watcher, start(broker, picture=0.5) as appliance:
        appliance.gray = np.tile(np.arange(1280, dtype=np.uint8), (960, 1))
        for count in range(10):
            appliance.shown = str(count % 10)
            time.sleep(0.1)
        picture = cv2.imdecode(np.frombuffer(watcher.wait_for("digits/pi/picture").payload, np.uint8), -1)
        assert picture.shape == (480, 640)
        watcher.wait_for("digits/pi/picture")
    # One at the start and one each half second; without a limit it would have been one a change.
    assert 2 <= len(watcher.seen) <= 5


def test_home_assistant_finds_it_and_what_is_no_more_allowed_is_taken_back(broker, start):
    with broker.watch("homeassistant/#") as watcher, start(broker, corrections=True):
        configs = {
            watcher.wait_for(f"homeassistant/{kind}/digit-appliance-pi/config").payload for kind in KINDS
        }
        assert all(json.loads(config)["device"]["name"] == "Digits pi" for config in configs)
    with broker.watch("digits/#") as watcher, start(broker):
        watcher.wait_for("digits/pi/availability", b"online")  # which is the last that it tells
    kept = [kind for kind in KINDS if broker.retained(f"homeassistant/{kind}/digit-appliance-pi/config")]
    assert kept == ["sensor", "image", "binary_sensor"]


KINDS = ["sensor", "image", "binary_sensor", "button", "text"]


def test_a_broker_that_restarts_is_told_everything_again_though_it_remembers_nothing(broker, start):
    with start(broker, corrections=True) as appliance:
        appliance.shown = "1"
        appliance.wait_for_state("connected")
        broker.stop()
        appliance.wait_for_state("lost")
        for text in ("2", "3", "45"):
            appliance.shown = text
            time.sleep(0.1)
        broker.start()
        with broker.watch() as watcher:
            appliance.wait_for_state("connected")
            watcher.wait_for("digits/pi/text", b"45")
            watcher.wait_for("digits/pi/picture")
        topics = [seen.topic for seen in watcher.seen]
        # The newest of each, and nothing of what had passed.
        assert [seen.payload for seen in watcher.seen if seen.topic == "digits/pi/text"] == [b"45"]
        assert {f"homeassistant/{kind}/digit-appliance-pi/config" for kind in KINDS} <= set(topics)
        broker.publish("digits/pi/learn", "45")
        with broker.watch("digits/pi/learned") as watcher:
            watcher.wait_for("digits/pi/learned", lambda payload: payload.startswith(b"kept: 45"))
        assert appliance.longest < HELD_UP


def test_what_was_on_its_way_when_the_broker_went_is_not_told_again(broker, start):
    with start(broker) as appliance:
        appliance.wait_for_state("connected")
        with broker.watch() as watcher:
            watcher.wait_for("digits/pi/availability", b"online")
        broker.signal(signal.SIGSTOP)
        appliance.shown = "1"
        deadline = time.monotonic() + 10
        while not appliance.mqtt._broker._client._out_messages and time.monotonic() < deadline:
            time.sleep(0.01)
        assert appliance.mqtt._broker._client._out_messages
        broker.signal(signal.SIGKILL)
        appliance.wait_for_state("lost")
        appliance.shown = "45"
        broker.start()
        with broker.watch() as watcher:
            watcher.wait_for("digits/pi/text", b"45")
            watcher.wait_for("digits/pi/availability", b"online")
        assert [seen.payload for seen in watcher.seen if seen.topic == "digits/pi/text"] == [b"45"]


def test_a_broker_that_is_not_there_yet_is_waited_for(tmp_path, caplog):
    port = free_port()
    settings = MqttSettings(host="127.0.0.1", port=port, name="pi")
    with Appliance(tmp_path, settings) as appliance:
        appliance.wait_for_state(f"no connection to 127.0.0.1:{port}: Connection refused; trying again")
        appliance.shown = "8"
        time.sleep(1.5)
        assert caplog.text.count("Connection refused") == 1
        broker = Mosquitto(tmp_path, f"listener {port} 127.0.0.1", "allow_anonymous true")
        with broker:
            appliance.wait_for_state(f"connected to 127.0.0.1:{port}, as digits/pi")
            with broker.watch("digits/pi/text") as watcher:
                watcher.wait_for("digits/pi/text", b"8")


def test_a_host_that_no_name_server_knows_is_said(tmp_path):
    with Appliance(tmp_path, MqttSettings(host="nowhere.invalid", name="pi")) as appliance:
        appliance.wait_for_state("no connection to nowhere.invalid:1883: ")


def test_a_starved_broker_holds_up_neither_frames_nor_the_end(broker, start):
    with start(broker) as appliance:
        appliance.wait_for_state("connected")
        broker.signal(signal.SIGSTOP)
        for count in range(60):
            appliance.shown = str(count)
            time.sleep(0.01)
        # It is told no more than one message ahead, so nothing waits for it but the newest of each topic.
        assert len(appliance.mqtt._broker._client._out_messages) <= 1
        began = time.monotonic()
    assert time.monotonic() - began < 2.5
    assert appliance.longest < HELD_UP
    broker.signal(signal.SIGCONT)


# --- Who is let in -------------------------------------------------------------------------------


@pytest.fixture
def guarded(tmp_path):
    """A broker that lets only `pi` in, with its password."""
    with Mosquitto.guarded(tmp_path) as broker:
        yield broker


def password_file(folder, password, mode=0o600):
    path = folder / "mqtt-password"
    path.write_text(f"{password}\n")
    path.chmod(mode)
    return str(path)


def test_a_wrong_password_is_said_once_and_a_right_one_lets_in(guarded, start, tmp_path, caplog):
    file = password_file(tmp_path, "wrong")
    with start(guarded, username="pi", password_file=file) as appliance:
        appliance.wait_for_state(f"127.0.0.1:{guarded.port} refuses: Not authorized; see mqtt.username")
        time.sleep(1.5)
        assert caplog.text.count("refuses") == 1
        appliance.shown = "5"
    password_file(tmp_path, "secret")
    with guarded.watch("digits/#") as watcher, start(guarded, username="pi", password_file=file) as appliance:
        appliance.shown = "6"
        watcher.wait_for("digits/pi/text", b"6")


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666])
def test_a_password_that_others_can_read_is_not_used_and_reading_goes_on(guarded, start, tmp_path, mode):
    file = password_file(tmp_path, "secret", mode)
    with start(guarded, username="pi", password_file=file) as appliance:
        assert appliance.monitor.mqtt.startswith(f"off: mqtt.password_file {file} is open to others: ")
        assert "chmod 600" in appliance.monitor.mqtt
        appliance.shown = "5"
        time.sleep(0.1)
    assert guarded.retained("digits/pi/availability") is None


def test_a_password_of_another_group_is_open_to_others(tmp_path, guarded, start):
    file = password_file(tmp_path, "secret", 0o640)
    os.chown(file, -1, 12345)
    with start(guarded, username="pi", password_file=file) as appliance:
        assert "is open to others" in appliance.monitor.mqtt
    os.chown(file, -1, os.getegid())
    with start(guarded, username="pi", password_file=file) as appliance:
        appliance.wait_for_state("connected")


def test_a_password_or_certificates_that_are_not_there_are_said(broker, start, tmp_path):
    with start(broker, username="pi", password_file=str(tmp_path / "gone")) as appliance:
        assert appliance.monitor.mqtt.endswith("gone cannot be read (No such file or directory)")
    (tmp_path / "not-a-certificate").write_text("hello")
    for name in ("gone", "not-a-certificate"):
        with start(broker, tls=True, ca=str(tmp_path / name)) as appliance:
            assert f"{name} is no file of certificates" in appliance.monitor.mqtt


def test_a_broker_that_does_not_let_it_publish_is_said(tmp_path, start):
    (tmp_path / "acl").write_text("topic read #\n")
    with (
        Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {tmp_path}/acl") as broker,
        start(broker) as appliance,
    ):
        appliance.wait_for_state("takes nothing for digits/pi: Not authorized; see the broker's access list")


@pytest.fixture
def tls(tmp_path):
    """Starts a broker that speaks TLS at `tls_port`, with a certificate from an authority of its own."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "another-ca.pem")

    def start(*names):
        certificate = authority.issue_cert(*names)
        certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
        port = free_port()
        files = (f"certfile {tmp_path}/certificate.pem", f"keyfile {tmp_path}/key.pem")
        broker = Mosquitto(tmp_path, "allow_anonymous true", f"listener {port} 127.0.0.1", *files)
        broker.tls_port = port
        return broker

    return start


def test_tls_tells_a_broker_whose_certificate_is_good(tls, start, tmp_path):
    with (
        tls("127.0.0.1") as broker,
        broker.watch("digits/#") as watcher,
        start(broker, port=broker.tls_port, tls=True, ca=str(tmp_path / "ca.pem")) as appliance,
    ):
        appliance.shown = "9"
        watcher.wait_for("digits/pi/text", b"9")


@pytest.mark.parametrize(
    ("names", "ca", "why"),
    [
        (["127.0.0.1"], "another-ca.pem", "unable to get local issuer certificate"),
        (["127.0.0.1"], "", "unable to get local issuer certificate"),
        (["localhost"], "ca.pem", "IP address mismatch"),
    ],
)
def test_tls_tells_nothing_to_a_broker_whose_certificate_is_not_good(tls, start, tmp_path, names, ca, why):
    with tls(*names) as broker:
        with start(broker, port=broker.tls_port, tls=True, ca=ca and str(tmp_path / ca)) as appliance:
            appliance.wait_for_state("its certificate is not good")
            assert why in appliance.monitor.mqtt
            appliance.shown = "9"
        assert broker.retained("digits/pi/availability") is None


def test_without_tls_a_broker_that_wants_it_is_not_reached(tls, start):
    with tls("127.0.0.1") as broker, start(broker, port=broker.tls_port) as appliance:
        appliance.wait_for_state(f"127.0.0.1:{broker.tls_port}")
        time.sleep(1.5)
        assert "connected to" not in appliance.monitor.mqtt


# --- Corrections -----------------------------------------------------------------------------------


def learned(broker, payload):
    """What came of an order."""
    with broker.watch("digits/pi/learned", "digits/pi/text") as watcher:
        broker.publish("digits/pi/learn", payload)
        return next(
            seen.payload.decode()
            for seen in iter(lambda: watcher.wait_for("digits/pi/learned"), None)
            if not seen.old
        )


def test_the_right_number_is_kept_with_what_was_seen(broker, start, monkeypatch):
    monkeypatch.setattr(broker_module, "REST", 0.0)
    with start(broker, corrections=True) as appliance:
        appliance.shown = "41"
        appliance.wait_for_state("connected")
        with broker.watch("digits/pi/text") as watcher:
            watcher.wait_for("digits/pi/text", b"41")
        assert learned(broker, "47") == "kept: 41, which is 47"
        four, seven = sorted(appliance.store.answered(), key=lambda one: one.read, reverse=True)
        assert [(one.read, one.value) for one in (four, seven)] == [(4, 4), (1, 7)]
        assert (seven.box, seven.confidence, seven.weights) == ((10, 20, 30, 40), 0.9, "ab" * 32)
        crop = cv2.imdecode(np.frombuffer(appliance.store.picture(seven.id, "crop.png"), np.uint8), -1)
        assert (crop == crop_of(1)).all()
        frame = cv2.imdecode(np.frombuffer(appliance.store.picture(seven.id, "frame.jpg"), np.uint8), -1)
        assert frame.shape == (480, 640)
        assert learned(broker, "none") == "kept: 41, which is none"
        assert [one.value for one in appliance.store.answered()].count(None) == 2
        assert learned(broker, "PRESS") == "kept: 41, to be told what it is"
        assert sum(one.waits for one in appliance.store.all()) == 2


@pytest.mark.parametrize(
    ("shown", "said", "why"),
    [
        ("", "7", "no digit is shown"),
        ("4", "47", "1 digits are shown, and 47 has 2"),
        ("4", "seven", "say the right number, such as 42"),
        ("4", "", "say the right number, such as 42"),
        ("4", b"\xff\x00", "say the right number, such as 42"),
    ],
)
def test_a_correction_that_does_not_fit_is_answered_and_not_kept(broker, start, shown, said, why):
    with start(broker, corrections=True) as appliance:
        appliance.shown = shown
        appliance.wait_for_state("connected")
        with broker.watch("digits/pi/digits") as watcher:
            watcher.wait_for("digits/pi/digits", lambda payload: json.loads(payload)["text"] == shown)
        answer = learned(broker, said)
        assert answer.startswith("not learned: ") and why in answer
    assert appliance.store.all() == []


def test_corrections_are_not_even_listened_to_unless_they_are_allowed(broker, start):
    with start(broker) as appliance, broker.watch("digits/#") as watcher:
        appliance.shown = "4"
        watcher.wait_for("digits/pi/text", b"4")
        broker.publish("digits/pi/learn", "7")
        appliance.shown = "5"
        watcher.wait_for("digits/pi/text", b"5")
        time.sleep(0.3)
    assert "digits/pi/learned" not in [seen.topic for seen in watcher.seen]
    assert appliance.store.all() == []


def test_an_order_that_was_retained_is_of_another_time(broker, start):
    broker.publish("digits/pi/learn", "7", "-r")
    with start(broker, corrections=True) as appliance, broker.watch("digits/#") as watcher:
        appliance.shown = "4"
        watcher.wait_for("digits/pi/text", b"4")
        time.sleep(0.3)
    assert appliance.store.all() == []


def test_a_flood_of_orders_holds_nothing_up_and_fills_nothing(broker, start, caplog, monkeypatch):
    monkeypatch.setattr(broker_module, "DEAF", 1.0)
    with start(broker, corrections=True) as appliance, broker.watch("digits/#") as watcher:
        appliance.shown = "4"
        watcher.wait_for("digits/pi/text", b"4")
        command = broker.command("mosquitto_pub", "-t", "digits/pi/learn", "-l")
        subprocess.run(command, input=b"7\n" * 20_000, check=True, timeout=PATIENCE)
        appliance.shown = "5"
        watcher.wait_for("digits/pi/text", b"5")
        assert "too many orders at once" in caplog.text
        assert len(appliance.store.all()) <= 3
        # And when it is over, those who correct are heard again.
        until = time.monotonic() + PATIENCE
        while not any(one.value == 9 for one in appliance.store.answered()):
            assert time.monotonic() < until
            broker.publish("digits/pi/learn", "9")
            time.sleep(0.5)
    assert appliance.longest < HELD_UP


def test_an_order_larger_than_any_number_does_not_even_arrive(broker, start):
    with start(broker, corrections=True) as appliance, broker.watch("digits/pi/text") as watcher:
        appliance.shown = "4"
        watcher.wait_for("digits/pi/text", b"4")
        broker.publish("digits/pi/learn", b"7" * 5_000_000)
        time.sleep(0.3)
        assert appliance.monitor.mqtt.startswith("connected")
        assert learned(broker, "7") == "kept: 4, which is 7"


# --- As a real process -----------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path, broker):
    """A configuration that tells the broker, weights that read drawn digits, and a still."""
    return make_machine(tmp_path, broker)


def make_machine(tmp_path, broker):
    save_weights(tmp_path / "digits.pt")
    save_frames(tmp_path / "frames", "7")
    (tmp_path / "config.toml").write_text(
        f'''
        [reading]
        weights = "{tmp_path}/digits.pt"
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
        name = "pi"
        '''
    )
    return tmp_path


def run_process(folder, **environment):
    arguments = ("--pins", "mock", "--source", str(folder / "frames"), "--loop", "--fps", "30")
    return Running(folder, "-m", "appliance", "run", *arguments, **environment)


def test_a_killed_process_is_offline_by_its_last_will_and_back_when_it_is(machine, broker):
    with broker.watch("digits/#") as watcher, broker.watch("digits/pi/health") as health:
        with run_process(machine):
            assert json.loads(health.wait_for("digits/pi/health").payload)["source"].endswith("frames")
            watcher.wait_for("digits/pi/text", b"7")
        # Leaving it has killed it.
        watcher.wait_for("digits/pi/availability", b"offline")
        assert broker.retained("digits/pi/availability") == b"offline"
        (machine / "notify").unlink()
        with run_process(machine) as running:
            # What was read before is not told as read by the one that is online again.
            watcher.wait_for("digits/pi/text", b"")
            watcher.wait_for("digits/pi/availability", b"online")
            watcher.wait_for("digits/pi/text", b"7")
            until = time.monotonic() + PATIENCE  # the status file is written once a second
            while (said := doctor(machine)) != ("ok", f"connected to 127.0.0.1:{broker.port}, as digits/pi"):
                assert time.monotonic() < until, said
                time.sleep(0.2)
            broker.stop()
            running.wait_for("mqtt: lost")
            running.wait_for("mqtt: no connection")
            time.sleep(1.2)  # the status file is written once a second
            assert doctor(machine)[0] == "warn"
            running.process.terminate()
            assert running.end() == 0
    assert doctor(machine) == ("warn", "not connected to 127.0.0.1: the service is not at work")


def doctor(folder):
    """What it finds of MQTT."""
    script = """
import pathlib, sys
from appliance.doctor import _configuration, _mqtt
for finding in _mqtt(_configuration(pathlib.Path(sys.argv[1]))[1]):
    print(finding.state, finding.found, sep="\\n")
"""
    process = subprocess.run(
        [sys.executable, "-c", script, str(folder / "config.toml")],
        env=os.environ | {"DIGIT_APPLIANCE_STATE": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(process.stdout.splitlines())


def test_a_process_that_gets_no_time_is_offline_by_its_last_will_and_back_when_it_does(tmp_path):
    # The shortest time that mosquitto has clients be silent for, and half as much again.
    with Mosquitto(tmp_path, "allow_anonymous true", "max_keepalive 10") as broker:
        machine = make_machine(tmp_path, broker)
        with broker.watch("digits/#") as watcher, run_process(machine) as running:
            watcher.wait_for("digits/pi/text", b"7")
            running.process.send_signal(signal.SIGSTOP)
            watcher.wait_for("digits/pi/availability", b"offline")
            running.process.send_signal(signal.SIGCONT)
            watcher.wait_for("digits/pi/text", b"7")
            watcher.wait_for("digits/pi/availability", b"online")


def test_a_process_that_is_told_to_stop_says_goodbye(machine, broker):
    with broker.watch("digits/pi/availability") as watcher, run_process(machine) as running:
        watcher.wait_for("digits/pi/availability", b"online")
        running.process.terminate()
        watcher.wait_for("digits/pi/availability", b"offline")
        assert running.end() == 0


def test_nothing_of_it_is_imported_unless_it_is_configured(machine):
    (machine / "config.toml").write_text(f'[reading]\nweights = "{machine}/digits.pt"\n')
    script = """
import sys
from appliance.cli import command_line
status = command_line()
foreign = {"paho", "zeroconf"}
foreign |= {f"appliance.{name}" for name in ("mqtt", "broker", "homeassistant", "hooks", "announce")}
print("imported:", sorted(foreign & set(sys.modules)), file=sys.stderr)
sys.exit(status)
"""
    arguments = ("run", "--pins", "mock", "--source", str(machine / "frames"))
    with Running(machine, "-c", script, *arguments) as running:
        assert running.end() == 0
    assert running.lines[-1] == "imported: []"
