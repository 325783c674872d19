"""Several processes that train one network, as torchrun starts them: on one machine, and on two."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import small_mnist
import torch

from benchmarks.sshd import free_port

pytestmark = pytest.mark.timeout(600)  # each step waits for both, and a busy machine lets them wait long
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
PLAIN = ["fit", "--network", "workshop-linear", "--optimiser", "sgd", "--batch", "20", "--lr", "0.1"]
"""Nothing in it is random but the order of the images and the weights at the start."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return small_mnist.write(tmp_path / "data")


def training(
    launcher: list[str], data: Path, out: Path, *options: object, **settings: str
) -> subprocess.Popen[str]:
    words = [*launcher, small_mnist.__file__, *PLAIN, "--data", data, "--out", out, *options]
    return subprocess.Popen(
        [str(word) for word in words],
        cwd=data.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def weights(path: Path) -> torch.Tensor:
    return torch.cat([value.flatten() for value in torch.load(path, weights_only=True).values()])


def two_here() -> list[str]:
    return [*TORCHRUN, "--nproc-per-node", "2", "--master-port", str(free_port())]


def test_two_processes_come_to_the_weights_of_one_and_one_of_them_writes(data: Path) -> None:
    alone, both = data.parent / "alone.pt", data.parent / "both.pt"
    one = training([sys.executable], data, alone, "--epochs", 5)
    two = training(two_here(), data, both, "--epochs", 5)
    assert ended(one).count("epoch 5/5") == ended(two).count("epoch 5/5") == 1
    # The same sums in another order: nothing but rounding differs.
    assert torch.allclose(weights(alone), weights(both), atol=1e-4)
    assert (weights(alone) - weights(both)).abs().max() > 0
    left = {path.name for path in data.parent.iterdir()}
    assert left == {"data", "reports", "alone.pt", "alone.json", "both.pt", "both.json"}


def test_each_process_has_a_part_of_its_own_of_what_is_augmented(data: Path) -> None:
    """Its own network, with augmentation, batch statistics and dropout, learns over two processes too."""
    options = ["--network", "digitnet", "--epochs", 4, "--batch", 32, "--scenes", 90, "--optimiser", "adam"]
    said = ended(training(two_here(), data, data.parent / "a.pt", *options, "--lr", 0.01))
    accuracy = next(line for line in said.splitlines() if line.startswith("validation "))
    assert float(accuracy.split()[1]) > 80


def test_a_batch_that_cannot_be_split_is_refused_in_a_line(data: Path) -> None:
    process = training(two_here(), data, data.parent / "a.pt", "--batch", 21)
    said, _ = process.communicate()
    assert process.returncode != 0
    assert "digit-train: --batch 21 cannot be split evenly among 2 processes" in said


ENDS = """
import os
from contextlib import suppress
from pathlib import Path

import torch

from training.team import team

with team(torch.device("cpu")) as mates:
    network = torch.nn.Linear(2, 2)
    mates.joined(network)(torch.rand(3, 2)).sum().backward()
    torch.optim.AdamW(network.parameters()).step()
    mates.share(1)
threads = []
for task in Path("/proc/self/task").iterdir():
    with suppress(OSError):  # it has just ended
        threads.append((task / "comm").read_text().strip())
# At once, for two write to one pipe.
os.write(1, f"{mates.number} {[name for name in threads if 'gloo' in name]}\\n".encode())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the names of threads")
def test_no_thread_of_the_team_is_left_at_its_end(data: Path) -> None:
    """One that lets go of a tensor while Python ends aborts the process."""
    script = data.parent / "ends.py"
    script.write_text(ENDS)
    told = subprocess.run([*two_here(), script], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert sorted(told.stdout.splitlines()) == ["0 []", "1 []"]


needs_namespaces = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"),
    reason="needs root and Linux's network namespaces",
)


@contextmanager
def two_laptops() -> Iterator[list[str]]:
    """Two network namespaces with a cable between them: 10.77.0.1 and 10.77.0.2."""
    names = [f"laptop{number}-{os.getpid()}" for number in (1, 2)]
    ip = [["ip", "netns", "add", name] for name in names]
    ends = [("name", "cable"), ("peer", "name", "cable")]
    ip.append(["ip", "-n", names[0], "link", "add", *ends[0], "type", "veth", *ends[1], "netns", names[1]])
    for number, name in enumerate(names, 1):
        ip.append(["ip", "-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", "cable"])
        ip.extend(["ip", "-n", name, "link", "set", device, "up"] for device in ("lo", "cable"))
    try:
        for command in ip:
            subprocess.run(command, check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


@needs_namespaces
def test_two_laptops_go_on_after_they_were_killed_to_the_same_weights(data: Path) -> None:
    """As docs/training.md says; only the first has the data, and only it writes."""
    nowhere = data.parent / "nowhere"

    def both(out: Path) -> list[subprocess.Popen[str]]:
        started, port = [], str(free_port())  # of its own: the one before may still be held by who was killed
        for rank, (name, files) in enumerate(zip(names, (data, nowhere), strict=True)):
            group = ["--nnodes", "2", "--node-rank", str(rank), "--nproc-per-node", "1"]
            meeting = ["--master-addr", "10.77.0.1", "--master-port", port]
            launcher = ["ip", "netns", "exec", name, *TORCHRUN, *group, *meeting]
            folder = out if rank == 0 else nowhere / "a.pt"
            options = ["--epochs", 60, "--data", files, "--out", folder]
            started.append(training(launcher, data, out, *options, GLOO_SOCKET_IFNAME="cable"))
        return started

    def kill(processes: list[subprocess.Popen[str]]) -> None:
        for process in processes:
            # Its workers have sessions of their own, but not another network.
            found = subprocess.run(
                ["ip", "netns", "pids", names[processes.index(process)]], capture_output=True, text=True
            )
            for number in found.stdout.split():
                os.kill(int(number), signal.SIGKILL)
            process.communicate()

    with two_laptops() as names:
        killed, whole = data.parent / "killed.pt", data.parent / "whole.pt"
        running = both(killed)
        until = time.monotonic() + 300
        while not killed.with_suffix(".ckpt").exists() and time.monotonic() < until:
            assert all(process.poll() is None for process in running), running[0].communicate()
            time.sleep(0.01)
        kill(running)
        assert not killed.exists()
        said = [ended(process) for process in both(killed)]
        assert "going on after epoch" in said[0] and "epoch 60/60" in said[0]
        assert "epoch" not in said[1]
        for process in both(whole):
            ended(process)
    assert torch.equal(weights(killed), weights(whole))
    assert not nowhere.exists()
