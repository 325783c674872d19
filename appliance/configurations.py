"""The configuration file, and the last ten that were in use, to go back to.

/etc/digit-appliance/config.toml                                 the file
/var/lib/digit-appliance/configurations/20261125T031500.toml     what it was from then on
"""

import calendar
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from appliance.atomic import write_atomically
from appliance.config import (
    BY_HAND,
    Config,
    IndicatorSettings,
    SevenSegmentSettings,
    load_config,
    parse_config,
)
from appliance.errors import ConfigError
from appliance.state import state_folder

log = logging.getLogger(__name__)

KEPT = 10
"""How many are kept, the one in use among them."""
_NAME = "%Y%m%dT%H%M%S"
ID = r"[0-9]{8}T[0-9]{6}"
"""What the name of a kept one looks like: the time (UTC) since when it was in use."""

UNWIRED = Config(indicators=IndicatorSettings(seven_segment=SevenSegmentSettings(enabled=False)))
"""What to start with where no configuration was ever good: the defaults, and no pin driven."""


def usual_file() -> Path:
    """The configuration file that belongs to the system, whether it is there or not."""
    return Path(os.environ.get("CONFIGURATION_DIRECTORY", "/etc/digit-appliance")) / "config.toml"


class Configurations:
    """One configuration file with its past."""

    def __init__(self, file: Path | None = None, folder: Path | None = None) -> None:
        """Without `file` the system's, which need not exist. `folder` takes the place of the appliance's."""
        self._required = file is not None
        self.file = file or usual_file()
        self._folder = folder or state_folder() / "configurations"

    def load(self) -> Config:
        """The configuration in the file. Raises `ConfigError`."""
        return load_config(self.file if self._required or self.file.exists() else None)

    def text(self, name: str | None = None) -> str:
        """What is in the file, or was in the kept one of that name; broken bytes are shown as such."""
        if name is not None and name not in self.kept():
            raise ConfigError(f"there is no kept configuration {name!r}")
        try:
            return (self._place(name) if name else self.file).read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise ConfigError(f"{self.file}: cannot be read ({error.strerror})") from error

    def kept(self) -> list[str]:
        """The names of those kept, the newest first."""
        if not self._folder.is_dir():
            return []
        return sorted((path.stem for path in self._folder.iterdir() if _is_kept(path)), reverse=True)

    def keep(self) -> None:
        """Remembers what is in the file as having come into use now; a failure is only logged."""
        try:
            text = self.text()
            parse_config(text, self.file)  # what has been changed meanwhile may be broken
            kept = self.kept()
            if not kept or self.text(kept[0]) != text:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_atomically(self._place(self._new_name()), text.encode())
                for old in self.kept()[KEPT:]:
                    self._place(old).unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: the configuration is not kept (%s)", self._folder, error.strerror)
        except ConfigError as error:
            log.debug("not kept: %s", error)

    def _new_name(self) -> str:
        """The time, or if that is not later than the newest one's, a second after that: order is kept."""
        newest = [calendar.timegm(time.strptime(name, _NAME)) for name in self.kept()[:1]]
        return time.strftime(_NAME, time.gmtime(max([time.time(), *(second + 1 for second in newest)])))

    def write(self, text: str, in_use: Config) -> None:
        """Puts a text from the page into the file.

        Raises `ConfigError`, and leaves the file as it is, if the text is no configuration or changes what
        is changed by hand only: a page must not choose files to read, commands to run or whom to tell.
        """
        new = _by_hand(parse_config(text, self.file))
        before = [_by_hand(in_use)]
        with suppress(ConfigError):  # what is broken now has nothing to compare with
            before.append(_by_hand(self.load()))
        for key, (value, pattern) in new.items():
            free = isinstance(value, str) and re.fullmatch(pattern, value)
            if not free and all(old.get(key, (None,))[0] != value for old in before):
                raise ConfigError(f"{key} names a file, command or server: change it in {self.file} itself")
        self._replace(text)

    def bring_back(self, name: str) -> None:
        """Puts a kept one into the file. Raises `ConfigError` if it is not there or no longer good."""
        text = self.text(name)
        parse_config(text, self._place(name))
        self._replace(text)

    def _replace(self, text: str) -> None:
        try:
            write_atomically(self.file, text.encode())
        except OSError as error:
            raise ConfigError(
                f"{self.file}: cannot be written ({error.strerror}); change it by hand"
            ) from error

    def _place(self, name: str) -> Path:
        return self._folder / f"{name}.toml"


def _is_kept(path: Path) -> bool:
    return re.fullmatch(rf"{ID}\.toml", path.name) is not None


def _by_hand(config: Config) -> dict[str, tuple[Any, str]]:
    """What is changed by hand only: by key, the value and the pattern of what is free all the same."""
    return dict(_marked(config, ""))


def _marked(settings: msgspec.Struct, prefix: str) -> Iterator[tuple[str, tuple[Any, str]]]:
    hints = get_type_hints(type(settings), include_extras=True)
    for name in settings.__struct_fields__:
        value, hint = getattr(settings, name), hints[name]
        marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        pattern = next((mark.extra[BY_HAND] for mark in marks if mark.extra and BY_HAND in mark.extra), None)
        if pattern is not None:
            yield prefix + name, (value, pattern)
        elif isinstance(value, msgspec.Struct):
            yield from _marked(value, f"{prefix}{name}.")
