"""A day in a classroom, as the teacher types it: appliances in networks of their own, at one switch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drawn import save_weights
from ssh_server import different, small_release

from appliance.export import export
from benchmarks.classroom import CORRECTED, REPOSITORY, Pi, classroom

needs_namespaces = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"),
    reason="needs root and Linux's network namespaces",
)


class Laptop:
    """Where `digit-train` is typed: at the same switch as the others."""

    def __init__(self, place: Pi, release: Path) -> None:
        self.place, self.release = place, release

    def __call__(self, *words: object, status: int = 0) -> str:
        """What it prints; it has to end with this exit status."""
        known = {"DIGIT_TRAIN_SSH": self.place.host.ssh, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*self.place.inside, sys.executable, "-m", "training", *map(str, words)],
            cwd=self.release,
            env=os.environ | known,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == status, done.stdout
        return done.stdout


@needs_namespaces
@pytest.mark.timeout(600)
def test_all_are_found_and_served_and_what_failed_is_made_up_for_by_the_same_command(tmp_path: Path) -> None:
    release = small_release(tmp_path / "release")
    weights = save_weights(tmp_path / "good.pt")
    export(weights)
    hosts, here = tmp_path / "hosts.txt", tmp_path / "corrections"
    with classroom(3, services=2, release=release) as (one, two, third):
        digit_train = Laptop(third, release)
        names = [one.host.name, two.host.name]

        said = digit_train("discover")
        assert all(name in said for name in names) and third.host.name not in said
        assert said.count("workshop-linear") == said.count(f" of {CORRECTED} ") == 2
        hosts.write_text(digit_train("discover", "--hosts"))
        assert hosts.read_text().split() == names

        assert digit_train("push", "--all", "found", weights).count("in use from now on") == 2
        said = digit_train("push", "--all", hosts, weights)
        assert said.count("in use already") == 2 and "2 of 2 went well" in said

        different(weights)
        _unplugged(two, True)
        said = digit_train("push", "--all", hosts, weights, status=1)
        assert "in use from now on" in said and "no connection" in said and "1 of 2 went well" in said
        assert "1 of 2 went well" in digit_train("pull", here, "--all", hosts, status=1)
        assert len(list(here.iterdir())) == CORRECTED
        _unplugged(two, False)

        said = digit_train("push", weights, "--all", hosts)
        assert said.count("in use already") == said.count("in use from now on") == 1
        said = digit_train("pull", here, "--all", "found")
        assert f"0 new, 0 changed, {CORRECTED} in all" in said and f"{CORRECTED} new, 0 changed" in said
        assert len(list(here.iterdir())) == 2 * CORRECTED


def _unplugged(pi: Pi, unplugged: bool) -> None:
    state = "down" if unplugged else "up"
    subprocess.run(["ip", "-n", pi.name, "link", "set", "eth0", state], check=True)


@needs_namespaces
def test_where_nobody_answers_it_says_what_to_do(tmp_path: Path) -> None:
    with classroom(1, services=0) as (alone,):
        digit_train = Laptop(alone, REPOSITORY)
        for words in (["discover", "--seconds", 0.5], ["pull", "--all", "found"]):
            said = digit_train(*words, status=1)
            assert said.startswith(
                "digit-train: no appliance answers on this network; announce.enabled = true"
            )
