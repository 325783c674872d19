"""The configuration file: TOML, every key optional; the defaults are a working appliance.

Each module takes its settings from here. `systemd/config.toml` shows every key with its default.
"""

import difflib
import re
import reprlib
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from appliance.errors import ConfigError

_LISTEN = r"^(off|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5})$"
_LABEL = r"[A-Za-z0-9_-]{1,63}"
_HOST = rf"^$|^{_LABEL}(\.{_LABEL})*\.?$|^[0-9A-Fa-f:.]+$"
_TOPIC = r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"
_TOPIC_OR_NONE = rf"^$|{_TOPIC}"

# A description completes the sentence "it must be ...", which the user reads.
Switch = Annotated[bool, Meta(description="true or false")]
Text = Annotated[str, Meta(description="text in quotes")]
BY_HAND = "by hand"
"""Marks a key that names a file, a command or a server: the page sets it only to what matches the pattern."""
File = Annotated[str, Meta(description="text in quotes", extra={BY_HAND: ""})]
Pin = Annotated[int, Meta(ge=2, le=27, description="a GPIO number from 2 to 27 (BCM numbering)")]
Side = Annotated[int, Meta(ge=16, le=8192, description="a whole number of pixels from 16 to 8192")]
Seconds = Annotated[float, Meta(ge=0, le=60, description="a number of seconds from 0 to 60")]
Rest = Annotated[float, Meta(ge=0, le=3600, description="a number of seconds from 0 to 3600")]
Pause = Annotated[float, Meta(ge=0.05, le=60, description="a number of seconds from 0.05 to 60")]
Fraction = Annotated[float, Meta(ge=0, le=1, description="a fraction of the picture from 0 to 1")]
Frames = Annotated[int, Meta(ge=1, le=1000, description="a whole number of frames from 1 to 1000")]


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file: what it does not know, it refuses."""


class CameraSettings(_Settings, frozen=True):
    """Where frames come from, and how they are taken."""

    source: Annotated[
        str, Meta(description="text in quotes", extra={BY_HAND: r"picamera|webcam(:[0-9]{1,3})?"})
    ] = "picamera"
    """`picamera`, `webcam`, `webcam:N`, or the path of a folder, video or image."""
    width: Side = 640
    height: Side = 480
    fps: Annotated[int, Meta(ge=1, le=240, description="a whole number of frames a second from 1 to 240")] = (
        30
    )
    rotation: Annotated[Literal[0, 180], Meta(description="0 or 180 degrees")] = 0
    mirror: Switch = False
    roi: Annotated[
        tuple[Fraction, ...],
        Meta(min_length=4, max_length=4, description="a list of 4 fractions: left, top, width, height"),
    ] = (0.0, 0.0, 1.0, 1.0)
    """The part of the picture that is read, as fractions of it: left, top, width, height."""
    exposure: Annotated[
        Literal["auto"] | Annotated[float, Meta(ge=0.05, le=1000)],
        Meta(description='"auto" or a number of milliseconds from 0.05 to 1000'),
    ] = "auto"
    """`auto`, or for how long each picture is exposed, in milliseconds."""
    flicker_hz: Annotated[Literal[0, 50, 60], Meta(description="0 (off), 50 or 60")] = 0
    """The mains frequency whose flicker the exposure avoids."""
    focus: Annotated[
        Literal["continuous", "close", "auto"] | Annotated[float, Meta(ge=0, le=32)],
        Meta(description='"continuous", "close", "auto" or a lens position from 0 to 32 dioptres'),
    ] = "continuous"
    """`continuous`, `close` (the same among near things alone), `auto` (once, at the start), or a fixed lens
    position in dioptres: 10 is 10 cm away."""
    timeout: Pause = 3.0
    """Seconds without a frame after which the camera counts as stalled."""
    dwell: Frames = 10
    """For how many frames each still of a folder is in view."""

    def __post_init__(self) -> None:
        left, top, width, height = self.roi
        if not (width and height and left + width <= 1 and top + height <= 1):
            raise ValueError(
                f"camera.roi is {list(self.roi)}, which is not within the picture; "
                "left + width and top + height may be 1 at most"
            )


EngineName = Literal["torch", "opencv", "onnxruntime"]


class ReadingSettings(_Settings, frozen=True):
    """Which network reads, and how sure it must be."""

    weights: File = ""
    """A weights file; empty for the one installed with `digit-appliance weights`, or else the shipped one."""
    threshold: Annotated[
        Literal["calibrated"] | Annotated[float, Meta(ge=0, le=1)],
        Meta(description='"calibrated" or a confidence from 0 to 1'),
    ] = "calibrated"
    """A digit less sure than this is not read; `calibrated` is what the weights' card says."""
    engine: Annotated[EngineName, Meta(description='"torch", "opencv" or "onnxruntime"')] = msgspec.field(
        default_factory=lambda: "torch" if find_spec("torch") else "opencv"
    )
    """What runs the network; all but torch need what `digit-appliance weights export` makes."""


