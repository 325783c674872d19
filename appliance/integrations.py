"""Those outside whom the configuration wants told: an MQTT broker, hooks, laptops that look for it.

Each is a part of the service from when a configuration wants it until another does not, or wants it
otherwise. Of what is not wanted, nothing is imported.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

from appliance.config import Config
from appliance.corrections import Corrections
from appliance.health import Monitor
from appliance.machine import host_name
from appliance.service import Moment, Observer, Service

log = logging.getLogger(__name__)

Part = AbstractContextManager[Observer | None]


class Integration:
    """An observer and follower of the service: the place of one part, which may be empty.

    Parts begin and end in a thread of its own, for imports and goodbyes take longer than a frame may wait.
    """

    def __init__(self, wanted: Callable[[Config], object], make: Callable[[Config], Part]) -> None:
        """`wanted` gives all that the part depends on, or None for no part."""
        self._wanted, self._make = wanted, make
        self._known: object = None
        self._part = ExitStack()
        self._observer: Observer | None = None
        self._thread = ThreadPoolExecutor(1)

    def __call__(self, moment: Moment) -> None:
        """Passes a moment on."""
        if observer := self._observer:
            observer(moment)

    def follow(self, config: Config) -> None:
        """Begins the part, ends it, or replaces it, soon."""
        wanted = self._wanted(config)
        if wanted != self._known:
            self._known = wanted
            self._thread.submit(self._switch, None if wanted is None else config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Waits until the part has ended."""
        if self._known is not None:
            self._thread.submit(self._switch, None)
        self._thread.shutdown()

    def _switch(self, config: Config | None) -> None:
        try:
            self._observer = None
            self._part.close()
            if config is not None:
                self._observer = self._part.enter_context(self._make(config))
        except Exception:  # whatever is wrong with it, the display is not
            log.exception("broken, and left out until the next reload")


def integrations(service: Service, monitor: Monitor, store: Corrections) -> Iterator[Integration]:
    """All that there may be. `monitor` knows the service's health, `store` the corrections."""

    def mqtt(config: Config) -> Part:
        from appliance.mqtt import Mqtt

        return Mqtt(config.mqtt, service, monitor, store)

    def announcement(config: Config) -> Part:
        from appliance.announce import Announcement
        from appliance.weights import open_reader

        return Announcement(config.announce.name, monitor, store, lambda: open_reader(service.config.reading))

    def command(config: Config) -> Part:
        from appliance.hooks import command

        return command(config.hooks.command, _name(config))

    def webhook(config: Config) -> Part:
        from appliance.hooks import webhook

        return webhook(config.hooks.webhook, _name(config))

    yield Integration(_of_mqtt, mqtt)
    yield Integration(lambda config: config.announce if config.announce.enabled else None, announcement)
    yield Integration(_of_command, command)
    yield Integration(_of_webhook, webhook)


def _name(config: Config) -> str:
    return config.mqtt.name or host_name()


def _of_mqtt(config: Config) -> object:
    settings = config.mqtt
    files = settings.password_file, settings.ca
    return (settings, [_changed(Path(file)) for file in files if file]) if settings.host else None


def _changed(file: Path) -> int | None:
    """When its content, its owner or its mode was last changed; None where there is none."""
    try:
        return file.stat().st_ctime_ns
    except OSError:
        return None


def _of_command(config: Config) -> object:
    return (config.hooks.command, _name(config)) if config.hooks.command.run else None


def _of_webhook(config: Config) -> object:
    return (config.hooks.webhook, _name(config)) if config.hooks.webhook.url else None
