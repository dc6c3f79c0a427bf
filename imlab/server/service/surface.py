"""The service over HTTP, as one table: what is asked becomes steps, their result an answer. No I/O, as the handlers.

| path            | methods   | answer                                                      |
|-----------------|-----------|-------------------------------------------------------------|
| /recordings/ID  | GET, HEAD | 200 the recording, framed; 404                              |
| /recordings     | POST      | of a framed recording: 201 {"id", "seq"}, it is durable     |
| /rooms/ROOM     | GET, HEAD | 200 its newest notes, framed, without sound; ?newest=N      |
| /healthz        | GET, HEAD | 200 ok                                                      |
| /metrics        | GET, HEAD | 200 counters, in the text format that Prometheus scrapes    |

Errors are JSON and name their side: {"error", "fault", "detail"}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import parse_qsl

from imlab.errors import DoorError, PeerError
from imlab.server.service.handlers import Service
from imlab.server.service.wants import Steps
from imlab.wire import limits
from imlab.wire.messages import VoiceMessage
from imlab.wire.recording import Recording

LARGEST = 4 << 20  # bytes of a request: 3 MB of sound in base64, 15 minutes at 24 kbit/s
LISTED = 20  # notes, where none are named: what a screen shows
MOST_LISTED = 200
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4"
_ID = re.compile(f"[0-9a-f]{{{limits.ID}}}")
_COUNT = re.compile("[1-9][0-9]{0,5}")


class Framed(Protocol):
    """Recordings as bytes (wire/framings.py)."""

    @property
    def media_type(self) -> str:
        """Its media type."""
        ...

    def encode(self, recording: Recording) -> bytes:
        """One."""
        ...

    def decode(self, data: bytes) -> Recording:
        """One again; PeerError: these are not its bytes."""
        ...

    def encode_list(self, notes: Sequence[VoiceMessage]) -> bytes:
        """Notes without sound."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. path, query: as in the URL, percent signs resolved in the path alone. body: at most LARGEST + 1 bytes,

    so that one byte too many can be seen.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. headers: all but those of the connection; body: empty where HEAD asked."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, status: int, kind: str, body: bytes, *more: tuple[str, str]) -> Answer:
        """With its media type and its length."""
        return cls(status, (("content-type", kind), ("content-length", str(len(body))), *more), body)


class Refusal(Exception):
    """A request is answered by an error. error: its name for programs."""

    def __init__(self, status: int, error: str, detail: str, *headers: tuple[str, str]) -> None:
        super().__init__(detail)
        self.status, self.error, self.headers = status, error, headers


Handle = Callable[[str, Asked], Steps[Answer]]  # told what the path ends in


class Surface:
    """The table. metrics: the counters of everything, in Prometheus' format."""

    def __init__(self, service: Service, framed: Framed, metrics: Callable[[], str]) -> None:
        self._service, self._framed, self._metrics = service, framed, metrics
        self._table: Mapping[tuple[str, bool], Mapping[str, Handle]] = {  # first word, is there a second -> by method
            ("recordings", True): {"GET": self._fetch},
            ("recordings", False): {"POST": self._send},
            ("rooms", True): {"GET": self._newest},
            ("healthz", False): {"GET": self._health},
            ("metrics", False): {"GET": self._told},
        }

    def answer(self, asked: Asked) -> Steps[Answer]:
        """The answer, whatever comes; only what is a fault of ours in this program goes through."""
        try:
            answer = yield from self._routed(asked)
        except Refusal as error:
            answer = refused(error.status, error.error, "peer", str(error), *error.headers)
        except PeerError as error:
            answer = refused(400, "bad_request", "peer", str(error))
        except DoorError as error:
            answer = refused(503, "unavailable", "server", str(error))
        return replace(answer, body=b"") if asked.method == "HEAD" else answer

    def _routed(self, asked: Asked) -> Steps[Answer]:
        if len(asked.body) > LARGEST:
            raise Refusal(413, "too_large", f"a request has at most {LARGEST} bytes")
        place, slash, rest = asked.path.lstrip("/").partition("/")
        methods = self._table.get((place, bool(slash)))
        if methods is None:
            raise Refusal(404, "not_found", f"there is nothing at {asked.path!r:.200}")
        handle = methods.get("GET" if asked.method == "HEAD" else asked.method)
        if handle is None:
            allowed = ", ".join(("GET", "HEAD") if "GET" in methods else methods)
            raise Refusal(405, "method_not_allowed", f"here is {allowed}, not {asked.method:.20}", ("allow", allowed))
        return (yield from handle(rest, asked))

    def _fetch(self, id: str, asked: Asked) -> Steps[Answer]:
        recording = (yield from self._service.fetch(id)) if _ID.fullmatch(id) else None
        if recording is None:
            raise Refusal(404, "not_found", f"there is no note {id!r:.60}")
        return Answer.of(200, self._framed.media_type, self._framed.encode(recording))

    def _send(self, _: str, asked: Asked) -> Steps[Answer]:
        recording = self._framed.decode(asked.body)
        sequence = yield from self._service.send(recording)
        return Answer.of(201, JSON, json.dumps({"id": recording.note.id, "seq": sequence}).encode())

    def _newest(self, room: str, asked: Asked) -> Steps[Answer]:
        if not (1 <= len(room) <= limits.NAME and room.isprintable()):
            raise PeerError(f"a room is 1..{limits.NAME} printable characters, not {room!r:.60}")
        notes = yield from self._service.newest(room, _count(asked.query))
        return Answer.of(200, self._framed.media_type, self._framed.encode_list(notes))

    def _health(self, _: str, asked: Asked) -> Steps[Answer]:
        yield from ()
        return Answer.of(200, TEXT, b"ok\n")

    def _told(self, _: str, asked: Asked) -> Steps[Answer]:
        yield from ()
        return Answer.of(200, PROMETHEUS, self._metrics().encode())


def refused(status: int, error: str, fault: str, detail: str, *headers: tuple[str, str]) -> Answer:
    """An error."""
    told = json.dumps({"error": error, "fault": fault, "detail": detail})
    return Answer.of(status, JSON, told.encode(), *headers)


def _count(query: str) -> int:
    said = dict(parse_qsl(query, keep_blank_values=True)).get("newest", str(LISTED))
    if not _COUNT.fullmatch(said) or int(said) > MOST_LISTED:
        raise PeerError(f"newest is 1..{MOST_LISTED}, not {said!r:.60}")
    return int(said)
