"""What the page answers: a table of operations, from which both the routes and the OpenAPI document come."""

import asyncio
import csv
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from appliance.corrections import CROP, FRAME, Correction, advice, counted
from appliance.errors import ApplianceError, ConfigError, CorrectionError, NoCorrectionError
from appliance.health import Health
from appliance.web.guard import Refused
from appliance.web.live import MOST, Publisher
from appliance.web.messages import (
    Answer,
    Change,
    Collection,
    Kept,
    KeptCorrection,
    Live,
    NewCorrection,
    NewSetup,
    Problem,
    Setup,
)
from appliance.web.metrics import metrics
from appliance.web.page import Page
from appliance.web.settings import listed

STATIC = Path(__file__).parent / "static"
FILES = {
    "/": "page.html",
    "/page.css": "page.css",
    "/page.js": "page.js",
    "/icon.svg": "icon.svg",
}
"""The only files that are ever sent."""
LISTED = 200
"""Corrections that are listed, the newest."""
RELOADING = 10.0
"""Seconds that a reload may take before the answer does without it."""

Handler = Callable[["Desk", Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to be asked of the API."""

    method: str
    path: str
    handler: Handler
    summary: str
    gives: Any = None
    """The type of a JSON answer, or the media type of another; None for an empty one."""
    takes: Any = None
    """The type of the JSON body."""
    problems: tuple[int, ...] = ()
    """What may be wrong, besides what may be so with every request."""


class Desk:
    """What handlers need: the page, and who makes its views."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.publisher: Publisher

    @asynccontextmanager
    async def open(self, _: Starlette) -> AsyncIterator[None]:
        """Publishes views for as long as the application runs."""
        self.publisher = Publisher(self.page)
        task = asyncio.create_task(self.publisher.publish())
        yield
        task.cancel()


def _json(answer: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status, media_type="application/json")


def _problem(status: HTTPStatus, error: str) -> Response:
    return _json(Problem(error, status.value), status)  # type: ignore[arg-type] # those of the table


async def _body(request: Request, kind: Any) -> Any:
    return msgspec.json.decode(await request.body(), type=kind)


# --- What is seen ---------------------------------------------------------------------------------


async def _reading(desk: Desk, _: Request) -> Response:
    async with desk.publisher.look() as view:
        return Response((await view()).message, media_type="application/json")


async def _stream(desk: Desk, _: Request) -> Response:
    async def events() -> AsyncIterator[bytes]:
        async with desk.publisher.look() as view:
            while True:
                yield b"event: reading\ndata: " + (await view()).message + b"\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def _picture(desk: Desk, _: Request) -> Response:
    async with desk.publisher.look(pictures=True) as view:
        picture = (await view()).picture
    if not picture:
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "there is no picture now")
    return Response(picture, media_type="image/jpeg")


async def _live(websocket: WebSocket) -> None:
    desk: Desk = websocket.app.state.desk
    if desk.publisher.viewers >= MOST:
        await websocket.close(1013, "too many viewers")
        return
    await websocket.accept()
    gone = asyncio.create_task(websocket.receive())
    aim = websocket.query_params.get("aim") == "1"
    with suppress(WebSocketDisconnect):
        async with desk.publisher.look(pictures=True, aim=aim) as next_view:
            while True:
                coming = asyncio.ensure_future(next_view())
                await asyncio.wait((gone, coming), return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    coming.cancel()
                    break
                view = coming.result()
                await websocket.send_text(view.message.decode())
                if view.picture:
                    await websocket.send_bytes(view.picture)
    gone.cancel()


async def _health(desk: Desk, _: Request) -> Response:
    return _json(desk.page.monitor.health())


async def _metrics(desk: Desk, _: Request) -> Response:
    corrections = await asyncio.to_thread(desk.page.corrections.all)
    text = metrics(desk.page.monitor.health(), counted(corrections), desk.publisher.viewers)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _history(desk: Desk, _: Request) -> Response:
    return _json([Change(*change) for change in list(desk.page.changes)])


async def _history_csv(desk: Desk, _: Request) -> Response:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("time", "text", "confidence"))
    for when, text, confidence in list(desk.page.changes):
        writer.writerow((_iso(when), text, confidence))
    headers = {"Content-Disposition": 'attachment; filename="history.csv"'}
    return Response(table.getvalue(), headers=headers, media_type="text/csv")


def _iso(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


# --- What is put right ----------------------------------------------------------------------------


async def _corrections(desk: Desk, _: Request) -> Response:
    return _json(await asyncio.to_thread(_collection, desk))


def _collection(desk: Desk) -> Collection:
    store = desk.page.corrections
    found = store.all()
    return Collection(
        [_kept(one) for one in reversed(found[-LISTED:])],
        list(counted(found).values()),
        sum(one.waits for one in found),
        store.settings.most,
        advice(found),
    )


def _kept(one: Correction) -> KeptCorrection:
    value = None if isinstance(one.value, msgspec.UnsetType) else one.value
    return KeptCorrection(one.id, one.time, value, one.waits, one.read, one.confidence)


async def _add(desk: Desk, request: Request) -> Response:
    new: NewCorrection = await _body(request, NewCorrection)
    sight = desk.page.lately.get(new.frame)
    if sight is None:
        return _problem(HTTPStatus.CONFLICT, f"frame {new.frame} is gone: only the last ones shown are there")
    one = await asyncio.to_thread(sight.keep, desk.page.corrections, new.place, new.value)
    return _json(_kept(one), 201)


async def _answer(desk: Desk, request: Request) -> Response:
    answer: Answer = await _body(request, Answer)
    one = await asyncio.to_thread(desk.page.corrections.answer, request.path_params["id"], answer.value)
    return _json(_kept(one))


async def _delete(desk: Desk, request: Request) -> Response:
    await asyncio.to_thread(desk.page.corrections.delete, request.path_params["id"])
    return Response(status_code=204)


async def _crop(desk: Desk, request: Request) -> Response:
    data = await asyncio.to_thread(desk.page.corrections.picture, request.path_params["id"], CROP)
    return Response(data, media_type="image/png")


async def _frame(desk: Desk, request: Request) -> Response:
    data = await asyncio.to_thread(desk.page.corrections.picture, request.path_params["id"], FRAME)
    return Response(data, media_type="image/jpeg")


async def _export(desk: Desk, _: Request) -> Response:
    store, archive = desk.page.corrections, io.BytesIO()

    def export() -> None:
        store.export([one.id for one in store.answered()], archive)

    await asyncio.to_thread(export)
    headers = {"Content-Disposition": 'attachment; filename="corrections.tar"'}
    return Response(archive.getvalue(), headers=headers, media_type="application/x-tar")


# --- What is set up -------------------------------------------------------------------------------


async def _setup(desk: Desk, _: Request) -> Response:
    return _json(await asyncio.to_thread(_describe_setup, desk))


def _describe_setup(desk: Desk) -> Setup:
    configurations, service = desk.page.configurations, desk.page.service
    return Setup(
        str(configurations.file),
        configurations.text(),
        service.refused,
        listed(desk.page.in_use()),
        configurations.kept(),
    )


async def _change_setup(desk: Desk, request: Request) -> Response:
    new: NewSetup = await _body(request, NewSetup)
    await asyncio.to_thread(desk.page.configurations.write, new.text, desk.page.service.config)
    return await _reloaded(desk)


async def _kept_setup(desk: Desk, request: Request) -> Response:
    name = request.path_params["name"]
    if name not in desk.page.configurations.kept():
        return _problem(HTTPStatus.NOT_FOUND, f"there is no kept configuration {name!r}")
    return _json(Kept(name, desk.page.configurations.text(name)))


async def _bring_back(desk: Desk, request: Request) -> Response:
    name = request.path_params["name"]
    if name not in desk.page.configurations.kept():
        return _problem(HTTPStatus.NOT_FOUND, f"there is no kept configuration {name!r}")
    await asyncio.to_thread(desk.page.configurations.bring_back, name)
    return await _reloaded(desk)


async def _reloaded(desk: Desk) -> Response:
    """Has the service take the file over, and tells how that went."""
    service, until = desk.page.service, time.monotonic() + RELOADING
    before = service.reloads
    desk.page.requests.reload = True
    while service.reloads == before and time.monotonic() < until:
        await asyncio.sleep(0.05)
    return await _setup(desk, Request({"type": "http"}))


async def _document(desk: Desk, _: Request) -> Response:
    from appliance.web.openapi import document

    return _json(document(OPERATIONS))


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/api/reading", _reading, "What is seen and read now", Live),
    Operation(
        "GET", "/api/stream", _stream, "The same again and again, as server-sent events", "text/event-stream"
    ),
    Operation("GET", "/api/picture", _picture, "The camera's picture", "image/jpeg", problems=(503,)),
    Operation("GET", "/api/health", _health, "How the service fares", Health),
    Operation("GET", "/metrics", _metrics, "The same for Prometheus", "text/plain"),
    Operation(
        "GET", "/api/history", _history, "The reading's changes since the start, oldest first", list[Change]
    ),
    Operation("GET", "/api/history.csv", _history_csv, "The same as a table", "text/csv"),
    Operation("GET", "/api/corrections", _corrections, "What was put right", Collection, problems=(507,)),
    Operation(
        "POST",
        "/api/corrections",
        _add,
        "Say that something was read wrong",
        KeptCorrection,
        NewCorrection,
        (404, 409, 507),
    ),
    Operation("PUT", "/api/corrections/{id}", _answer, "Say what it is", KeptCorrection, Answer, (404, 507)),
    Operation("DELETE", "/api/corrections/{id}", _delete, "Forget a correction", problems=(404, 507)),
    Operation(
        "GET", "/api/corrections/{id}/crop.png", _crop, "Its 28x28 pixels", "image/png", problems=(404, 507)
    ),
    Operation(
        "GET",
        "/api/corrections/{id}/frame.jpg",
        _frame,
        "The frame it was in",
        "image/jpeg",
        problems=(404, 507),
    ),
    Operation(
        "GET",
        "/api/corrections.tar",
        _export,
        "All that were answered, to train with",
        "application/x-tar",
        problems=(404, 507),
    ),
    Operation(
        "GET",
        "/api/configuration",
        _setup,
        "The configuration, in its file and in use",
        Setup,
        problems=(422,),
    ),
    Operation(
        "PUT", "/api/configuration", _change_setup, "Change the file, and have it taken over", Setup, NewSetup
    ),
    Operation(
        "GET",
        "/api/configuration/kept/{name}",
        _kept_setup,
        "One that was in use before",
        Kept,
        problems=(404, 422),
    ),
    Operation(
        "POST",
        "/api/configuration/kept/{name}",
        _bring_back,
        "Bring that one back",
        Setup,
        problems=(404, 422),
    ),
    Operation("GET", "/api/openapi.json", _document, "This document", dict[str, Any]),
)
"""Everything that can be asked."""


def application(page: Page) -> Starlette:
    """The page and its API, for whoever has been let in."""
    desk = Desk(page)
    routes: list[Route | WebSocketRoute] = [
        Route(path, _file(STATIC / name), methods=["GET"]) for path, name in FILES.items()
    ]
    for path in dict.fromkeys(operation.path for operation in OPERATIONS):
        here = {one.method: one.handler for one in OPERATIONS if one.path == path}
        routes.append(Route(path, _asking(desk, here), methods=list(here)))
    routes.append(WebSocketRoute("/api/live", _live))
    app = Starlette(routes=routes, lifespan=desk.open, exception_handlers=PROBLEMS)
    app.state.desk = desk
    return app


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def send(_: Request) -> Response:
        return FileResponse(path)

    return send


def _asking(desk: Desk, handlers: dict[str, Handler]) -> Callable[[Request], Awaitable[Response]]:
    async def ask(request: Request) -> Response:
        handler = handlers.get(request.method) or handlers["GET"]  # HEAD
        return await handler(desk, request)

    return ask


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return PlainTextResponse(error.why, error.status)


def _saying(status: HTTPStatus) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def say(_: Request, error: Exception) -> Response:
        return _problem(status, str(error))

    return say


PROBLEMS: dict[Any, Any] = {
    Refused: _refused,
    msgspec.ValidationError: _saying(HTTPStatus.UNPROCESSABLE_ENTITY),
    msgspec.DecodeError: _saying(HTTPStatus.BAD_REQUEST),
    UnicodeDecodeError: _saying(HTTPStatus.BAD_REQUEST),
    ConfigError: _saying(HTTPStatus.UNPROCESSABLE_ENTITY),
    NoCorrectionError: _saying(HTTPStatus.NOT_FOUND),
    CorrectionError: _saying(HTTPStatus.INSUFFICIENT_STORAGE),
    ApplianceError: _saying(HTTPStatus.SERVICE_UNAVAILABLE),
}
"""How what goes wrong is answered."""
