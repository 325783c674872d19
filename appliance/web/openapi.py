"""The OpenAPI document, made of the operations and the types that they really send and take."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from appliance import __version__
from appliance.configurations import ID as KEPT_ID
from appliance.corrections import ID as CORRECTION_ID
from appliance.web.api import Operation
from appliance.web.messages import Problem

PARAMETERS = {"id": CORRECTION_ID, "name": KEPT_ID}
"""What stands in paths, and what it looks like."""

TEXT = {"text/plain": {"schema": {"type": "string"}}}
EVERYWHERE = {
    401: "Without the token",
    429: "Too many requests",
    503: "Too many connections",
}
WRITING = {
    400: "Not JSON",
    403: "From another page",
    413: "Too long",
    422: "Not what is wanted here",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Describes the operations."""
    kinds = [Problem, *(kind for one in operations for kind in (one.gives, one.takes) if _is_type(kind))]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    known = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _describe(one, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Digit appliance",
            "version": __version__,
            "description": "What the appliance sees and reads. `/api/live` is a WebSocket: each text is a "
            "`Live`, and after it comes the picture as a binary JPEG, if there is one.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "link": {"type": "apiKey", "in": "query", "name": "token"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "digit-appliance"},
            },
        },
        "security": [{"bearer": []}, {"link": []}, {"cookie": []}],
    }


def _describe(one: Operation, known: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": one.summary,
        "operationId": one.handler.__name__.strip("_"),
        "responses": _responses(one, known),
    }
    if names := re.findall(r"{(\w+)}", one.path):
        described["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": f"^{PARAMETERS[name]}$"},
            }
            for name in names
        ]
    if one.takes is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": known[repr(one.takes)]}},
        }
    return described


def _responses(one: Operation, known: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/json": {"schema": known[repr(Problem)]}}
    answers: dict[str, Any] = {}
    for status in one.problems:
        answers[str(status)] = {"description": "It could not be done", "content": problem}
    if one.takes is not None:
        for status in (400, 422):
            answers[str(status)] = {"description": WRITING[status], "content": problem}
    if one.method != "GET":
        for status in (403, 413):
            answers[str(status)] = {"description": WRITING[status], "content": TEXT}
    for status, text in EVERYWHERE.items():
        content = dict(TEXT) | (problem if status in one.problems else {})
        answers[str(status)] = {"description": text, "content": content}
    answers[_success(one)] = _good(one, known)
    return answers


def _success(one: Operation) -> str:
    if one.gives is None:
        return "204"
    return "201" if one.method == "POST" and one.takes is not None else "200"


def _good(one: Operation, known: dict[str, Any]) -> dict[str, Any]:
    if one.gives is None:
        return {"description": "Done"}
    if _is_type(one.gives):
        content: dict[str, Any] = {"application/json": {"schema": known[repr(one.gives)]}}
    else:
        content = {one.gives: {}}
    return {"description": one.summary, "content": content}


def _is_type(kind: Any) -> bool:
    return kind is not None and not isinstance(kind, str)
