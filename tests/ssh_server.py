"""A Raspberry Pi for the laptop's commands: a real sshd on loopback, and behind it the real appliance."""

import os
import socket
import sys
from pathlib import Path

import layered_pi
import msgspec
import torch
from drawn import save_weights
from running import Running

from appliance.card import Card, card_path
from appliance.export import export
from appliance.network import build, save
from benchmarks.sshd import Sshd


class Pi:
    """A small release of the appliance, its state, and the ssh command that leads there."""

    def __init__(self, folder: Path, release: Path, sshd: Sshd) -> None:
        self.folder, self.release, self.sshd = folder, release, sshd
        self.programs = folder / "programs"
        folder.mkdir(exist_ok=True)
        self.configure("")
        self.appliance(f'exec {sys.executable} -m appliance "$@"')
        self.port = sshd.add(
            PATH=f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin",
            PYTHONPATH=release,
            DIGIT_APPLIANCE_STATE=folder,
            CONFIGURATION_DIRECTORY=folder,
            OMP_NUM_THREADS="1",
        )

    def appliance(self, script: str) -> None:
        """What the command `digit-appliance` is there."""
        layered_pi.program(self.programs / "digit-appliance", script)

    def configure(self, text: str, engine: str = "opencv") -> None:
        """Writes the configuration. Its engine is the one that starts in no time, unless another is given."""
        (self.folder / "config.toml").write_text(f'reading.engine = "{engine}"\n{text}')

    def ssh(self, *options: str) -> str:
        return self.sshd.ssh(self.port, *options)

    def cut_after(self, sent: int | None = None, received: int | None = None) -> str:
        """The ssh command over a connection that breaks after so many bytes."""
        limits = f"{sent or 2**40} {received or 2**40}"
        return self.ssh(f"ProxyCommand={sys.executable} {__file__} {self.port} {limits}")

    def service(self, source: Path) -> Running:
        """The appliance's service at work there."""
        words = ("-m", "appliance", "run", "--pins", "mock", "--source", str(source), "--loop", "--fps", "20")
        return Running(self.folder, *words, PYTHONPATH=str(self.release))

    def installed(self) -> list[str]:
        """All that lies in the store of weights, and which of them is in use."""
        store = self.folder / "weights"
        names = sorted(path.name for path in store.iterdir()) if store.exists() else []
        return [f"current -> {(store / name).readlink()}" if name == "current" else name for name in names]


def small_release(folder: Path) -> Path:
    """The appliance with frames and weights that are quickly read."""
    release = layered_pi.release(folder, save_weights)
    export(release / "models" / "digits.pt")
    return release


def different(weights: Path) -> Path:
    """The same weights under another SHA-256."""
    state = torch.load(weights, weights_only=True)
    card = msgspec.json.decode(card_path(weights).read_bytes(), type=Card)
    network = build(card.network)
    network.load_state_dict(state)
    with torch.no_grad():
        next(network.parameters())[0, 0] += 1e-6
    save(network, weights, card)
    export(weights)
    return weights


def _forward(port: int, sent: int, received: int) -> None:
    """Passes bytes on between standard input, a port, and standard output, up to a limit each way."""
    import select

    left = {0: sent, 1: received}
    with socket.create_connection(("127.0.0.1", port)) as server:
        ways = (0, server.fileno())
        while all(left.values()):
            for ready in select.select(ways, [], [])[0]:
                way = 0 if ready == 0 else 1
                data = os.read(0, min(4096, left[0])) if way == 0 else server.recv(min(4096, left[1]))
                if not data:
                    return
                left[way] -= len(data)
                if way == 0:
                    server.sendall(data)
                else:
                    os.write(1, data)


if __name__ == "__main__":
    _forward(*map(int, sys.argv[1:]))
