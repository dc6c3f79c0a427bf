"""What the HTTP side offers, for programs: OpenAPI 3.1. tests/test_application.py holds it against the routes."""

from __future__ import annotations

from typing import Any


def _answer(what: str, schema: dict[str, Any] | None = None, kind: str = "application/json") -> dict[str, Any]:
    return {"description": what, "content": {kind: {"schema": schema or {"type": "string"}}}}


def _parameter(name: str, where: str, what: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "description": what, "schema": schema}


_TOLD = ("id", "seq", "url", "duration_ms", "codec", "bytes", "sha256")  # what an uploader hears of its note
_NOTE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "32 lower-case hex digits"},
        "seq": {"type": "integer", "description": "place in the room, from 1"},
        "room": {"type": "string"},
        "sender": {"type": "string"},
        "timestamp_ms": {"type": "integer", "description": "when it was recorded, milliseconds since 1970"},
        "duration_ms": {"type": "integer"},
        "codec": {"type": "string"},
        "bytes": {"type": "integer", "description": "of its file; of its packets, where it came as these"},
        "sha256": {"type": "string", "description": "of the same"},
        "type": {"type": ["string", "null"], "description": "of the file that was uploaded"},
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
_TAKEN = {
    "type": "object",
    "properties": {name: _NOTE["properties"][name] for name in _TOLD},
}
_NOTE_ID: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}
_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
_KEY = _parameter("Idempotency-Key", "header", "the note's id; sent twice, it is taken once", **_NOTE_ID)
_TUS = {**_parameter("Tus-Resumable", "header", "the version", const="1.0.0"), "required": True}
_SENT = {
    "201": _answer("the note has its place; Location says where its file is", _TAKEN),
    "200": _answer("it had its place already", _TAKEN),
    "default": _FAILED,
}
_FORM = {
    "type": "object",
    "description": "file: a whole note; data: a part of one, with fileId, chunkIndex and totalChunks",
    "properties": {
        **dict.fromkeys(("room", "sender", "filename", "type", "fileId"), _TEXT),
        **dict.fromkeys(("chunkIndex", "totalChunks", "chunkSize"), _COUNT),
        **dict.fromkeys(("file", "data"), _BYTES),
    },
}


def _tus(summary: str, *codes: str) -> dict[str, Any]:
    return {
        "summary": f"{summary} (tus 1.0: tus.io/protocols/resumable-upload)",
        "parameters": [] if codes == ("204",) else [_TUS],
        "responses": {code: {"description": "as tus says"} for code in codes} | {"default": _FAILED},
    }


def _upload(what: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": what, "required": True, "content": content}


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
            },
            "put": {
                "summary": "A note as a file: the body of the request",
                "parameters": [
                    _parameter("room", "path", "the room's name", type="string"),
                    _parameter("sender", "query", "whose note it is", type="string", default="guest"),
                    _KEY,
                ],
                "requestBody": _upload("the file", {"audio/*": {}}),
                "responses": _SENT,
            },
        },
        "/upload": {
            "post": {
                "summary": "A note, or a part of one, by a form",
                "parameters": [_KEY],
                "requestBody": _upload("the form", {"multipart/form-data": {"schema": _FORM}}),
                "responses": _SENT,
            }
        },
        "/upload/{fileId}": {
            "get": {
                "summary": "What has arrived of an upload in parts, and what is missing",
                "parameters": [_parameter("fileId", "path", "the sender's name for it", type="string")],
                "responses": {"200": _answer("numbers of parts", {"type": "object"}), "default": _FAILED},
            }
        },
        "/files/": {
            "post": _tus("Begin an upload that can be resumed", "201"),
            "options": _tus("What is spoken here", "204"),
        },
        "/files/{id}": {
            "parameters": [_parameter("id", "path", "the upload's id, and its note's", **_NOTE_ID)],
            "head": _tus("How far it is", "200"),
            "patch": _tus("Go on", "200", "204"),
            "delete": _tus("Give it up", "204"),
        },
        "/audio/{id}": {
            "get": {
                "summary": "A note as a file that players open, or a part of it by Range, If-Range, If-None-Match",
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
