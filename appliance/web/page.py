"""The page as the service knows it: an observer that costs a frame microseconds, and a thread that serves.

Nothing that serving needs is imported where the page is off.
"""

import logging
import socket
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from appliance.config import Config, PageSettings
from appliance.configurations import Configurations
from appliance.corrections import Corrections
from appliance.corrector import Sight
from appliance.health import Monitor
from appliance.service import Moment, Service
from appliance.signals import Requests
from appliance.web import access

if TYPE_CHECKING:
    from appliance.web.server import Server

log = logging.getLogger(__name__)

REMEMBERED = 5000
"""Changes of the reading that the history goes back."""
LATELY = 24
"""Frames that were shown lately, of which something can still be said to be wrong."""
TRY_AGAIN = 10.0
"""Seconds until an address that is taken is tried again."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A moment, kept for longer than its frame is valid."""

    number: int
    time: float
    name: str
    text: str
    confidence: float
    sight: Sight


class Page:
    """An observer of the service; a context manager that ends its thread."""

    def __init__(
        self,
        service: Service,
        monitor: Monitor,
        requests: Requests,
        configurations: Configurations,
        corrections: Corrections,
        listen: str = "",
    ) -> None:
        """`listen` takes the place of the configured address, if given."""
        self.service, self.monitor, self.requests = service, monitor, requests
        self.configurations, self.corrections = configurations, corrections
        self.changes: deque[tuple[float, str, float]] = deque(maxlen=REMEMBERED)
        self.lately: OrderedDict[int, Sight] = OrderedDict()
        self._listen = PageSettings(listen) if listen else None
        self._address: tuple[str, int] | None = None
        self._wish: Callable[[Shot], None] | None = None
        self._moved, self._over = threading.Event(), False
        self._server: Server | None = None
        self._token, self._kept = "", False
        self._thread = threading.Thread(target=self._serve_on, daemon=True, name="page")

    def __call__(self, moment: Moment) -> None:
        """Notes a change; if somebody waits for a picture, hands this one over."""
        stable = moment.stable
        if stable.changed:
            self.changes.append((time.time(), stable.text, round(stable.confidence, 3)))
        wish = self._wish
        if wish is not None:
            self._wish = None
            sight = Sight(moment.frame.gray.copy(), moment.reading, self.service.reader.card.sha256)
            number, name = moment.frames, moment.frame.name
            wish(Shot(number, time.time(), name, stable.text, round(stable.confidence, 3), sight))

    def wish(self, wish: Callable[[Shot], None]) -> None:
        """Has `wish` called with the next moment, in the loop's thread."""
        self._wish = wish

    def remember(self, shot: Shot) -> None:
        """Keeps a frame that is shown, so that it can be said to be wrong for a while."""
        self.lately[shot.number] = shot.sight
        while len(self.lately) > LATELY:
            self.lately.popitem(last=False)

    def follow(self, config: Config) -> None:
        """Serves where a configuration says, from now on."""
        address = (self._listen or config.page).address
        if address == self._address:
            return
        self._address = address
        self._moved.set()
        if self._server is not None:
            self._server.stop()
        if not self._thread.is_alive():
            self._thread.start()

    def in_use(self) -> Config:
        """The configuration as the service really uses it: what the command line said counts."""
        config = self.service.config
        camera = msgspec.structs.replace(config.camera, source=self.service.source)
        return msgspec.structs.replace(config, camera=camera, page=self._listen or config.page)

    def __enter__(self) -> Self:
        self._token, self._kept = access.make_token()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._moved.set()
        if self._server is not None:
            self._server.stop()
        if self._thread.is_alive():
            self._thread.join(0.5)

    def _serve_on(self) -> None:
        said = ""
        while True:
            self._moved.clear()
            address = self._address
            if self._over:
                return
            if address is None:
                self.monitor.page = None
                self._moved.wait()
                continue
            try:
                listener = _listener(address)
            except OSError as error:
                problem = f"{address[0]}:{address[1]} cannot be served ({error.strerror or error})"
                if problem != said:
                    log.warning("the page: %s; trying again until it can", problem)
                said = self.monitor.page = problem
                self._moved.wait(TRY_AGAIN)
                continue
            said = ""
            self._serve(listener)

    def _serve(self, listener: socket.socket) -> None:
        from appliance.web.server import Server

        with listener:
            host, port = listener.getsockname()[:2]
            self._server = Server(self, self._token)
            self.monitor.page = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
            link = access.links((host, port), self._token)[0]
            log.info("the page is at %s", self.monitor.page if self._kept else link)
            if not self._moved.is_set():
                self._server.run(listener)
            self._server = None


def _listener(address: tuple[str, int]) -> socket.socket:
    family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address, family=family, backlog=64, dualstack_ipv6=both)
