"""A Raspberry Pi OS for install.sh to be run on for real.

It is this machine's own files as a mount namespace shows them: every change lands in layers of the test's
own. Only what would reach beyond them is a stand-in there: apt, dpkg and systemd.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from drawn import save_frames

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
archives=$(printf '%s\\n' "$@" | sed -n 's/^Dir::Cache::archives=//p')
for word; do
    case $1:$word in
        install:python3-*)
            if [ -n "$archives" ]; then touch "$archives/$word.deb"
            elif [ "$2" != --simulate ]; then touch "/var/stand-in/installed/$word"; fi ;;
    esac
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


def wheel(folder: Path, name: str, version: str) -> None:
    """A package with nothing in it."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def release(folder: Path, make_weights: Callable[[Path], Path]) -> Path:
    """This repository with weights and frames that are small and quickly read."""
    for part in ("appliance", "training", "systemd"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("install.sh", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / file, folder / file)
    (folder / "models").mkdir()
    make_weights(folder / "models/digits.pt")
    (folder / "tests").mkdir()
    texts = ("1", "2", "42", "7")
    frames = save_frames(folder / "tests/frames", *texts)
    names = sorted(path.name for path in frames.iterdir())
    rows = [f"{name},{text},drawn" for name, text in zip(names, texts, strict=True)]
    (frames / "labels.csv").write_text("\n".join(["file,text,kind", *rows]) + "\n")
    return folder


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
export PATH={self.folder}/programs:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
set +e
"""
        inside = "set -e\n" + "".join(layers) + system + script
        return run(
            "unshare", "--mount", "--propagation", "private", "bash", "-c", inside, "bash", *arguments,
            **environment,
        )  # fmt: skip

    def _lower(self, path: str) -> list[str]:
        return [*(f"{layer}{path}" for layer in self.layers[1:]), path]

    def install(
        self, *arguments: str, release: Path = REPOSITORY, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return self(f'{release}/install.sh "$@"', *arguments, **environment)

    def read(self, path: str) -> str:
        """A file's content, or a link's target; empty if it is not there."""
        return self(f"[ -L {path} ] && readlink {path} || cat {path}").stdout.strip()

    def same(self, path: str | Path, other: str | Path) -> bool:
        """Whether two files have the same content."""
        return self(f"cmp {path} {other}").returncode == 0

    def changes(self) -> set[str]:
        """The files changed or removed in it, other than the stand-ins' own."""
        layer = self.layers[0]
        found = (path for path in layer.rglob("*") if path.is_symlink() or not path.is_dir())
        paths = {str(path.relative_to(layer)) for path in found}
        return {path for path in paths if not path.startswith("var/stand-in/")}