class SteadySettings(_Settings, frozen=True):
    """How readings become a steady text."""

    agree: Frames = 4
    """A text is shown once so many frames in a row agree on it."""
    window: Frames = 6
    """Evidence for each digit is joined over so many frames."""
    hold: Seconds = 1.0
    """A digit that left stays shown for so many seconds."""

    def __post_init__(self) -> None:
        if self.agree > self.window:
            raise ValueError(
                f"steady.agree is {self.agree}, more than steady.window, {self.window}; lower agree"
            )


class SevenSegmentSettings(_Settings, frozen=True):
    """One seven-segment digit."""

    enabled: Switch = True
    segments: Annotated[
        tuple[Pin, ...],
        Meta(min_length=7, max_length=7, description="a list of 7 pins, for segments a to g"),
    ] = (5, 6, 13, 19, 26, 20, 21)
    common_anode: Switch = False


class RowSettings(_Settings, frozen=True):
    """A multiplexed row of seven-segment digits that share their segment pins."""

    enabled: Switch = False
    segments: Annotated[
        tuple[Pin, ...],
        Meta(min_length=7, max_length=7, description="a list of 7 pins, for segments a to g"),
    ] = (5, 6, 13, 19, 26, 20, 21)
    digits: Annotated[
        tuple[Pin, ...],
        Meta(min_length=2, max_length=8, description="a list of 2 to 8 pins, one a digit, from the left"),
    ] = (23, 24, 25, 8)
    common_anode: Switch = False
    digits_active_low: Switch = False
    """Whether a digit is switched on by a low level: so with a PNP transistor."""


class TenLedsSettings(_Settings, frozen=True):
    """Ten LEDs, one for each digit."""

    enabled: Switch = False
    pins: Annotated[
        tuple[Pin, ...], Meta(min_length=10, max_length=10, description="a list of 10 pins, for 0 to 9")
    ] = (4, 17, 27, 22, 10, 9, 11, 18, 15, 7)
    active_low: Switch = False


class BinarySettings(_Settings, frozen=True):
    """Four LEDs that show a digit in binary."""

    enabled: Switch = False
    pins: Annotated[
        tuple[Pin, ...],
        Meta(min_length=4, max_length=4, description="a list of 4 pins, for 8, 4, 2 and 1"),
    ] = (23, 24, 25, 8)
    active_low: Switch = False


class LampSettings(_Settings, frozen=True):
    """One LED, the brighter the surer the reading."""

    enabled: Switch = False
    pin: Pin = 12
    active_low: Switch = False


class BuzzerSettings(_Settings, frozen=True):
    """A buzzer that chirps at each new reading."""

    enabled: Switch = False
    pin: Pin = 16
    chirp: Annotated[float, Meta(ge=0.01, le=2, description="a number of seconds from 0.01 to 2")] = 0.05
    active_low: Switch = False


