"""Downloads, asked of the application itself: parts, conditions, refusals; at once, from memory, from disk the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import DoorError, PeerError
from imlab.net.web.answers import Refusal
from imlab.net.web.downloads.conditions import asked
from imlab.net.web.downloads.download import AT_ONCE, Downloads
from imlab.net.web.downloads.hot import Hot, Warmth
from imlab.net.web.downloads.kept import kept
from imlab.net.web.downloads.kinds import TYPES, extension_of, is_sound
from imlab.net.web.downloads.partial import plan
from imlab.net.web.downloads.pieces import PIECE
from imlab.net.web.serving.zerocopy import ZERO_COPY
from imlab.store.memory import MemoryStore
from imlab.store.sqlite import SqliteStore
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from tests.asking import NONE, Answer, ask, headers_of

RECORDED = 1_700_000_000  # seconds since 1970
SMALL, LARGE = Random(1).randbytes(20_000), Random(2).randbytes(1_100_000)


def note(number: int, body: bytes, type: str = "audio/ogg; codecs=opus") -> VoiceMessage:
    """One that was uploaded as a file."""
    file = File(sha256(body).hexdigest(), len(body), type)
    return VoiceMessage(f"{number:032x}", "ann", "tea", RECORDED * 1000, 900, "opus", PacketLayout(), 0, b"", file=file)


UPLOADED = {1: SMALL, 2: LARGE}
LIVE = replace(note(3, b""), file=None, size=3, audio=b"abc")  # came as packets
REMOVED = note(4, b"forgotten")


def as_file(live: VoiceMessage) -> tuple[str, bytes]:
    """A container of the simplest kind."""
    if live.codec != "opus":
        raise PeerError(f"no file holds {live.codec}")
    return "ogg", b"OggS" + live.audio


def path_of(number: int) -> str:
    return f"/audio/{number:032x}"


def filled(store: MemoryStore | SqliteStore) -> MemoryStore | SqliteStore:
    notes = [note(number, body) for number, body in UPLOADED.items()]
    store.commit(notes, {each.id: body for each, body in zip(notes, UPLOADED.values(), strict=True)})
    store.commit([LIVE, replace(LIVE, id="5" * 32, codec="speex"), REMOVED], {REMOVED.id: b"forgotten"})
    store.remove(REMOVED.id)
    return store


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Downloads]:
    """Large files stay on a disk."""
    with closing(SqliteStore(tmp_path_factory.mktemp("store"))) as store:
        yield Downloads(filled(store), as_file)


IN_MEMORY = Downloads(filled(MemoryStore()), as_file)  # whose store has no place on disk: read in pieces
HELD = Downloads(filled(MemoryStore()), as_file, Hot(Warmth(largest=1 << 30)))


def test_a_file_among_others_is_found_in_its_segment(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        few = [note(number, bytes([number]) * 999) for number in range(9)]
        store.commit(few, {each.id: bytes([number]) * 999 for number, each in enumerate(few)})
        downloads = Downloads(store, as_file, Hot(Warmth(largest=0)))
        for number in range(9):
            answer = ask(downloads, path_of(number), zero_copy=True)
            assert answer.body == bytes([number]) * 999
            assert answer.kinds == (ZERO_COPY,)
            assert ask(downloads, path_of(number), headers={"range": "bytes=3-7"}).body == bytes([number]) * 5


@pytest.mark.parametrize("number", UPLOADED)
def test_a_file_comes_as_it_was_uploaded(on_disk: Downloads, number: int) -> None:
    for downloads, zero_copy in ((on_disk, False), (on_disk, True), (IN_MEMORY, False), (HELD, True)):
        answer = ask(downloads, path_of(number), zero_copy=zero_copy)
        assert answer.status == 200
        assert answer.body == UPLOADED[number]
        assert answer.headers == {
            "content-type": "audio/ogg; codecs=opus",
            "content-disposition": f'inline; filename="{number:032x}.ogg"',
            "x-content-type-options": "nosniff",
            "etag": f'"{sha256(UPLOADED[number]).hexdigest()}"',
            "last-modified": formatdate(RECORDED, usegmt=True),
            "cache-control": "private, max-age=31536000, immutable",
            "accept-ranges": "bytes",
            "content-length": str(len(UPLOADED[number])),
        }


def test_packets_become_a_file_once() -> None:
    made = []

    def counted(live: VoiceMessage) -> tuple[str, bytes]:
        made.append(live.id)
        return as_file(live)

    downloads = Downloads(filled(MemoryStore()), counted)
    assert [ask(downloads, path_of(3)).body for _ in range(3)] == [b"OggSabc"] * 3
    assert made == [LIVE.id]


ENDS = st.integers(0, 1_200_000) | st.just(0) | st.just(len(LARGE) - 1) | st.just(PIECE) | st.just(PIECE - 1)


@settings(max_examples=40)
@given(ENDS, st.none() | ENDS, st.sampled_from(("disk", "kernel", "store", "memory")))
def test_any_part_is_that_part(on_disk: Downloads, first: int, last: int | None, way: str) -> None:
    downloads = {"disk": on_disk, "kernel": on_disk, "store": IN_MEMORY, "memory": HELD}[way]
    wanted = f"bytes={first}-{'' if last is None else last}"
    answer = ask(downloads, path_of(2), zero_copy=way == "kernel", headers={"range": wanted})
    stop = len(LARGE) if last is None else min(len(LARGE), last + 1)
    if last is not None and last < first:
        assert (answer.status, answer.body) == (200, LARGE)
    elif first >= len(LARGE):
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(LARGE)}")
    else:
        assert (answer.status, answer.body) == (206, LARGE[first:stop])
        assert answer.headers["content-range"] == f"bytes {first}-{stop - 1}/{len(LARGE)}"
        assert answer.headers["content-length"] == str(stop - first)
        assert way != "kernel" or answer.kinds == (ZERO_COPY,)


def test_no_piece_is_larger_than_it_may_be(on_disk: Downloads) -> None:
    for downloads in (on_disk, IN_MEMORY, HELD):
        answer = ask(downloads, path_of(2))
        assert answer.body == LARGE
        assert max(answer.sizes) == PIECE


TAG = f'"{sha256(SMALL).hexdigest()}"'
EARLIER, THEN, LATER = (formatdate(RECORDED + seconds, usegmt=True) for seconds in (-60, 0, 60))
CONDITIONS = [  # RFC 9110, section 13.2.2, in its order; then 13.1.5 and 14.2
    ({"if_match": TAG}, 200),
    ({"if_match": "*"}, 200),
    ({"if_match": f'"x", {TAG}'}, 200),
    ({"if_match": '"x"'}, 412),
    ({"if_match": f"W/{TAG}"}, 412),
    ({"if_match": TAG, "if_unmodified_since": EARLIER}, 200),
    ({"if_unmodified_since": EARLIER}, 412),
    ({"if_unmodified_since": THEN}, 200),
    ({"if_unmodified_since": "yesterday"}, 200),
    ({"if_none_match": TAG}, 304),
    ({"if_none_match": f"W/{TAG}"}, 304),
    ({"if_none_match": "*"}, 304),
    ({"if_none_match": f'"a,b", {TAG}'}, 304),
    ({"if_none_match": '"x"'}, 200),
    ({"if_none_match": '"x"', "if_modified_since": LATER}, 200),
    ({"if_none_match": TAG, "if_match": '"x"'}, 412),
    ({"if_modified_since": THEN}, 304),
    ({"if_modified_since": LATER}, 304),
    ({"if_modified_since": EARLIER}, 200),
    ({"if_modified_since": "Tue, 14 Nov 99999 22:13:20 GMT"}, 200),
    ({"if_modified_since": "Tuesday, 14-Nov-23 22:13:20 GMT"}, 304),
    ({"if_modified_since": "Tue Nov 14 22:13:20 2023"}, 304),
    ({"if_modified_since": "\xff"}, 200),
    ({"range": "bytes=0-9", "if_range": TAG}, 206),
    ({"range": "bytes=0-9", "if_range": f"W/{TAG}"}, 200),
    ({"range": "bytes=0-9", "if_range": '"x"'}, 200),
    ({"range": "bytes=0-9", "if_range": THEN}, 206),
    ({"range": "bytes=0-9", "if_range": LATER}, 200),
    ({"range": "bytes=0-9", "if_range": "nonsense"}, 200),
    ({"if_range": '"x"'}, 200),
    ({"range": "BYTES=0-9"}, 206),
    ({"range": "bytes=-9"}, 206),
    ({"range": "bytes=0-1,5-6"}, 200),
    ({"range": "seconds=0-9"}, 200),
    ({"range": "bytes=20000-"}, 416),
    ({"range": "bytes=-0"}, 416),
    ({"range": "bytes=20000-", "if_none_match": TAG}, 304),
    ({"range": "bytes=20000-", "if_match": '"x"'}, 412),
]


@pytest.mark.parametrize(("headers", "status"), CONDITIONS, ids=str)
def test_conditions(headers: dict[str, str], status: int) -> None:
    answer = ask(IN_MEMORY, path_of(1), headers=headers)
    assert answer.status == status
    if status == 200:
        assert answer.body == SMALL
    if status == 304:
        assert answer.body == b""
        assert {"etag", "cache-control"} <= set(answer.headers)
        assert "content-type" not in answer.headers
    head = ask(IN_MEMORY, path_of(1), "HEAD", headers=headers)
    assert head.status == (200 if status in (206, 416) else status)  # HEAD knows no ranges
    assert head.body == b"" or head.status == 412


def at_once(downloads: Downloads, number: int, method: str = "GET", headers: Mapping[str, str] = NONE) -> Answer | None:
    ready = downloads.at_once(method.encode(), path_of(number).encode(), headers_of(headers))
    if ready is None:
        return None
    told = dict(line.split(": ", 1) for line in ready.lines.decode().splitlines())
    return Answer(ready.status, told, bytes(ready.body))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("headers", "status"), [({}, 200), *CONDITIONS], ids=str)
def test_what_is_ready_is_what_would_be_answered(headers: dict[str, str], status: int, method: str) -> None:
    later = ask(IN_MEMORY, path_of(1), method, headers=headers)
    ready = at_once(IN_MEMORY, 1, method, headers=headers)
    if later.status in (412, 416):
        assert ready is None
    else:
        assert ready == replace(later, kinds=(), sizes=())


def test_only_what_is_in_memory_and_small_is_ready(on_disk: Downloads) -> None:
    assert at_once(Downloads(filled(MemoryStore()), as_file), 1) is None  # nobody asked before
    assert at_once(on_disk, 2) is None
    ask(HELD, path_of(2))
    assert at_once(HELD, 2) is None
    assert at_once(HELD, 2, headers={"range": f"bytes=0-{AT_ONCE}"}) is None
    small = at_once(HELD, 2, headers={"range": f"bytes=1-{AT_ONCE}"})
    assert small is not None
    assert small.body == LARGE[1 : AT_ONCE + 1]
    ask(IN_MEMORY, path_of(1))
    assert at_once(IN_MEMORY, 1, "POST") is None
    assert IN_MEMORY.at_once(b"GET", f"/notes/{1:032x}".encode(), []) is None


def test_what_was_uploaded_is_ready_before_anybody_asks() -> None:
    for warmth, ready in ((Warmth(), True), (Warmth(at_upload=False), False), (Warmth(largest=20_000), False)):
        downloads = Downloads(MemoryStore(), as_file, Hot(warmth))
        downloads.warm(note(1, SMALL), SMALL)
        assert (at_once(downloads, 1) is not None) == ready
    downloads.warm(note(1, SMALL), Path("somewhere on the disk"))
    assert at_once(downloads, 1) is None


REFUSALS = [
    (path_of(9), "GET", 404, "not_found"),
    ("/audio/" + "A" * 32, "GET", 404, "not_found"),
    ("/audio/../etc/passwd", "GET", 404, "not_found"),
    ("/audio/", "GET", 404, "not_found"),
    (path_of(4), "GET", 410, "gone"),
    ("/audio/" + "5" * 32, "GET", 415, "no_container"),
    (path_of(1), "DELETE", 405, "method_not_allowed"),
]


@pytest.mark.parametrize(("path", "method", "status", "name"), REFUSALS)
def test_refusals(path: str, method: str, status: int, name: str) -> None:
    answer = ask(IN_MEMORY, path, method)
    told = json.loads(answer.body)
    assert (answer.status, told["error"], told["fault"]) == (status, name, "peer")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers.get("allow") == ("GET, HEAD" if status == 405 else None)


class Burnt(MemoryStore):
    """A store that knows of its notes and has lost their bodies."""

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        raise DoorError("no body is kept here")


class Flipped(MemoryStore):
    """A store whose disk has changed a byte."""

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        return b"x" + super().read(sha256, start, stop)[1:]


@pytest.mark.parametrize(
    ("store", "number"),
    [(Burnt(), 1), (Burnt(), 2), (Flipped(), 1)],
    ids=lambda it: type(it).__name__ if not isinstance(it, int) else str(it),
)
def test_damage_is_ours(store: MemoryStore, number: int) -> None:
    answer = ask(Downloads(filled(store), as_file), path_of(number))
    assert (answer.status, json.loads(answer.body)["fault"]) == (503, "server")


def test_a_store_may_move_a_file_while_it_is_asked_for(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        place = filled(store).place(note(2, LARGE).file.sha256)  # type: ignore[union-attr]
        assert place is not None
        moves = iter([replace(place, path=tmp_path / "gone"), place])
        store.place = lambda sha256: next(moves)  # type: ignore[method-assign]
        assert ask(Downloads(store, as_file), path_of(2), zero_copy=True).body == LARGE


TYPED = [
    ("audio/ogg", "audio/ogg", "inline", "ogg"),
    ("audio/mp4; codecs=mp4a.40.2", "audio/mp4; codecs=mp4a.40.2", "inline", "m4a"),
    ("audio/amr-wb", "audio/amr-wb", "inline", "awb"),
    ("text/html", "application/octet-stream", "attachment", "bin"),
    ("audio/ogg\r\nset-cookie: a=b", "application/octet-stream", "attachment", "bin"),
    ("", "application/octet-stream", "attachment", "bin"),
]


@pytest.mark.parametrize(("type", "told", "how", "extension"), TYPED)
def test_what_is_no_sound_is_never_shown(type: str, told: str, how: str, extension: str) -> None:
    store = MemoryStore()
    store.commit([note(1, SMALL, type)], {note(1, SMALL).id: SMALL})
    headers = ask(Downloads(store, as_file), path_of(1)).headers
    assert headers["content-type"] == told
    assert headers["content-disposition"] == f'{how}; filename="{1:032x}.{extension}"'


def test_nobody_is_told_of_a_recording_in_the_future() -> None:
    store = MemoryStore()
    store.commit([replace(note(1, SMALL), timestamp_ms=1 << 60)], {note(1, SMALL).id: SMALL})
    assert "last-modified" not in ask(Downloads(store, as_file), path_of(1)).headers


@given(st.text())
def test_a_type_with_anything_odd_is_no_sound(text: str) -> None:
    assert not is_sound("audio/ogg" + text) or (text.isascii() and text.isprintable())


def test_every_type_has_its_extension() -> None:
    for kind in TYPES.values():
        assert is_sound(kind)
        assert TYPES[extension_of(kind)].partition(";")[0] == kind.partition(";")[0]


HEADERS = st.sampled_from(
    ("range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
)
PIECES = st.sampled_from((TAG, THEN, "W/", "*", ",", " ", "bytes=", "-", "9", ":", "GMT", "+", "Nov", "1", '"', ";"))


@given(st.dictionaries(HEADERS, st.lists(PIECES | st.text("\x7f ,;:()<>\xff09", max_size=3), max_size=9).map("".join)))
def test_whatever_is_asked_is_answered(headers: dict[str, str]) -> None:
    answer = plan_of(headers)
    assert answer in (200, 206, 304, 412, 416)


def plan_of(headers: dict[str, str]) -> int:
    """The status alone, without a loop."""
    held = kept("0" * 32, "audio/ogg", sha256(SMALL).hexdigest(), len(SMALL), RECORDED, SMALL)
    try:
        return plan(held, asked(headers_of(headers)), head=False).status
    except Refusal as refusal:
        return refusal.status
