"""The configuration in use, key by key, as it would stand in the file."""

from collections.abc import Iterator
from typing import Any

import msgspec

from appliance.config import Config
from appliance.web.messages import Setting


def listed(config: Config) -> list[Setting]:
    """Every key with its value and its default; secrets are not shown."""
    defaults = dict(_flat(Config(), ""))
    return [Setting(key, value, defaults.get(key, "")) for key, value in _flat(config, "")]


def _flat(settings: msgspec.Struct, prefix: str) -> Iterator[tuple[str, str]]:
    for name in settings.__struct_fields__:
        value: Any = getattr(settings, name)
        if isinstance(value, msgspec.Struct):
            yield from _flat(value, f"{prefix}{name}.")
        elif "password" in name and value:
            yield prefix + name, "(hidden)"
        else:
            yield prefix + name, msgspec.json.encode(value).decode()
