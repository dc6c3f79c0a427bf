"""The service over HTTP as a table: every line of it, and all that may be asked wrongly. No sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from imlab.errors import DoorError
from imlab.server.service.caching import Caching
from imlab.server.service.handlers import Service
from imlab.server.service.surface import LARGEST, Answer, Asked, Surface
from imlab.server.service.wants import Add, Find, Get, Keep, Look, Newest, Put, Share, Steps
from imlab.wire.framings import Json, Protobuf
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from imlab.wire.recording import Recording

FRAMINGS = (Json(), Protobuf())
ID = "0f" * 16
BODY = bytes(range(256)) * 8


def recording(id: str = ID, body: bytes = BODY, room: str = "tea") -> Recording:
    """A note with its sound."""
    file = File(sha256(body).hexdigest(), len(body), "audio/ogg")
    note = VoiceMessage(id, "ann", room, 1_700_000_000_000, 2_000, "opus", PacketLayout(), 0, b"", b"\1\2", file=file)
    return Recording(note, body)


class World:
    """Answers wants out of memory; ``dead``: the kinds whose door fails."""

    def __init__(self, *dead: type) -> None:
        self._dead = dead
        self.notes: dict[str, VoiceMessage] = {}
        self.bodies: dict[str, bytes] = {}
        self.second: dict[bytes, bytes] = {}

    def run(self, steps: Steps[Any]) -> Any:
        """To the end."""
        answer: Any = None
        error: DoorError | None = None
        while True:
            try:
                want = steps.throw(error) if error else steps.send(answer)
            except StopIteration as end:
                return end.value
            answer, error = None, None
            try:
                answer = self._do(want)
            except DoorError as failed:
                error = failed

    def _do(self, want: Any) -> Any:
        if isinstance(want, self._dead):
            raise DoorError(f"no {type(want).__name__} today")
        match want:
            case Find(id):
                return self.notes.get(id)
            case Newest(room, count):
                return tuple(note for note in reversed(self.notes.values()) if note.room == room)[:count]
            case Add(note):
                return self.notes.setdefault(note.id, note.placed(len(self.notes) + 1)).sequence
            case Get(key):
                return self.bodies[key]
            case Put(key, body):
                self.bodies[key] = body
            case Look(key):
                return self.second.get(key)
            case Keep(key, value):
                self.second[key] = value
            case Share(_, steps):
                return self.run(steps())
        return None


def asking(
    world: World, framing: Json | Protobuf = FRAMINGS[0], caching: Caching | None = None
) -> Callable[[Asked], Answer]:
    """A surface before it."""
    surface = Surface(Service(caching or Caching()), framing, lambda: "counted 1\n")

    def ask(asked: Asked) -> Answer:
        answer: Answer = world.run(surface.answer(asked))
        return answer

    return ask


def filled(*dead: type) -> World:
    """A world with one note."""
    world = World(*dead)
    note = recording()
    assert note.note.file
    world.notes[ID], world.bodies[note.note.file.sha256] = note.note.placed(1), BODY
    return world


@pytest.mark.parametrize("framing", FRAMINGS, ids=repr)
@pytest.mark.parametrize("caching", [Caching(), Caching(1, True, True, True)], ids=repr)
def test_what_is_sent_is_fetched_and_listed(framing: Json | Protobuf, caching: Caching) -> None:
    ask = asking(World(), framing, caching)
    sent = recording()
    for _ in range(2):  # sent again, it is the same note
        answer = ask(Asked("POST", "/recordings", body=framing.encode(sent)))
        assert (answer.status, json.loads(answer.body)) == (201, {"id": ID, "seq": 1})
    for _ in range(2):
        answer = ask(Asked("GET", f"/recordings/{ID}"))
        assert (answer.status, dict(answer.headers)["content-type"]) == (200, framing.media_type)
        assert framing.decode(answer.body) == replace(sent, note=sent.note.placed(1))
    other = recording("1e" * 16, b"other")
    assert ask(Asked("POST", "/recordings", body=framing.encode(other))).status == 201
    listed = ask(Asked("GET", "/rooms/tea"))
    assert [note.id for note in framing.decode_list(listed.body)] == ["1e" * 16, ID]
    assert len(framing.decode_list(ask(Asked("GET", "/rooms/tea", "newest=1")).body)) == 1


PAGES = [
    (Asked("GET", "/healthz"), 200, "text/plain; charset=utf-8", b"ok\n"),
    (Asked("GET", "/metrics"), 200, "text/plain; version=0.0.4", b"counted 1\n"),
    (Asked("GET", "/rooms/nobody"), 200, "application/json", b'{"notes":[]}'),
    (Asked("GET", "/rooms/a/b"), 200, "application/json", b'{"notes":[]}'),
    (Asked("GET", "//healthz"), 200, "text/plain; charset=utf-8", b"ok\n"),
]


@pytest.mark.parametrize(("asked", "status", "kind", "body"), PAGES, ids=lambda value: str(value)[:60])
def test_pages(asked: Asked, status: int, kind: str, body: bytes) -> None:
    answer = asking(World())(asked)
    assert answer == Answer.of(status, kind, body)
    head = asking(World())(replace(asked, method="HEAD"))
    assert head == replace(answer, body=b""), "the length is told, the body is not sent"


ERRORS = [
    ("no such note", Asked("GET", "/recordings/" + "ab" * 16), 404, "not_found", "peer"),
    ("no id", Asked("GET", "/recordings/UPPER"), 404, "not_found", "peer"),
    ("an id and more", Asked("GET", f"/recordings/{ID}/x"), 404, "not_found", "peer"),
    ("no such place", Asked("GET", "/"), 404, "not_found", "peer"),
    ("no such place either", Asked("GET", "/healthz/x"), 404, "not_found", "peer"),
    ("not to be deleted", Asked("DELETE", f"/recordings/{ID}"), 405, "method_not_allowed", "peer"),
    ("not to be read", Asked("GET", "/recordings"), 405, "method_not_allowed", "peer"),
    ("no head of it either", Asked("HEAD", "/recordings"), 405, "method_not_allowed", "peer"),
    ("broken", Asked("POST", "/recordings", body=b"\xff not a recording"), 400, "bad_request", "peer"),
    ("nothing", Asked("POST", "/recordings"), 400, "bad_request", "peer"),
    ("too large", Asked("POST", "/recordings", body=bytes(LARGEST + 1)), 413, "too_large", "peer"),
    ("no room", Asked("GET", "/rooms/"), 400, "bad_request", "peer"),
    ("a room that no terminal would show", Asked("GET", "/rooms/a\0b"), 400, "bad_request", "peer"),
    ("none of the newest", Asked("GET", "/rooms/tea", "newest=0"), 400, "bad_request", "peer"),
    ("too many of them", Asked("GET", "/rooms/tea", "newest=201"), 400, "bad_request", "peer"),
    ("no number of them", Asked("GET", "/rooms/tea", "newest="), 400, "bad_request", "peer"),
]


@pytest.mark.parametrize(("why", "asked", "status", "error", "fault"), ERRORS, ids=[case[0] for case in ERRORS])
@pytest.mark.parametrize("framing", FRAMINGS, ids=repr)
def test_errors_are_json_and_name_their_side(
    framing: Json | Protobuf, why: str, asked: Asked, status: int, error: str, fault: str
) -> None:
    answer = asking(World(), framing)(asked)
    assert (answer.status, dict(answer.headers)["content-type"]) == (status, "application/json"), why
    if asked.method != "HEAD":
        told = json.loads(answer.body)
        assert (told["error"], told["fault"], bool(told["detail"])) == (error, fault, True), why
    if status == 405:
        assert dict(answer.headers)["allow"] in ("GET, HEAD", "POST"), why


DEAD = [
    (Find, Asked("GET", f"/recordings/{ID}")),
    (Get, Asked("GET", f"/recordings/{ID}")),
    (Newest, Asked("GET", "/rooms/tea")),
    (Add, Asked("POST", "/recordings", body=FRAMINGS[0].encode(recording("9c" * 16)))),
    (Put, Asked("POST", "/recordings", body=FRAMINGS[0].encode(recording("9c" * 16)))),
]


@pytest.mark.parametrize(("dead", "asked"), DEAD, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("single_flight", [False, True])
def test_a_dead_backend_is_the_servers_fault(dead: type, asked: Asked, single_flight: bool) -> None:
    answer = asking(filled(dead), caching=Caching(single_flight=single_flight))(asked)
    told = json.loads(answer.body)
    assert (answer.status, told["error"], told["fault"]) == (503, "unavailable", "server")
    assert told["detail"] == f"no {dead.__name__} today"
