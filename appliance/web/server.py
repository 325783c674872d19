"""uvicorn with the application behind the guard, in whatever thread runs it."""

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

import uvicorn

from appliance.web.api import application
from appliance.web.guard import Guard

if TYPE_CHECKING:
    from appliance.web.page import Page

CONNECTIONS = 200
"""At once; more are told to come again."""


class Server:
    """Serves one page on one socket."""

    def __init__(self, page: "Page", token: str) -> None:
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        config = uvicorn.Config(
            Guard(application(page), token),
            http="h11",
            ws="websockets-sansio",
            ws_max_size=1024,
            ws_per_message_deflate=False,
            log_config=None,
            access_log=False,  # addresses in it would hold the token
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=16 * 2**10,
        )
        self._server = uvicorn.Server(config)

    def run(self, listener: socket.socket) -> None:
        """Serves until it is stopped."""
        asyncio.run(self._server.serve([listener]))

    def stop(self) -> None:
        """Ends serving soon; from any thread."""
        self._server.should_exit = True