class IndicatorSettings(_Settings, frozen=True):
    """What is wired to which pins."""

    scroll: Pause = 0.6
    """Seconds a step, where a number is longer than its display."""
    seven_segment: SevenSegmentSettings = SevenSegmentSettings()
    row: RowSettings = RowSettings()
    ten_leds: TenLedsSettings = TenLedsSettings()
    binary: BinarySettings = BinarySettings()
    lamp: LampSettings = LampSettings()
    buzzer: BuzzerSettings = BuzzerSettings()

    def __post_init__(self) -> None:
        taken: dict[int, str] = {}
        for key, pin in self.pins():
            if pin in taken:
                raise ValueError(
                    f"{key} and {taken[pin]} are both GPIO {pin}; move one, or set enabled = false"
                )
            taken[pin] = key

    def pins(self) -> Iterator[tuple[str, int]]:
        """The pins in use, each with its key, such as `("indicators.row.digits[2]", 25)`."""
        for kind in self.__struct_fields__:
            device = getattr(self, kind)
            if not getattr(device, "enabled", False):
                continue
            for name in device.__struct_fields__:
                value, key = getattr(device, name), f"indicators.{kind}.{name}"
                if name == "pin":
                    yield key, value
                elif isinstance(value, tuple):
                    yield from ((f"{key}[{index}]", pin) for index, pin in enumerate(value))


class CorrectionSettings(_Settings, frozen=True):
    """How much is kept of the readings that a person puts right."""

    most: Annotated[int, Meta(ge=1, le=100_000, description="a whole number from 1 to 100000")] = 1000
    megabytes: Annotated[int, Meta(ge=1, le=100_000, description="a whole number from 1 to 100000")] = 200
    button: Annotated[
        int, Meta(ge=0, le=27, description="0 (no button) or a GPIO number from 2 to 27 (BCM numbering)")
    ] = 0
    """A button to ground on this pin keeps the reading in view, to be put right on the page."""

    def __post_init__(self) -> None:
        if self.button == 1:
            raise ValueError("corrections.button is 1; it must be 0 (none) or a GPIO number from 2 to 27")


class AnnounceSettings(_Settings, frozen=True):
    """Whether laptops on the same network find the appliance by itself."""

    enabled: Switch = False
    name: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9-]{0,63}$", description="up to 63 letters, digits and -, in quotes")
    ] = ""
    """Empty for the machine's."""


class PageSettings(_Settings, frozen=True):
    """The live page."""

    listen: Annotated[
        str, Meta(pattern=_LISTEN, description='"off" or "HOST:PORT", such as "0.0.0.0:8000"')
    ] = "127.0.0.1:8000"

    def __post_init__(self) -> None:
        port = self.listen.rpartition(":")[2]
        if port.isdigit() and not 1 <= int(port) <= 65535:
            raise ValueError(f"page.listen has port {port}; it must be from 1 to 65535")

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port, or None for a page that is off."""
        host, _, port = self.listen.rpartition(":")
        return (host.strip("[]"), int(port)) if host else None


class MqttSettings(_Settings, frozen=True):
    """The MQTT broker that is told what is read."""

    host: Annotated[
        str,
        Meta(
            pattern=_HOST,
            description='the broker\'s name or address, or "" for no MQTT',
            extra={BY_HAND: ""},
        ),
    ] = ""
    port: Annotated[int, Meta(ge=1, le=65535, description="a port number from 1 to 65535")] = 1883
    prefix: Annotated[
        str,
        Meta(pattern=_TOPIC, description="letters, digits, - and _, in levels with / between them"),
    ] = "digits"
    name: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_-]{0,63}$", description="a name of letters, digits, - and _")
    ] = ""
    """Of this appliance, among those that tell the same broker; empty for the host's."""
    tls: Switch = False
    ca: File = ""
    """A file with the certificates of those who may vouch for the broker; empty for the system's."""
    username: Text = ""
    password_file: File = ""
    discovery: Annotated[
        str, Meta(pattern=_TOPIC_OR_NONE, description='Home Assistant\'s discovery topic, or "" for none')
    ] = "homeassistant"
    picture: Rest = 5.0
    """Seconds at least from one picture to the next; 0 for none."""
    corrections: Switch = False
    """Whether whoever may publish to the broker may correct readings."""


Change = Annotated[
    Literal["change", "number", "nothing"], Meta(description='"change", "number" or "nothing"')
]
TimeLimit = Annotated[float, Meta(ge=0.1, le=600, description="a number of seconds from 0.1 to 600")]


