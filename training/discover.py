"""Finds the appliances on the local network by what they announce."""

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Column, Table
from zeroconf import ServiceBrowser, ServiceListener, Zeroconf

from training.errors import TrainingError

SERVICE = "_digit-appliance._tcp.local."
SECONDS = 3.0
"""How long appliances are usually waited for."""
_AT_ONCE = 32
_ANSWER = 3_000  # milliseconds that one appliance is given to say more of itself


@dataclass(frozen=True, slots=True)
class Appliance:
    """One appliance, as it announced itself."""

    host: str
    """For ssh: its name if this machine can resolve it, else its address."""
    version: str
    weights: str
    """The network, and the beginning of the SHA-256."""
    right: int
    """How many of the corrections kept on it its weights read right."""
    corrections: int
    health: str


def discover(seconds: float) -> list[Appliance]:
    """The appliances that answer within so many seconds, by name.

    Raises `TrainingError` where there is no network to ask.
    """
    names: list[str] = []
    try:
        # The browser has a thread of its own, which ends with it and not with the network.
        with Zeroconf() as network, ServiceBrowser(network, SERVICE, _Names(names)):
            time.sleep(seconds)
            # Side by side: whoever does not answer, or has a name that nobody resolves, costs seconds.
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                asked = pool.map(lambda name: _asked(network, name), list(names))
                found = [appliance for appliance in asked if appliance]
    except OSError as error:
        raise TrainingError(f"the network cannot be asked ({error.strerror}); is there one?") from error
    return sorted(found, key=lambda one: one.host)


def table(appliances: Sequence[Appliance]) -> Table:
    """For people."""
    titles = ("host", "version", "weights", "own corrections read right", "health")
    table = Table(*(Column(title, overflow="fold") for title in titles))
    for one in appliances:
        score = f"{one.right} of {one.corrections}" if one.corrections else "none kept"
        health = "[green]ok" if one.health == "ok" else f"[bold red]{escape(one.health)}"
        table.add_row(escape(one.host), escape(one.version), escape(one.weights), score, health)
    return table


class _Names(ServiceListener):
    def __init__(self, names: list[str]) -> None:
        self._names = names

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._names.append(name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        pass

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._names.remove(name)


def _asked(network: Zeroconf, name: str) -> Appliance | None:
    info = network.get_service_info(SERVICE, name, _ANSWER)
    if info is None or not info.server:
        return None
    said = {key: value or "" for key, value in info.decoded_properties.items()}
    host, addresses = info.server.rstrip("."), info.parsed_addresses()
    return Appliance(
        host=host if _resolves(host) or not addresses else addresses[0],
        version=said.get("version", "?"),
        weights=f"{said.get('network', '?')} {said.get('weights', '?')}",
        right=_number(said.get("right")),
        corrections=_number(said.get("corrections")),
        health=said.get("health", "?"),
    )


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
