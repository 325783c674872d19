"""install.sh, run for real.

The service goes into this machine's own files as a mount namespace shows them: every change lands in layers
of the test's own. Only what would reach beyond them is a stand-in there: apt, dpkg and systemd.
"""

import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
MINOR = sys.version_info.minor
SITE_PACKAGES = Path(sys.prefix, f"lib/python3.{MINOR}/site-packages")
SYSTEM_PACKAGES = Path(f"/usr/local/lib/python3.{MINOR}/dist-packages")
LAYERED = ("/etc", "/opt", "/usr/local", "/var", "/run")

STAND_INS = {
    "dpkg": 'echo "${ARCHITECTURE:-amd64}"',
    "dpkg-query": '[ -e "/var/stand-in/installed/${!#}" ] && echo "ii "',
    "apt-cache": "[ ! -e /var/stand-in/archive-is-empty ]",
    "apt-get": """
echo "$*" >>/var/stand-in/apt-get
[ ! -e /var/stand-in/apt-fails ] || { echo "E: it does not work"; exit 100; }
for word; do
    case $1:$word in install:python3-*) [ "$2" = --simulate ] || touch "/var/stand-in/installed/$word" ;; esac
done""",
    "systemctl": """
echo "$*" >>/var/stand-in/systemctl
wants=/etc/systemd/system/multi-user.target.wants
in_use=$(readlink /opt/digit-appliance)
case $1 in
    enable) ln -sf "/etc/systemd/system/${!#}" "$wants/${!#}" ;;
    disable) rm -f "$wants/${!#}" ;;
    restart) [ ! -e /var/stand-in/works ] || [ "$in_use" = "$(cat /var/stand-in/works)" ] ;;
esac""",
    "journalctl": "echo 'the last words of the service'",
}


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