class CommandSettings(_Settings, frozen=True):
    """A program that is run when the reading changes."""

    run: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[^\x00]+$", description="text in quotes")], ...],
        Meta(description='a list of texts, such as ["/usr/local/bin/ring", "--loud"]', extra={BY_HAND: ""}),
    ] = ()
    """The program and its arguments; none for no program."""
    on: Change = "number"
    every: Rest = 1.0
    """Seconds at least from the end of one run to the next."""
    timeout: TimeLimit = 10.0
    """Seconds after which a run is ended."""


class WebhookSettings(_Settings, frozen=True):
    """An address that is told, by HTTP POST, when the reading changes."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[!-~]+)?$",
            description='an address, "http://..." or "https://..."',
            extra={BY_HAND: ""},
        ),
    ] = ""
    on: Change = "number"
    every: Rest = 1.0
    timeout: TimeLimit = 10.0

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            whole = bool(parts.hostname and parts.hostname.encode("idna")) and parts.port != 0
        except ValueError:
            whole = False
        if self.url and not whole:
            raise ValueError(f"hooks.webhook.url is {self.url!r}, which has no good host or port")


class HookSettings(_Settings, frozen=True):
    """What else a change of the reading sets off."""

    command: CommandSettings = CommandSettings()
    webhook: WebhookSettings = WebhookSettings()


class Config(_Settings, frozen=True):
    """The whole file."""

    camera: CameraSettings = CameraSettings()
    reading: ReadingSettings = ReadingSettings()
    steady: SteadySettings = SteadySettings()
    indicators: IndicatorSettings = IndicatorSettings()
    corrections: CorrectionSettings = CorrectionSettings()
    announce: AnnounceSettings = AnnounceSettings()
    page: PageSettings = PageSettings()
    mqtt: MqttSettings = MqttSettings()
    hooks: HookSettings = HookSettings()

    def __post_init__(self) -> None:
        for key, pin in self.indicators.pins():
            if pin == self.corrections.button:
                raise ValueError(f"corrections.button and {key} are both GPIO {pin}; move one")


def load_config(path: Path | None) -> Config:
    """The configuration in `path`, or the defaults for None.

    Raises `ConfigError`, which names the file, the key, and what would be right.
    """
    return Config() if path is None else parse_config(_text(path), path)


def parse_config(text: str, path: Path) -> Config:
    """The configuration that a text is. Raises `ConfigError`, which names `path` as where it stands."""
    table = _parse(text, path)
    try:
        return msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), table)}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not a configuration: lists within lists without end") from error


def _explain(message: str, table: dict[str, Any]) -> str:
    """Turns msgspec's message into the user's: the key, what is wrong, and what would be right."""
    what, _, place = message.partition(" - at `$")
    keys = re.findall(r"\w+", place)
    wanted, value = _at(keys, table)
    dotted = place.strip(".`")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        return _explain_unknown(dotted, unknown[1], wanted)
    if get_origin(wanted) is Annotated:
        return f"{dotted} is {reprlib.repr(value)}; it must be {wanted.__metadata__[0].description}"
    if isinstance(value, dict):
        return what
    return f"{dotted} is {reprlib.repr(value)}; it must be a table, [{dotted}], with keys of its own"


def _explain_unknown(dotted: str, key: str, settings: type[_Settings]) -> str:
    known = settings.__struct_fields__
    near = difflib.get_close_matches(key, known, n=1)
    name = f"{dotted}.{key}".lstrip(".") if key.isprintable() else repr(key)
    advice = f"did you mean {near[0]}?" if near else f"known here are {', '.join(known)}"
    return f"unknown key {name}; {advice}"


def _at(keys: list[str], table: dict[str, Any]) -> tuple[Any, Any]:
    """The type wanted at a place in the file, and the value found there."""
    wanted: Any = Config
    value: Any = table
    for key in keys:
        if key.isdigit():
            wanted, value = get_args(get_args(wanted)[0])[0], value[int(key)]
        else:
            wanted, value = get_type_hints(wanted, include_extras=True)[key], value[key]
    return wanted, value
