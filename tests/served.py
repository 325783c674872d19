"""The whole appliance with its page, in this process: a real service in a thread, on drawn frames."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx
from drawn import save_frames, save_weights
from gpiozero.pins.mock import MockFactory, MockPWMPin

from appliance.configurations import Configurations
from appliance.corrections import Corrections
from appliance.corrector import Corrector
from appliance.health import Monitor
from appliance.service import Options, Service
from appliance.signals import Requests
from appliance.web.access import read_token
from appliance.web.page import Page

PATIENCE = 60
"""Seconds after which a test gives up; nothing is measured by it."""


class Unsignalled(Requests):
    """Signals reach the main thread only, in which the tests run."""

    def from_signals(self, last_resort):
        return nullcontext()


@dataclass
class Served:
    """What a test can look at."""

    address: str
    token: str
    store: Corrections
    configurations: Configurations
    service: Service
    page: Page
    factory: MockFactory

    @property
    def link(self) -> str:
        return f"http://{self.address}/?token={self.token}"

    def client(self, **options) -> httpx.Client:
        """Somebody who has the token; with `headers={}` somebody who has not."""
        options = {"headers": {"Authorization": f"Bearer {self.token}"}, **options}
        return httpx.Client(base_url=f"http://{self.address}", timeout=PATIENCE, **options)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until(true, what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, f"in vain waited for {what}"
        time.sleep(0.02)


def configure(folder: Path, more: str = "") -> str:
    """The text of a configuration that reads drawn digits."""
    return (
        f'[camera]\ndwell = 12\n[reading]\nweights = "{folder}/digits.pt"\n[steady]\nhold = 0.1\nagree = 2\n'
        f"{more}"
    )


@contextmanager
def served(folder: Path, *texts: str, fps: float = 20, more: str = "") -> Iterator[Served]:
    """Runs it; `$DIGIT_APPLIANCE_STATE` must be `folder`."""
    save_weights(folder / "digits.pt")
    (folder / "config.toml").write_text(configure(folder, more))
    factory = MockFactory(pin_class=MockPWMPin)
    configurations, store, requests = Configurations(folder / "config.toml"), Corrections(), Unsignalled()
    source = str(save_frames(folder / "frames", *texts))
    service = Service(Options(configurations.load, factory, source, loop=True, fps=fps), requests)
    monitor = Monitor(service)
    address = f"127.0.0.1:{free_port()}"
    page = Page(service, monitor, requests, configurations, store, address)
    corrector = Corrector(store, lambda: service.reader.card.sha256, factory)
    for observer in (monitor, page, corrector):
        service.observe(observer)
    service.follow(lambda config: corrector.follow(config.corrections))
    service.follow(page.follow)
    service.follow(lambda _: configurations.keep())
    with page, corrector:
        thread = threading.Thread(target=service.run, daemon=True)
        thread.start()
        try:
            wait_until(lambda: monitor.page and monitor.page.startswith("http"), "the page")
            yield Served(address, read_token(), store, configurations, service, page, factory)
        finally:
            requests.stop = True
            thread.join(PATIENCE)
    factory.reset()