class Pi:
    """A Raspberry Pi OS in layers over this machine, or over another one."""

    def __init__(self, folder: Path, below: "Pi | None" = None) -> None:
        self.folder = folder
        self.layers: list[Path] = [folder / "layer", *(below.layers if below else [])]
        for name, script in STAND_INS.items():
            program(folder / "programs" / name, script)
        for path in LAYERED:
            (self.layers[0] / path[1:]).mkdir(parents=True)
            (folder / "work" / path[1:]).mkdir(parents=True)
        if below is None:
            self("mkdir -p /var/stand-in/installed /run/systemd/system; touch /etc/rpi-issue")

    def __call__(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a script in it."""
        layers = [
            f"mount -t overlay none {path} -o lowerdir={':'.join(self._lower(path))},"
            f"upperdir={self.layers[0]}{path},workdir={self.folder}/work{path}\n"
            for path in LAYERED
        ]
        # What .venv holds is the system's there, so that pip finds it and fetches nothing.
        system = f"""
mkdir -p {SYSTEM_PACKAGES} {self.folder}/site/layer {self.folder}/site/work
mount -t overlay none {SYSTEM_PACKAGES} \\
    -o lowerdir={SITE_PACKAGES},upperdir={self.folder}/site/layer,workdir={self.folder}/site/work
rm -rf {SYSTEM_PACKAGES}/*digit_appliance* {SYSTEM_PACKAGES}/pip {SYSTEM_PACKAGES}/pip-*
mkdir -p {SYSTEM_PACKAGES}/picamera2 && touch {SYSTEM_PACKAGES}/picamera2/__init__.py
export PATH={self.folder}/programs:/usr/sbin:/usr/bin:/sbin:/bin
set +e
"""
        inside = "set -e\n" + "".join(layers) + system + script
        return run(
            "unshare", "--mount", "--propagation", "private", "bash", "-c", inside, "bash", *arguments,
            **environment,
        )  # fmt: skip

    def _lower(self, path: str) -> list[str]:
        return [*(f"{layer}{path}" for layer in self.layers[1:]), path]

    def install(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self(f'{REPOSITORY}/install.sh "$@"', *arguments, **environment)

    def changes(self) -> set[str]:
        """The files changed or removed in it, other than the stand-ins' own."""
        layer = self.layers[0]
        found = (path for path in layer.rglob("*") if path.is_symlink() or not path.is_dir())
        paths = {str(path.relative_to(layer)) for path in found}
        return {path for path in paths if not path.startswith("var/stand-in/")}


needs_layers = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("dpkg-query"),
    reason="only root on a Debian can give install.sh a system of its own",
)


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return Pi(tmp_path)


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """Something that answers as a package index does, as far as install.sh looks before it begins."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


@needs_layers
@pytest.mark.parametrize(
    ("prepare", "environment", "says"),
    [
        ("", {"ARCHITECTURE": "armhf"}, "32-bit system: flash 'Raspberry Pi OS (64-bit)'"),
        ("", {"ARCHITECTURE": "riscv64"}, "not Raspberry Pi OS"),
        ("sed -i 's/^VERSION_ID=.*/VERSION_ID=11/' /etc/os-release", {}, "too old: flash Raspberry Pi OS"),
        ("echo boot=overlay >/run/cmdline; mount --bind /run/cmdline /proc/cmdline", {}, "raspi-config"),
        ("mount -t tmpfs -o size=100m none /opt", {}, "only 100 MB are free"),
        ("mount -o remount,ro /etc", {}, "mounted read-only"),
        ("mkdir /opt/digit-appliance", {}, "/opt/digit-appliance is in the way"),
        ("", {"PIP_INDEX_URL": "http://127.0.0.1:9"}, "use --offline FOLDER"),
        ("touch /var/stand-in/archive-is-empty", {}, "no python3-picamera2"),
        ("", {}, "there is nobody to ask: add --unattended"),
    ],
)
def test_what_cannot_be_finished_is_refused_before_anything_changes(
    pi: Pi, index: str, prepare: str, environment: dict[str, str], says: str
) -> None:
    pi("cp --remove-destination /usr/lib/os-release /etc/os-release")
    before = pi.changes()
    process = pi(f"{prepare}\n{REPOSITORY}/install.sh", **{"PIP_INDEX_URL": index, **environment})
    assert process.returncode == 1
    assert says in process.stderr.splitlines()[-1]
    untouched = before | {"etc/os-release", "run/cmdline"}  # the test's own
    assert pi.changes() - untouched <= {
        "run/lock/digit-appliance-install",
        "var/log/digit-appliance-install.log",
    }


@needs_layers
@pytest.mark.parametrize("arguments", [["--dry-run"], ["uninstall", "--dry-run", "--purge"]])
def test_a_dry_run_says_what_would_be_done_and_changes_nothing(
    pi: Pi, index: str, arguments: list[str]
) -> None:
    before = pi.changes()
    process = pi.install(*arguments, PIP_INDEX_URL=index)
    assert process.returncode == 0, process.stderr
    assert "/opt/digit-appliance" in process.stdout
    assert pi.changes() == before
    assert not (pi.layers[0] / "var/stand-in/systemctl").exists()


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
        for name in ("install.sh", "systemd/service.sh", "pyproject.toml"):
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
    with zipfile.ZipFile(tmp_path / f"torch-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"torch-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}"
        )
        wheel.writestr(f"torch-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any")
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


def test_alone_it_says_what_there_is_and_a_command_that_is_not_there_is_refused(checkout: Checkout) -> None:
    program(checkout.folder / "programs/id", "echo 1000")
    assert {"demo", "test", "uninstall"} <= set(checkout.install().stdout.split())
    assert checkout.install("help").stdout == checkout.install().stdout
    process = checkout.install("dmeo")
    assert process.returncode == 1
    assert process.stderr == "install.sh: there is no 'dmeo' here; ./install.sh help says what there is\n"
    assert not (checkout.folder / ".venv").exists()
