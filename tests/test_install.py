"""install.sh on a Raspberry Pi: it refuses in time, installs, upgrades, goes back, leaves nothing behind."""

import hashlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from drawn import save_useless_weights, save_weights
from layered_pi import REPOSITORY, SYSTEM_PACKAGES, Pi, release, wheel

from appliance import network
from appliance.export import export

pytestmark = pytest.mark.timeout(600)

UNIT = "/etc/systemd/system/digit-appliance.service"
WEIGHTS = "/var/lib/digit-appliance/weights/current/digits.pt"

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


def _system_python() -> str:
    """The version of the system's own Python, if it can make environments."""
    ask = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run(["/usr/bin/python3", "-c", ask], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


needs_python = pytest.mark.skipif(
    _system_python() != f"{sys.version_info.major}.{sys.version_info.minor}",
    reason="the packages of .venv are for another Python than /usr/bin/python3 (or that lacks python3-venv)",
)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release(tmp_path_factory.mktemp("first"), save_weights)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for --offline; what is not in it the Pi of the tests has already."""
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "torch", "0")
    wheel(folder, "setuptools", "99")
    for package in ("picamera2", "lgpio", "venv"):
        (folder / f"python3-{package}.deb").touch()
    return folder


def other_weights(path: Path) -> Path:
    """Weights that read as well as those of `save_weights`, and are others."""
    reader, card = network.load(save_weights(path))
    with torch.no_grad():
        next(reader.parameters()).add_(1e-4)
    network.save(reader, path, card)
    return path


def upgrade(pi: Pi, to: Path, wheels: Path) -> subprocess.CompletedProcess[str]:
    return pi.install(
        "--unattended", "--offline", str(wheels), release=to, PIP_NO_BUILD_ISOLATION="0", PIP_FIND_LINKS=""
    )


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, first: Path, wheels: Path) -> Pi:
    """A card on which the first release was just installed, and that was not booted since."""
    pi = Pi(tmp_path_factory.mktemp("pi"))
    pi("rmdir /run/systemd/system")
    process = upgrade(pi, first, wheels)
    assert process.returncode == 0, process.stderr
    return pi


@pytest.fixture
def installed(tmp_path: Path, fresh: Pi) -> Pi:
    """A Pi started from that card."""
    pi = Pi(tmp_path, below=fresh)
    pi("mkdir /run/systemd/system; : >/var/stand-in/systemctl")
    return pi


@needs_layers
@needs_python
def test_a_fresh_pi_gets_all_that_the_service_needs(fresh: Pi, first: Path, wheels: Path) -> None:
    apt = fresh.read("/var/stand-in/apt-get")
    assert "install --yes --no-install-recommends -o DPkg::Lock::Timeout=600 " in apt
    assert f" {wheels}/python3-picamera2.deb " in apt
    assert apt.endswith("python3-picamera2 python3-lgpio python3-venv")

    environment = fresh.read("/opt/digit-appliance")
    assert fresh("ls /opt/digit-appliance.d").stdout.split() == [Path(environment).name]
    assert "include-system-site-packages = true" in fresh.read("/opt/digit-appliance/pyvenv.cfg")
    reading = fresh(f"cd /; digit-appliance read {first}/tests/frames/03-42.png")
    assert "03-42.png: 42 (" in reading.stdout, reading.stderr

    name, _, _, _, _, home, shell = fresh("getent passwd digit-appliance").stdout.strip().split(":")
    assert (name, home, shell) == ("digit-appliance", "/var/lib/digit-appliance", "/usr/sbin/nologin")
    assert "video" in fresh("id -nG digit-appliance").stdout.split()

    assert fresh(f"cmp /etc/digit-appliance/config.toml {first}/systemd/config.toml").returncode == 0
    assert (
        fresh(
            f"cmp /etc/systemd/system/digit-appliance.service {first}/systemd/digit-appliance.service"
        ).returncode
        == 0
    )
    assert (
        fresh(f"cmp /var/lib/digit-appliance/weights/current/digits.pt {first}/models/digits.pt").returncode
        == 0
    )
    assert fresh.read("/etc/systemd/system/multi-user.target.wants/digit-appliance.service")
    assert "restart" not in fresh.read("/var/stand-in/systemctl")


def exported_weights(path: Path) -> Path:
    export(save_weights(path))
    return path


@needs_layers
@needs_python
def test_a_light_pi_reads_without_pytorch_and_never_asks_for_it(pi: Pi, wheels: Path, tmp_path: Path) -> None:
    light = release(tmp_path / "light", exported_weights)
    (folder := tmp_path / "light-wheels").mkdir()
    for file in wheels.iterdir():
        if not file.name.startswith("torch"):
            shutil.copy(file, folder)
    without = f"rm -rf {SYSTEM_PACKAGES}/torch*\n"
    process = pi(
        f"{without} {light}/install.sh --light --unattended --offline {folder}",
        PIP_NO_BUILD_ISOLATION="0",
        PIP_FIND_LINKS="",
    )
    assert process.returncode == 0, process.stderr
    assert "without PyTorch" in process.stdout
    reading = pi(
        f"{without} cd /; digit-appliance read {light}/tests/frames/03-42.png; digit-appliance doctor"
    )
    assert "03-42.png: 42 (" in reading.stdout, reading.stderr
    assert "not needed" in reading.stdout
    assert pi.same(WEIGHTS.replace(".pt", ".onnx"), light / "models/digits.onnx")


@needs_layers
@needs_python
def test_the_system_keeps_its_numpy(fresh: Pi) -> None:
    assert not fresh("ls -d /opt/digit-appliance/lib/python3*/site-packages/numpy*").stdout
    assert "Requirement already satisfied: numpy==" in fresh.read("/var/log/digit-appliance-install.log")


@needs_layers
@needs_python
def test_an_upgrade_keeps_what_is_the_persons(
    installed: Pi, first: Path, wheels: Path, tmp_path: Path
) -> None:
    before = installed.read("/opt/digit-appliance")
    own = other_weights(tmp_path / "own.pt")
    installed("echo '# mine' >>/etc/digit-appliance/config.toml; touch /opt/digit-appliance.d/cut-off")
    installed(f"digit-appliance weights install {own}")
    process = upgrade(installed, first, wheels)
    assert process.returncode == 0, process.stderr
    after = installed.read("/opt/digit-appliance")
    assert after != before
    assert installed("ls /opt/digit-appliance.d").stdout.split() == [Path(after).name]
    assert installed.read("/etc/digit-appliance/config.toml").endswith("# mine")
    assert "daemon-reload\nrestart digit-appliance.service" in installed.read("/var/stand-in/systemctl")
    assert installed.same(WEIGHTS, own)


@needs_layers
@needs_python
def test_an_upgrade_brings_its_weights_where_those_shipped_before_are_in_use(
    installed: Pi, wheels: Path, tmp_path: Path
) -> None:
    second = release(tmp_path / "second", other_weights)
    process = upgrade(installed, second, wheels)
    assert process.returncode == 0, process.stderr
    assert installed.same(WEIGHTS, second / "models/digits.pt")


def no_trace_of(process: subprocess.CompletedProcess[str], pi: Pi, before: str) -> None:
    """An upgrade failed and nothing is left of it."""
    assert process.returncode == 1
    assert pi.read("/opt/digit-appliance") == before
    assert pi("ls /opt/digit-appliance.d").stdout.split() == [Path(before).name]


@needs_layers
@needs_python
def test_an_upgrade_that_this_processor_cannot_run_is_not_switched_to(
    installed: Pi, wheels: Path, tmp_path: Path
) -> None:
    before = installed.read("/opt/digit-appliance")
    second = release(tmp_path / "second", save_weights)
    (second / "systemd/selftest.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    process = upgrade(installed, second, wheels)
    no_trace_of(process, installed, before)
    last = process.stderr.splitlines()[-1]
    assert "(illegal instruction)" in last
    assert last.endswith("the old version goes on running")
    assert "restart" not in installed.read("/var/stand-in/systemctl")


@needs_layers
@needs_python
def test_an_upgrade_that_reads_its_own_frames_wrong_is_not_switched_to(
    installed: Pi, wheels: Path, tmp_path: Path
) -> None:
    before = installed.read("/opt/digit-appliance")
    process = upgrade(installed, release(tmp_path / "second", save_useless_weights), wheels)
    no_trace_of(process, installed, before)
    assert "cannot read its own frames" in process.stderr


@needs_layers
@needs_python
def test_an_upgrade_whose_service_does_not_start_gives_way_to_the_old_one(
    installed: Pi, first: Path, wheels: Path, tmp_path: Path
) -> None:
    before = installed.read("/opt/digit-appliance")
    installed(f"echo {before} >/var/stand-in/works")
    second = release(tmp_path / "second", save_weights)
    (second / "systemd/digit-appliance.service").write_text("[Service]\nExecStart=/bin/false\n")
    process = upgrade(installed, second, wheels)
    no_trace_of(process, installed, before)
    assert "the last words of the service" in process.stderr
    assert process.stderr.splitlines()[-1] == "install.sh: the old version is back at work"
    unit = "/etc/systemd/system/digit-appliance.service"
    assert installed(f"cmp {unit} {first}/systemd/digit-appliance.service").returncode == 0
    assert (
        installed.read("/var/stand-in/systemctl").splitlines().count("restart digit-appliance.service") == 2
    )


@needs_layers
def test_a_step_that_fails_shows_its_last_words_and_ends_it_all(pi: Pi, wheels: Path) -> None:
    pi("touch /var/stand-in/apt-fails")
    process = pi.install("--unattended", "--offline", str(wheels))
    assert process.returncode == 1
    *words, last = process.stderr.splitlines()
    assert "    E: it does not work" in words
    assert last.startswith(
        "install.sh: failed: installing system packages. All that was said is in /var/log/"
    )
    assert not pi("ls /opt/digit-appliance.d; ls -d /opt/digit-appliance").stdout


@pytest.mark.skipif(not shutil.which("apt-get"), reason="only a Debian has apt")
def test_offline_apt_takes_the_folders_packages_though_its_lists_know_them_elsewhere(tmp_path: Path) -> None:
    """With the real apt, in a system of its own that stops short of unpacking."""
    folder, archive = tmp_path / "usb stick", tmp_path / "archive"
    for place in ("lists/partial", "cache/archives/partial", "etc/trusted.gpg.d", "etc/apt.conf.d"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "status").touch()
    control = "Package: digits\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: nothing\n"
    (tmp_path / "digits/DEBIAN").mkdir(parents=True)
    (tmp_path / "digits/DEBIAN/control").write_text(control)
    folder.mkdir()
    archive.mkdir()
    deb = folder / "digits_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", tmp_path / "digits", deb], check=True, capture_output=True)
    known = hashlib.sha256(deb.read_bytes()).hexdigest()
    where = f"Filename: ./gone.deb\nSize: {deb.stat().st_size}\nSHA256: {known}\n"
    (archive / "Packages").write_text(control + where)
    (tmp_path / "etc/sources.list").write_text(f"deb [trusted=yes] copy:{archive} ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir::State "{tmp_path}"; Dir::State::lists "{tmp_path}/lists"; Dir::Cache "{tmp_path}/cache";'
        f'Dir::State::status "{tmp_path}/status"; Dir::Etc "{tmp_path}/etc"; APT::Sandbox::User "";'
        'APT::Get::Download-Only "true"; Debug::NoLocking "true"; APT::Architecture "amd64";'
    )
    environment = {**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf"), "TMPDIR": str(tmp_path)}
    subprocess.run(["apt-get", "update"], env=environment, check=True, capture_output=True)
    script = f"""
        . {REPOSITORY}/systemd/service.sh
        missing_packages() {{ echo digits; }}
        offline="{folder}"
        apt-get install --yes --no-download "$offline"/*.deb && exit 9  # or this would show nothing
        install_packages
    """
    said = subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "digits" in said.stdout.rpartition("NEW packages")[2]


@needs_layers
def test_offline_needs_a_folder_that_has_what_is_missing(pi: Pi, tmp_path: Path) -> None:
    assert "--offline needs the folder" in pi.install("--offline", "/nowhere").stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"no wheel of torch in {empty}" in pi.install("--offline", str(empty)).stderr
    wheel(empty, "torch", "0")
    assert "no .deb files" in pi.install("--offline", str(empty)).stderr


@needs_layers
@needs_python
def test_wheels_fills_a_folder_that_a_pi_without_a_network_is_installed_from(
    pi: Pi, index: str, first: Path, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    for version in ("2.13.0+cpu", "2.9.1"):  # one a kind of processor
        wheel(shop, "torch", version)
    wheel(shop, "hatchling", "99")
    requirements = tomllib.loads((first / "pyproject.toml").read_text())["project"]["dependencies"]
    for name, version in re.findall(r"^([\w-]+)\S*?>=([\w.]+)", "\n".join(requirements), re.MULTILINE):
        if name != "torch":
            wheel(shop, name.replace("-", "_"), version)
    online = {"PIP_INDEX_URL": index, "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    folder = tmp_path / "stick/wheels"
    process = pi.install(
        "wheels", str(folder), "--unattended", release=first, PIP_FIND_LINKS=str(shop), **online
    )
    assert process.returncode == 0, process.stderr
    names = {path.name.split("-")[0] for path in folder.iterdir()}
    assert {"torch", "hatchling", "digit_appliance", "opencv_python_headless", "msgspec"} <= names
    debs = {path.name for path in folder.glob("*.deb")}
    assert debs == {"python3-picamera2.deb", "python3-lgpio.deb", "python3-venv.deb"}
    assert not [path for path in folder.iterdir() if path.suffix not in (".whl", ".deb")]
    assert not pi(
        "ls -A /opt/digit-appliance.d; ls -d /opt/digit-appliance; ls /var/stand-in/installed"
    ).stdout

    wheel(folder, "setuptools", "99")  # which the real torch brings along
    process = upgrade(pi, first, folder)
    assert process.returncode == 0, process.stderr
    assert f" {folder}/python3-venv.deb " in pi.read("/var/stand-in/apt-get")
    assert pi.read("/opt/digit-appliance")


@needs_layers
@needs_python
def test_uninstalling_keeps_configuration_and_weights_alone(installed: Pi) -> None:
    assert installed.install("uninstall", "--unattended").returncode == 0
    left = installed("find /etc /opt /usr/local/bin /var /run -name '*digit-appliance*'").stdout.split()
    assert set(left) == {
        "/etc/digit-appliance",
        "/var/lib/digit-appliance",
        "/run/lock/digit-appliance-install",
    }
    assert installed("getent passwd digit-appliance; getent group digit-appliance").stdout == ""
    assert installed("find /etc/digit-appliance /var/lib/digit-appliance ! -user root").stdout == ""
    assert "disable --now --quiet digit-appliance.service" in installed.read("/var/stand-in/systemctl")


@needs_layers
@needs_python
def test_purging_leaves_nothing_and_may_be_repeated(installed: Pi) -> None:
    for _ in range(2):
        assert installed.install("--uninstall", "--purge", "--unattended").returncode == 0
    left = installed("find /etc /opt /usr/local/bin /var -name '*digit-appliance*'").stdout
    assert not left


def test_the_unit_is_exposed_by_no_more_than_it_needs() -> None:
    unit = REPOSITORY / "systemd/digit-appliance.service"
    analysis = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True, text=True,
    )  # fmt: skip
    assert analysis.returncode == 0, analysis.stdout.splitlines()[-1]
