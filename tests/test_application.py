"""Notes over HTTP, asked of the application itself: lists, files, parts of files, refusals, and who is let in."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from imlab.client.player import coded, sound
from imlab.client.recorder import Recorder
from imlab.codec.container import oggopus
from imlab.codec.container.formats import FORMATS
from imlab.codec.container.writing import to_file
from imlab.codec.contract import Codec
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import DoorError
from imlab.net.web.application import Application
from imlab.net.web.downloads.download import PLACE, Downloads
from imlab.net.web.downloads.kinds import TYPES
from imlab.net.web.listing import listing
from imlab.net.web.openapi import OPENAPI
from imlab.server.doors import Page
from imlab.store.memory import MemoryStore
from imlab.wire.messages import VoiceMessage


def recorded(number: int, codec: Codec) -> VoiceMessage:
    """A second of a tone, as ann would send it."""
    recorder = Recorder(codec)
    recorder.add(np.sin(np.arange(16_000, dtype=np.float32) * 0.1 * number) * np.float32(0.3))
    return recorder.stop(f"{number:032x}", "ann", "tea room", 1_700_000_000_000 + number)


NOTES = [recorded(1, Opus()), recorded(2, Opus(bitrate=12_000)), recorded(3, Pcm())]
ODD = replace(NOTES[0], id="f" * 32, codec="speex")


def library() -> MemoryStore:
    store = MemoryStore()
    store.commit([*NOTES, ODD])
    return store


def application(store: MemoryStore) -> Application:
    downloads = Downloads(store, lambda note: to_file(coded(note)))
    others = listing(store, lambda: {"imlab_notes_total": ("counter", "Notes.", 4)})
    return Application({("", PLACE): downloads}, others, downloads.at_once)


APP = application(library())


def ask(
    path: str, query: str = "", app: Any = APP, host: str = "127.0.0.1:8766", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a GET, through the ASGI interface alone."""
    sent: list[dict[str, Any]] = []
    given = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], got, b"".join(message.get("body", b"") for message in sent)


def test_a_room_in_order() -> None:
    status, _, body = ask("/notes/tea room")
    listed = json.loads(body)
    assert status == 200
    assert [(each["seq"], each["id"]) for each in listed] == [(i + 1, n.id) for i, n in enumerate([*NOTES, ODD])]
    first = listed[0]
    assert (first["sender"], first["codec"], first["duration_ms"]) == ("ann", "opus", 1000)
    assert first["bytes"] == NOTES[0].size
    assert first["sha256"] == sha256(NOTES[0].audio).hexdigest()
    assert bytes(first["waveform"]) == NOTES[0].waveform
    assert ask(first["url"])[0] == 200


AFTER = [("", 4), ("after=0", 4), ("after=3", 1), ("after=4", 0), ("after=99", 0)]


@pytest.mark.parametrize(("query", "count"), AFTER)
def test_a_room_after_a_note(query: str, count: int) -> None:
    assert len(json.loads(ask("/notes/tea room", query)[2])) == count


def test_an_empty_room_is_an_empty_list() -> None:
    assert ask("/notes/nowhere")[2] == b"[]"


def test_a_note_is_a_file_that_decodes_to_the_same_sound() -> None:
    status, headers, body = ask(f"/audio/{NOTES[0].id}")
    assert (status, headers["content-type"]) == (200, "audio/ogg; codecs=opus")
    assert oggopus.read(body) == coded(NOTES[0])
    assert "immutable" in headers["cache-control"]
    assert headers["content-length"] == str(len(body))


def test_a_pcm_note_is_a_wav() -> None:
    status, headers, body = ask(f"/audio/{NOTES[2].id}")
    assert (status, headers["content-type"], body[:4]) == (200, "audio/wav", b"RIFF")
    got = np.frombuffer(body[44:], "<i2") / np.float32(32768)
    assert np.array_equal(got, sound(NOTES[2]).samples)


