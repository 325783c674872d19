"""Who may come in: a request shows the token, comes from this page, and is neither large nor too frequent."""

import hmac
import time
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "digit-appliance"
LARGEST = 64 * 2**10
"""Bytes of a request's body; a configuration has a few thousand."""
A_YEAR = 365 * 24 * 3600

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
"""What every answer says."""

SHUT = "Open this page by its link: sudo digit-appliance url shows it.\n"


class Allowance:
    """So many requests a second for each client, and a few at once more."""

    def __init__(self, rate: float, burst: float, clients: int = 1000) -> None:
        self._rate, self._burst, self._clients = rate, burst, clients
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str) -> bool:
        """Takes one from what is left to a client, if there is any; the longest unseen are forgotten."""
        now = time.monotonic()
        left, seen = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - seen) * self._rate)
        self._left[client] = max(0.0, left - 1), now
        while len(self._left) > self._clients:
            self._left.popitem(last=False)
        return left >= 1


class Refused(Exception):  # noqa: N818 (it is no error of ours)
    """Why a request is not let in."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(frozen=True, slots=True)
class _Shown:
    """A token, and how it was shown."""

    token: str
    by: str


class Guard:
    """Stands before the application, for requests and sockets alike."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()
        self._welcome, self._strangers = Allowance(50, 400), Allowance(2, 20)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through or answers it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            shown = self._check(scope)
        except Refused as refused:
            await _refuse(refused, scope, receive, send)
            return

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if shown.by == "link":
                    headers.append("Set-Cookie", _cookie(shown.token))
            await send(message)

        await self._app(scope, _limited(receive) if scope["type"] == "http" else receive, send_on)

    def _check(self, scope: Scope) -> _Shown:
        headers, client = Headers(scope=scope), (scope.get("client") or ("",))[0]
        shown = _shown(scope, headers)
        if shown is None or not hmac.compare_digest(shown.token.encode(), self._token):
            if not self._strangers.allows(client):
                raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "Too many tries; wait a little.\n")
            raise Refused(HTTPStatus.UNAUTHORIZED, SHUT)
        if not self._welcome.allows(client):
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests; wait a little.\n")
        if scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"):
            _check_origin(headers, shown)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > LARGEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {LARGEST} bytes.\n")
        return shown


def _shown(scope: Scope, headers: Headers) -> _Shown | None:
    """The token that a request shows: a bearer header counts before the link, and that before the cookie."""
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return _Shown(bearer.strip(), "bearer")
    if asked := parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token"):
        return _Shown(asked[0], "link")
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return _Shown(morsel.value, "cookie") if morsel else None


def _check_origin(headers: Headers, shown: _Shown) -> None:
    """A browser says where a write or a socket comes from; only without a cookie may that be missing."""
    origin = headers.get("origin")
    if origin is None and shown.by != "cookie" and headers.get("sec-fetch-site", "none") == "none":
        return
    if origin is None or _place(origin) != headers.get("host", "").lower():
        raise Refused(HTTPStatus.FORBIDDEN, "This comes from another page.\n")


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _cookie(token: str) -> str:
    return f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={A_YEAR}"


def _limited(receive: Receive) -> Receive:
    """Refuses a body that is longer than its header said, or that said nothing."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LARGEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {LARGEST} bytes.\n")
        return message

    return counted


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refused.why.strip()})
        return
    headers = dict(HEADERS)
    if refused.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="digit-appliance"'
    if refused.status is HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = "5"
    if scope["method"] not in ("GET", "HEAD"):
        headers["Connection"] = "close"  # whatever is left of the body is not waited for
    await PlainTextResponse(refused.why, refused.status, headers)(scope, receive, send)
