"""Weights on their way to a Pi: a real ssh connection, a real service, and everything that can go wrong."""

import hashlib
import io
import os
import pickle
import re
import signal
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import layered_pi
import msgspec
import pytest
from drawn import save_frames, save_useless_weights, save_weights
from ssh_server import Pi, different, small_release

from appliance.card import Card, card_path, onnx_path
from appliance.errors import WeightsError
from appliance.export import export
from appliance.network import build, save
from benchmarks.sshd import Sshd, free_port
from training.errors import TrainingError
from training.push import pack, push
from training.remote import Host, RemoteError


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_release(tmp_path_factory.mktemp("release") / "appliance")


@pytest.fixture
def pi(tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pi]:
    monkeypatch.chdir(release)  # `pack` tries weights on the frames of the appliance it finds
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    sshd = Sshd(tmp_path)
    pi = Pi(tmp_path / "pi", release, sshd)
    with sshd:
        yield pi


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return save_frames(tmp_path / "seen", "7")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    weights = save_weights(tmp_path / "good.pt")
    export(weights)
    return weights


def archive_of(weights: Path) -> tuple[str, bytes]:
    """What `pack` gives, whatever the weights are worth."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(weights, "digits.pt")
        tar.add(card_path(weights), "digits.json")
        tar.add(onnx_path(weights), "digits.onnx")
    return hashlib.sha256(weights.read_bytes()).hexdigest(), archive.getvalue()


def host(pi: Pi, **options: str) -> Host:
    return Host("127.0.0.1", **{"ssh": pi.ssh(), **options})


def in_use(pi: Pi) -> str:
    """The SHA-256 of the weights that the service says it runs."""
    return msgspec.json.decode((pi.folder / "status.json").read_bytes())["weights"]["sha256"]


def test_the_running_service_reads_with_what_is_pushed_and_nothing_is_sent_twice(
    pi: Pi, frames: Path, good: Path
) -> None:
    sha256, archive = pack(good)
    with pi.service(frames) as service:
        service.wait_for("reads 7")
        told = push(host(pi), sha256, archive)
        assert re.fullmatch(
            r"in use from now on: reads \d of the 4 shipped frames right, the service .*", told
        )
        assert told.endswith(f"the service (process {service.process.pid}) runs it")
        assert in_use(pi) == sha256
        assert push(host(pi), sha256, archive) == "in use already"
        service.wait_for("reloaded")
    assert pi.installed() == ["1", "current -> 1"]
    assert (pi.folder / "weights/1/digits.pt").read_bytes() == good.read_bytes()
    assert "no service is running here" in push(host(pi), *archive_of(different(good)))


def test_a_connection_that_breaks_leaves_the_pi_as_it_was(pi: Pi, good: Path) -> None:
    sha256, archive = archive_of(good)
    assert len(archive) > 300_000
    with pytest.raises(RemoteError, match=r"127.0.0.1: no connection, or it broke .*run this again"):
        push(host(pi, ssh=pi.cut_after(sent=150_000)), sha256, archive)
    wait_until(lambda: pi.installed() == [])
    assert "in use from now on" in push(host(pi), sha256, archive)
    assert pi.installed() == ["1", "current -> 1"]


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_full_disk_leaves_the_pi_as_it_was(pi: Pi, good: Path) -> None:
    store = pi.folder / "weights"
    store.mkdir()
    pi.appliance(f"""exec unshare --user --map-root-user --mount bash -c '
        mount -t tmpfs -o size=200k none {store}
        {sys.executable} -m appliance "$@"
        status=$?; ls -A {store} >{pi.folder}/left; exit $status' bash "$@" """)
    with pytest.raises(RemoteError, match=r"cannot be copied to .*weights.* \(No space left on device\)"):
        push(host(pi), *archive_of(good))
    assert (pi.folder / "left").read_text() == ""


class _Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return os.system, (f"touch {self.mark}",)


def hostile(good: Path) -> None:
    good.write_bytes(pickle.dumps({"a": _Hostile(good.parent / "owned")}))


def of_another_architecture(good: Path) -> None:
    save(build("workshop-conv"), good, Card("workshop-conv", 10, ""))
    said = msgspec.json.decode(card_path(good).read_bytes())
    card_path(good).write_bytes(msgspec.json.encode({**said, "network": "workshop-linear"}))


def of_an_unknown_network(good: Path) -> None:
    card_path(good).write_text(card_path(good).read_text().replace("workshop-linear", "from-the-future"))