def test_who_has_it_gets_nothing() -> None:
    tag = ask(f"/audio/{NOTES[0].id}")[1]["etag"]
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        status, headers, body = ask(f"/audio/{NOTES[0].id}", if_none_match=known)
        assert (status, body, headers["etag"]) == (304, b"", tag), known
    assert ask(f"/audio/{NOTES[0].id}", if_none_match='"x"')[0] == 200


def test_parts_make_the_whole() -> None:
    path = f"/audio/{NOTES[0].id}"
    whole, got = ask(path)[2], b""
    while len(got) < len(whole):
        status, headers, body = ask(path, range=f"bytes={len(got)}-{len(got) + 999}")
        assert status == 206
        assert headers["content-range"] == f"bytes {len(got)}-{len(got) + len(body) - 1}/{len(whole)}"
        got += body
    assert got == whole
    assert ask(path, range=f"bytes={len(whole)}-")[0] == 416
    assert ask(path, range="bytes=0-9", if_range='"another"')[2] == whole


REFUSALS = [
    ("/audio/" + "0" * 32, "", "127.0.0.1", 404, "not_found"),
    ("/audio/x", "", "127.0.0.1", 404, "not_found"),
    ("/nothing", "", "127.0.0.1", 404, "not_found"),
    ("/notes/tea room", "after=-1", "127.0.0.1", 400, "bad_request"),
    ("/notes/tea room", "after=" + "9" * 5000, "127.0.0.1", 400, "bad_request"),
    (f"/audio/{ODD.id}", "", "127.0.0.1", 415, "no_container"),
    ("/healthz", "", "evil.example", 403, "forbidden"),
]


@pytest.mark.parametrize(("path", "query", "host", "status", "name"), REFUSALS, ids=lambda value: str(value)[:20])
def test_refusals_name_the_fault(path: str, query: str, host: str, status: int, name: str) -> None:
    got, _, body = ask(path, query, host=host)
    told = json.loads(body)
    assert (got, told["error"], told["fault"]) == (status, name, "peer")
    assert set(told) == {"error", "fault", "detail"}


class BrokenDisk(MemoryStore):
    """A store whose disk does not answer."""

    def load(self, room: str, after: int | None, limit: int) -> Page:
        raise DoorError("cannot read the store")


def test_our_own_trouble_is_ours() -> None:
    status, _, body = ask("/notes/tea", app=application(BrokenDisk()))
    assert status == 503
    assert json.loads(body) == {"error": "unavailable", "fault": "server", "detail": "cannot read the store"}


def test_metrics_are_what_prometheus_reads() -> None:
    assert ask("/metrics")[2].decode().splitlines() == [
        "# HELP imlab_notes_total Notes.",
        "# TYPE imlab_notes_total counter",
        "imlab_notes_total 4",
    ]


def test_a_name_that_is_not_ours_gets_nothing_at_once_either() -> None:
    target = f"/audio/{NOTES[0].id}".encode()
    ours, strange = [(b"host", b"localhost")], [(b"host", b"evil.example")]
    ask(f"/audio/{NOTES[0].id}")
    assert APP.at_once(b"GET", target, ours) is not None
    assert APP.at_once(b"GET", target, strange) is None
    assert APP.at_once(b"GET", target, []) is None


def test_names_are_remembered_but_not_without_end() -> None:
    for number in range(1_000):
        assert ask("/healthz", host=f"evil{number}.example")[0] == 403
        assert ask("/healthz")[0] == 200


def test_openapi_describes_what_is_read() -> None:
    described = OPENAPI["paths"]
    assert json.loads(ask("/openapi.json")[2]) == OPENAPI
    for path in described:
        if "get" in described[path] and path != "/upload/{fileId}":
            filled = path.replace("{room}", "tea room").replace("{id}", NOTES[0].id)
            assert ask(filled)[0] == 200, path


def test_every_kind_of_file_has_a_type() -> None:
    assert set(TYPES) == set(FORMATS)
