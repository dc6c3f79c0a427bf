"""What the HTTP side offers, for programs: OpenAPI 3.1. tests/test_media.py holds it against the routes."""

from __future__ import annotations

from typing import Any


def _answer(what: str, schema: dict[str, Any] | None = None, kind: str = "application/json") -> dict[str, Any]:
    return {"description": what, "content": {kind: {"schema": schema or {"type": "string"}}}}


def _parameter(name: str, where: str, what: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "description": what, "schema": schema}


_NOTE = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "32 lower-case hex digits"},
        "seq": {"type": "integer", "description": "place in the room, from 1"},
        "room": {"type": "string"},
        "sender": {"type": "string"},
        "timestamp_ms": {"type": "integer", "description": "when it was recorded, milliseconds since 1970"},
        "duration_ms": {"type": "integer"},
        "codec": {"type": "string"},
        "bytes": {"type": "integer", "description": "of coded audio, without a container"},
        "sha256": {"type": "string", "description": "of the coded audio"},
        "waveform": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}},
        "url": {"type": "string"},
    },
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "fault": {"enum": ["peer", "server"]},
        "detail": {"type": "string"},
    },
}
_FAILED = _answer("what is wrong, and whose fault it is", _ERROR)

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "imlab", "version": "1", "description": "Voice notes over HTTP; live ones come by WebSocket."},
    "paths": {
        "/notes/{room}": {
            "get": {
                "summary": "A room's notes in order, as many as a page holds; ask again after the last until none come",
                "parameters": [
                    _parameter("room", "path", "the room's name", type="string"),
                    _parameter("after", "query", "a sequence", type="integer", minimum=0, default=0),
                ],
                "responses": {"200": _answer("the notes", {"type": "array", "items": _NOTE}), "default": _FAILED},
            }
        },
        "/audio/{id}": {
            "get": {
                "summary": "A note as a file that players open; one byte range, If-Range, If-None-Match",
                "parameters": [_parameter("id", "path", "the note's id", type="string")],
                "responses": {
                    "200": _answer("the file", kind="audio/ogg"),
                    "206": _answer("the part that was asked for", kind="audio/ogg"),
                    "304": {"description": "the asker has it"},
                    "default": _FAILED,
                },
            }
        },
        "/healthz": {"get": {"summary": "Is it alive?", "responses": {"200": _answer("ok", kind="text/plain")}}},
        "/metrics": {"get": {"summary": "Prometheus", "responses": {"200": _answer("counters", kind="text/plain")}}},
        "/openapi.json": {"get": {"summary": "This", "responses": {"200": _answer("OpenAPI", {"type": "object"})}}},
    },
}
