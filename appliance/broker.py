"""The connection to an MQTT broker: found again whenever it is lost, and never with a queue behind it.

What is published is state and no history: of each topic the newest message is kept, and told when the broker
can be reached. So nothing grows while it is away, and when it is back it knows how things are.
"""

import hashlib
import logging
import os
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from appliance.config import MqttSettings
from appliance.errors import ConfigError

log = logging.getLogger(__name__)

KEEP_ALIVE = 20
"""Seconds; a broker that hears nothing for one and a half of it tells the others that we are offline."""
LONGEST_PAUSE = 60
"""Seconds between two attempts to reach it; the first pause is 1, and each is twice the one before."""
GOODBYE = 0.5
"""Seconds that saying goodbye may take."""
LARGEST = 1024
"""Bytes of a message that the broker may send us; it keeps larger ones to itself."""
REST = 1.0
"""Seconds from one order to the next; those that come sooner are not looked at."""
MOST, DEAF = 10, 30.0
"""After how many that came too soon nobody is listened to, and for how many seconds."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody told us, and when, on the monotonic clock in seconds."""

    text: str
    given_at: float


class Broker:
    """Where the appliance tells everything under the topic `base`, and may be told something at one topic.

    All but the constructor is for one thread, which calls `send` whenever `wake` is set.
    """

    order: Order | None = None
    """The newest that nobody has taken yet."""

    def __init__(
        self,
        settings: MqttSettings,
        base: str,
        wake: threading.Event,
        say: Callable[[str], None],
        orders: str = "",
    ) -> None:
        """Touches nothing yet but the files. `say` hears how the connection is; `orders` is a topic.

        Raises `ConfigError` if the password's file or the certificates do not do.
        """
        self._where = f"{settings.host}:{settings.port}"
        self._base, self._wake, self._say_state, self._orders = base, wake, say, orders
        self._state = ""
        self._availability = f"{base}/availability"
        self._known = {self._availability: b"online"}
        self._untold: dict[str, None] = {}
        self._online = self._greeted = self._over = False
        self._free = True
        self._ordered_at = self._deaf_until = 0.0
        self._too_soon = 0
        self._client = self._new_client(settings)

    def connect(self) -> None:
        """Begins to, and returns at once."""
        self._say(f"connecting to {self._where}", logging.DEBUG)
        self._client.loop_start()

    def put(self, topic: str, payload: bytes) -> None:
        """Has it published below the base when that can be, in place of what was to be published there."""
        self.put_at(f"{self._base}/{topic}", payload)

    def put_at(self, topic: str, payload: bytes) -> None:
        """The same for a topic that is not below the base."""
        self._known[topic] = payload
        self._untold[topic] = None

    def send(self) -> None:
        """Hands the next message to paho, if it is done with the one before: it never holds more."""
        if self._greeted:
            self._greeted = False
            # Who hears that we are there may believe all the rest, of which the broker kept what was before.
            last = self._availability
            self._untold = dict.fromkeys(sorted(self._known, key=lambda topic: topic == last))
        if self._online and self._free and self._untold:
            topic = next(iter(self._untold))
            del self._untold[topic]
            self._free = False
            self._client.publish(topic, self._known[topic], qos=1, retain=True)
        if self._online and self._deaf_until and time.monotonic() >= self._deaf_until:
            self._listen()

    def close(self) -> None:
        """Says goodbye, if that can be done in an instant."""
        self._over = True
        if self._online:
            last = self._client.publish(self._availability, "offline", qos=1, retain=True)
            with suppress(RuntimeError):  # the connection was lost this very moment
                last.wait_for_publish(GOODBYE)
        self._client.disconnect()

    def _new_client(self, settings: MqttSettings) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            # After a power cut the broker still holds the old connection: the same name takes its place.
            client_id=f"{self._base.replace('/', '-')}-{_machine()}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        if settings.username:
            client.username_pw_set(settings.username, _password(settings.password_file))
        if settings.tls:
            client.tls_set_context(_tls(settings.ca))
        client.will_set(self._availability, "offline", qos=1, retain=True)
        client.reconnect_delay_set(1, LONGEST_PAUSE)
        client.connect_timeout = 5.0
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_publish = self._on_disconnect, self._on_publish
        client.on_message = self._on_message
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limits.MaximumPacketSize = LARGEST
        client.connect_async(settings.host, settings.port, KEEP_ALIVE, clean_start=True, properties=limits)
        return client

    # --- Called by paho, in a thread of its own ----------------------------------------------------

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._say(f"{self._where} refuses: {reason}; see mqtt.username and mqtt.password_file")
            return
        client.drop_out_messages()  # paho would send again what was on its way when the connection was lost
        self._free = self._greeted = self._online = True
        self._listen()
        self._say(f"connected to {self._where}, as {self._base}", logging.INFO)
        self._wake.set()

    def _on_connect_fail(self, client: Client, _: Any) -> None:
        self._say(f"no connection to {self._where}: {_why(sys.exception())}; trying again")

    def _on_disconnect(
        self,
        client: Client,
        _: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._online and not self._over:
            self._say(f"lost {self._where} ({reason}); trying again")
        self._online = False
        self._wake.set()

    def _on_publish(
        self, client: Client, _: Any, number: int, reason: ReasonCode, properties: Properties
    ) -> None:
        if reason.is_failure:
            self._say(f"{self._where} takes nothing for {self._base}: {reason}; see the broker's access list")
        self._free = True
        self._wake.set()

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        now = time.monotonic()
        if now - self._ordered_at >= REST:
            self._ordered_at, self._too_soon = now, 0
            self.order = Order(message.payload.decode(errors="replace"), now)
            self._wake.set()
            return
        self._too_soon += 1
        if self._too_soon == MOST:
            client.unsubscribe(message.topic)
            self._deaf_until = now + DEAF
            log.warning("mqtt: too many orders at once; none are taken for %.0f s", DEAF)

    def _listen(self) -> None:
        self._deaf_until = 0.0
        if self._orders:
            # What was retained is of another time.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            self._client.subscribe(f"{self._base}/{self._orders}", options=options)

    def _say(self, state: str, level: int = logging.WARNING) -> None:
        """Tells of a new state of the connection, once."""
        if state != self._state:
            self._state = state
            log.log(level, "mqtt: %s", state)
            self._say_state(state)


def _password(file: str) -> str | None:
    """Raises `ConfigError` if others can read the file too, or if we cannot."""
    if not file:
        return None
    try:
        with Path(file).open(encoding="utf-8") as opened:
            status = os.fstat(opened.fileno())
            ours = status.st_gid in (0, os.getegid())
            if status.st_mode & (0o007 if ours else 0o077):
                raise ConfigError(
                    f"mqtt.password_file {file} is open to others: sudo chown digit-appliance {file}"
                    f" && sudo chmod 600 {file}"
                )
            return opened.read().strip("\r\n")
    except OSError as error:
        raise ConfigError(f"mqtt.password_file {file} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"mqtt.password_file {file} is not UTF-8 text") from error


def _tls(ca: str) -> ssl.SSLContext:
    """Believes those whose certificates are in the file `ca`, or else those that the system trusts."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as error:  # SSLError is one, too
        raise ConfigError(f"mqtt.ca {ca} is no file of certificates ({_why(error)})") from error


def _why(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good ({error.verify_message})"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _machine() -> str:
    """Eight letters that are this machine's alone and stay so."""
    identity = Path("/etc/machine-id").read_bytes() if Path("/etc/machine-id").exists() else b""
    return hashlib.sha256(identity or b"%d" % uuid.getnode()).hexdigest()[:8]
