"""The last configuration that worked, kept so that a mistake in the file keeps no service from starting."""

import logging

import msgspec

from appliance.atomic import write_atomically
from appliance.config import Config
from appliance.state import state_folder

log = logging.getLogger(__name__)


def keep(config: Config) -> None:
    """Remembers a configuration that works; where the state's folder cannot be written, does without."""
    path, data = state_folder() / "last-good.json", msgspec.json.encode(config)
    try:
        if not path.exists() or path.read_bytes() != data:  # a card lasts longer unwritten
            write_atomically(path, data)
    except OSError as error:
        log.debug("the configuration is not kept: %s", error)


def last_good() -> Config | None:
    """The configuration that was kept last; None without one, or if it is another version's."""
    try:
        return msgspec.json.decode((state_folder() / "last-good.json").read_bytes(), type=Config)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
