"""install.sh anywhere: the environment of `demo` and `test` on every kind of machine, with a stand-in pip."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from layered_pi import REPOSITORY, program, run, wheel

PYTHON = """
case "$1 $2" in
    "-c import ensurepip, venv") exit ${NO_VENV:-0} ;;
    "-m venv")
        mkdir -p "${!#}/bin" "${!#}/lib/python3.11/site-packages"
        cp "$0" "${!#}/bin/python"
        printf '#!/bin/bash\\necho "appliance: $*"\\n' >"${!#}/bin/digit-appliance"
        chmod +x "${!#}/bin/digit-appliance" ;;
    "-m pip")
        echo "$*" >>"$PIP_CALLS"
        [ -z "$BROUGHT" ] || mkdir -p "$(dirname "$0")/../lib/python3.11/site-packages/$BROUGHT"
        exit ${PIP_STATUS:-0} ;;
    "-m pytest") echo "pytest: ${*:3}" ;;
    *) exec REAL "$@" ;;
esac"""


class Checkout:
    """A clone with nothing but what makes an environment, on a machine of any kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "pip-calls"
        for name in ("install.sh", "systemd/service.sh", "pyproject.toml", "tests/packages.txt"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
        program(folder / "programs/python3", PYTHON.replace("REAL", sys.executable))
        program(
            folder / "programs/uname", '[ "$1" = -s ] && echo "${SYSTEM:-Linux}" || echo "${MACHINE:-x86_64}"'
        )

    def install(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}/programs:/usr/bin:/bin"
        defaults = {"PATH": path, "PIP_CALLS": str(self.calls), "BROUGHT": ""}
        return run(self.folder / "install.sh", *arguments, **{**defaults, **environment})

    def pip_calls(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("system", "machine", "requirement", "from_pytorch"),
    [
        ("Linux", "x86_64", "torch==2.13.0+cpu", True),
        ("Linux", "aarch64", "torch==2.9.1", False),
        ("Darwin", "arm64", "torch", False),
    ],
)
def test_every_kind_of_machine_gets_a_torch_that_needs_no_cuda(
    checkout: Checkout, system: str, machine: str, requirement: str, from_pytorch: bool
) -> None:
    process = checkout.install("demo", SYSTEM=system, MACHINE=machine)
    assert process.returncode == 0, process.stderr
    torch, appliance = checkout.pip_calls()
    assert torch.split()[-1] == requirement
    assert ("download.pytorch.org/whl/cpu" in torch) is from_pytorch
    assert appliance.endswith(f"--editable {checkout.folder}[train,dev]")


def test_the_version_asked_for_on_a_pc_cannot_be_a_cuda_build_of_the_same_number(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.install("demo")
    requirement = checkout.pip_calls()[0].split()[-1]
    version = requirement.removeprefix("torch==").removesuffix("+cpu")
    wheel(tmp_path, "torch", version)
    download = (
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-index",
        "--find-links",
        tmp_path,
        "--dest",
        tmp_path / "got",
    )
    nothing_else = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    cpu_only = run(sys.executable, *download, requirement, **nothing_else)
    assert "No matching distribution found" in cpu_only.stderr, cpu_only.stderr
    asked_for = run(sys.executable, *download, f"torch=={version}", **nothing_else)
    assert asked_for.returncode == 0, asked_for.stderr


def test_what_comes_after_the_command_goes_to_the_appliance_and_to_pytest(checkout: Checkout) -> None:
    assert checkout.install("demo", "--once", "a b").stdout == "appliance: demo --once a b\n"
    assert checkout.install("test", "-k", "one").stdout == "pytest: -k one\n"
    assert "--cov-fail-under=90" in checkout.install("test").stdout


def test_an_environment_that_is_whole_is_used_as_it_is(checkout: Checkout) -> None:
    checkout.install("demo")
    calls = checkout.pip_calls()
    assert checkout.install("demo").returncode == 0
    assert checkout.pip_calls() == calls


@pytest.mark.parametrize("file", ["pyproject.toml", "install.sh"])
def test_an_environment_made_for_other_packages_is_made_anew(checkout: Checkout, file: str) -> None:
    checkout.install("demo")
    with (checkout.folder / file).open("a") as changed:
        changed.write("# another one\n")
    checkout.install("demo")
    assert len(checkout.pip_calls()) == 4


def test_a_set_up_that_failed_says_where_its_words_are_and_is_made_anew(checkout: Checkout) -> None:
    failed = checkout.install("demo", PIP_STATUS="3")
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].endswith(
        f"All that was said is in {checkout.folder}/.venv/install.log"
    )
    (checkout.folder / ".venv/half-done").touch()
    assert checkout.install("demo").returncode == 0
    assert not (checkout.folder / ".venv/half-done").exists()


@pytest.mark.parametrize("name", ["nvidia", "nvidia_cublas_cu12-12.8.dist-info", "triton", "cuda_bindings"])
def test_an_environment_to_which_cuda_came_along_is_refused_every_time(checkout: Checkout, name: str) -> None:
    for _ in range(2):
        process = checkout.install("demo", BROUGHT=name)
        assert process.returncode == 1
        assert f"CUDA packages came along, which nothing here needs: {name}" in process.stderr


def test_a_debian_without_the_venv_module_is_told_the_command_that_brings_it(checkout: Checkout) -> None:
    program(checkout.folder / "programs/id", "echo 1000")
    program(checkout.folder / "programs/apt-get", "touch called")
    process = checkout.install("demo", NO_VENV="1")
    package = f"python3.{sys.version_info.minor}-venv"
    assert process.stderr == f"install.sh: needs {package}: sudo apt-get install --yes {package}\n"
    assert process.returncode == 1


def test_root_on_a_debian_without_the_venv_module_gets_it(checkout: Checkout) -> None:
    program(checkout.folder / "programs/id", "echo 0")
    program(checkout.folder / "programs/apt-get", f'echo "$*" >>{checkout.folder}/apt-calls')
    checkout.install("demo", NO_VENV="1")
    assert f"python3.{sys.version_info.minor}-venv" in (checkout.folder / "apt-calls").read_text()


@pytest.mark.parametrize(
    ("user", "installed", "said"),
    [(0, "install", ""), (1000, "", "Not all tests can run without Debian's packages ")],
)
def test_programs_that_tests_run_are_installed_by_root_and_named_to_others(
    checkout: Checkout, user: int, installed: str, said: str
) -> None:
    program(checkout.folder / "programs/id", f"echo {user}")
    program(checkout.folder / "programs/dpkg-query", '[ "${!#}" = mosquitto ] && echo "ii "')
    program(checkout.folder / "programs/apt-get", f'echo "$*" >>{checkout.folder}/apt-calls')
    process = checkout.install("test")
    assert process.returncode == 0
    assert process.stdout.startswith("pytest: ")
    calls = checkout.folder / "apt-calls"
    assert installed in (calls.read_text() if calls.exists() else "")
    asked = process.stderr if said else calls.read_text()
    assert said in process.stderr
    assert "mosquitto-clients" in asked and " mosquitto " not in asked


def test_alone_it_says_what_there_is_and_a_command_that_is_not_there_is_refused(checkout: Checkout) -> None:
    program(checkout.folder / "programs/id", "echo 1000")
    assert {"demo", "test", "uninstall"} <= set(checkout.install().stdout.split())
    assert checkout.install("help").stdout == checkout.install().stdout
    process = checkout.install("dmeo")
    assert process.returncode == 1
    assert process.stderr == "install.sh: there is no 'dmeo' here; ./install.sh help says what there is\n"
    assert not (checkout.folder / ".venv").exists()
