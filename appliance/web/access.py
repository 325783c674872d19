"""The token that opens the page, and the links that carry it."""

import logging
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.state import state_folder

log = logging.getLogger(__name__)

SHORTEST = 16
"""Characters that a token chosen by the owner must have."""


def token_file() -> Path:
    """Where the token lies, for the service's user and root only."""
    return state_folder() / "token"


def read_token() -> str:
    """The token on this machine. Raises `ApplianceError`, which says who may read it."""
    path = token_file()
    try:
        token = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise ApplianceError(f"{path} is not there yet: the service makes it at its first start") from None
    except PermissionError:
        raise ApplianceError(f"{path} may be read by the service and root only: use sudo") from None
    except UnicodeDecodeError:
        token = ""
    if len(token) < SHORTEST:
        raise ApplianceError(f"{path} holds no token: remove it, and the next start makes a new one")
    return token


def make_token() -> tuple[str, bool]:
    """The token on this machine, made if there is none, and whether it is kept.

    Where it cannot be, it is good for this run only.
    """
    token = secrets.token_urlsafe(24)
    try:
        descriptor = os.open(token_file(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(descriptor)
        return token, True
    except FileExistsError:
        pass
    except OSError as error:
        log.debug("the token is not kept: %s", error)
        return token, False
    try:
        return read_token(), True
    except ApplianceError as error:
        log.warning("%s", error)
        return token, False


def links(address: tuple[str, int], token: str) -> list[str]:
    """The page's links, that for this network first: by its number, for phones may not know names."""
    host, port = address
    if host in ("0.0.0.0", "::"):
        names = [*_own_address(), f"{socket.gethostname().partition('.')[0]}.local"]
    else:
        names = [f"[{host}]" if ":" in host else host]
    return [f"http://{name}:{port}/?token={token}" for name in names]


def _own_address() -> list[str]:
    """This machine's address in its network; connecting a datagram socket sends nothing."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return [probe.getsockname()[0]]
    return []