def useless(good: Path) -> None:
    save_useless_weights(good)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (hostile, "not a weights file, or a hostile one"),
        (of_another_architecture, "does not fit the network its card names"),
        (of_an_unknown_network, "unknown network 'from-the-future'"),
        (useless, "not installed, for it reads 0 of the 4"),
    ],
)
def test_bad_weights_are_refused_here_and_there(
    pi: Pi, good: Path, spoil: Callable[[Path], None], told: str
) -> None:
    pi.configure("", engine="torch")  # which alone opens the weights themselves
    spoil(good)
    if card_path(good).exists():
        said = msgspec.json.decode(card_path(good).read_bytes())
        sha256 = hashlib.sha256(good.read_bytes()).hexdigest()
        card_path(good).write_bytes(msgspec.json.encode({**said, "sha256": sha256}))
    with pytest.raises((WeightsError, TrainingError), match=told):
        pack(good)
    with pytest.raises(RemoteError, match=told):
        push(host(pi), *archive_of(good))
    assert pi.installed() == []
    assert not (good.parent / "owned").exists()


def test_other_weights_than_were_announced_are_refused(pi: Pi, good: Path) -> None:
    _, archive = archive_of(good)
    with pytest.raises(RemoteError, match="other weights arrived than were sent"):
        push(host(pi), "0" * 64, archive)
    assert pi.installed() == []


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ("camera.fps = 'many'\n", "camera.fps is 'many'; it must be"),
        ("reading.weights = '{folder}/mine.pt'\n", "configuration names others"),
    ],
)
def test_where_the_service_does_not_take_them_over_those_before_stay(
    pi: Pi, frames: Path, good: Path, configuration: str, told: str
) -> None:
    with pi.service(frames) as service:
        service.wait_for("reads 7")
        export(save_weights(pi.folder / "mine.pt"))
        pi.configure(configuration.format(folder=pi.folder))
        before = pi.release / "models/digits.pt"
        with pytest.raises(RemoteError, match=told):
            push(host(pi), *archive_of(different(good)))
        assert pi.installed() == []
        assert in_use(pi) == hashlib.sha256(before.read_bytes()).hexdigest()
        assert service.process.poll() is None


def test_where_the_service_ends_those_before_are_in_use_again(pi: Pi, frames: Path, good: Path) -> None:
    push(host(pi), *archive_of(good))
    with pi.service(frames) as service:
        service.wait_for("reads 7")
        wait_until((pi.folder / "status.json").exists)
        service.process.send_signal(signal.SIGSTOP)

        def end_it() -> None:
            wait_until(lambda: "current -> 2" in pi.installed())
            service.process.kill()

        killer = threading.Thread(target=end_it)
        killer.start()
        with pytest.raises(RemoteError, match="the service ended with them"):
            push(host(pi), *archive_of(different(good)))
        killer.join()
    assert pi.installed() == ["1", "current -> 1"]


def test_what_is_missing_there_is_named(pi: Pi, good: Path, tmp_path: Path) -> None:
    (pi.programs / "digit-appliance").unlink()
    with pytest.raises(RemoteError, match=r"not installed there: sudo \./install\.sh"):
        push(host(pi), *archive_of(good))
    with pytest.raises(RemoteError, match=r"no connection.*[Rr]efused"):
        push(host(pi, ssh=pi.sshd.ssh(free_port())), *archive_of(good))
    with pytest.raises(RemoteError, match="no-such-ssh: cannot be started"):
        push(host(pi, ssh="no-such-ssh"), *archive_of(good))


def test_sudo_is_used_where_the_user_is_not_root_and_asked_for_its_password(pi: Pi, good: Path) -> None:
    """sudo itself is a stand-in: who may do what is the system's to decide."""
    layered_pi.program(pi.programs / "id", "echo 1000")
    layered_pi.program(
        pi.programs / "sudo",
        """case $1 in
            -n) echo "sudo: a password is required" >&2; exit 1 ;;
            -k) shift 4; read -r password; [ "$password" = "s e'cret" ] && exec "$@"
                echo "sudo: 1 incorrect password attempt" >&2; exit 1 ;;
        esac""",
    )
    sent = archive_of(good)
    with pytest.raises(RemoteError, match=r"sudo wants a password there .*--ask-sudo"):
        push(host(pi), *sent)
    with pytest.raises(RemoteError, match="1 incorrect password attempt"):
        push(host(pi, password="guess"), *sent)
    assert "in use from now on" in push(host(pi, password="s e'cret"), *sent)
    layered_pi.program(pi.programs / "sudo", '[ "$1" = -n ] && shift && exec "$@"')
    assert push(host(pi), *sent) == "in use already"
