"""Announces the appliance on the local network by mDNS, so that a laptop finds it: digit-train discover.

What it says of itself, in the TXT record: its version, the weights in use, how it fares, and how many of the
corrections kept on it those weights read right.
"""

import logging
import threading
from collections.abc import Callable

import cv2
import numpy as np
from zeroconf import Error as ZeroconfError
from zeroconf import ServiceInfo, Zeroconf

from appliance.corrections import CROP, Corrections
from appliance.errors import ApplianceError
from appliance.health import Monitor
from appliance.machine import host_name
from appliance.reader import Reader

log = logging.getLogger(__name__)

SERVICE = "_digit-appliance._tcp.local."
SSH_PORT = 22
EVERY = 5.0
"""Seconds after which what is announced is brought up to date."""
_BREATH = 0.02  # seconds left to the frames after each correction that is read


class Announcement:
    """A context manager: announced while it is open, by a thread of its own."""

    def __init__(
        self, name: str, monitor: Monitor, store: Corrections, open_reader: Callable[[], Reader]
    ) -> None:
        """Touches nothing yet; the service is at work. An empty `name` is the machine's.

        `open_reader` opens the weights in use.
        """
        self._name = name or host_name()
        self._monitor, self._store, self._open_reader = monitor, store, open_reader
        self._scored: dict[tuple[str, str, object], bool] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._announce, daemon=True, name="announce")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(EVERY)

    def _announce(self) -> None:
        try:
            with Zeroconf() as network:
                info = self._info()
                network.register_service(info, allow_name_change=True)
                while not self._over.wait(EVERY):
                    newer = self._info(info.name)
                    if newer.properties != info.properties:
                        network.update_service(newer)
                        info = newer
                network.unregister_service(info)
        except (OSError, ZeroconfError) as error:
            log.warning("not announced on the network: %s", error)

    def _info(self, name: str = "") -> ServiceInfo:
        return ServiceInfo(
            SERVICE,
            name or f"{self._name}.{SERVICE}",
            port=SSH_PORT,
            properties=self.facts(),
            server=f"{self._name}.local.",
            parsed_addresses=addresses(),
        )

    def facts(self) -> dict[str, str]:
        """What is said of the appliance."""
        health = self._monitor.health()
        right, of = self.score(health.weights.sha256)
        return {
            "version": health.version,
            "network": health.weights.network,
            "weights": health.weights.sha256[:12],
            "health": (health.fault or "ok")[:200],
            "right": str(right),
            "corrections": str(of),
        }

    def score(self, weights: str) -> tuple[int, int]:
        """How many corrections the weights in use read right, of how many; each is read once."""
        try:
            wanted = {(weights, one.id, one.value): one for one in self._store.answered()}
            self._scored = {key: right for key, right in self._scored.items() if key in wanted}
            if new := [key for key in wanted if key not in self._scored]:
                reader = self._open_reader()
                for key in new:
                    crop = cv2.imdecode(np.frombuffer(self._store.picture(key[1], CROP), np.uint8), 0)
                    self._scored[key] = crop is not None and reader.read_crop(crop) == key[2]
                    if self._over.wait(_BREATH):
                        break
        except ApplianceError as error:
            log.warning("corrections cannot be read: %s", error)
        return sum(self._scored.values()), len(self._scored)


def addresses() -> list[str]:
    """This machine's IPv4 addresses; the one that leads nowhere else only if there is no other."""
    import ifaddr

    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    return [address for address in found if not address.startswith("127.")] or found
