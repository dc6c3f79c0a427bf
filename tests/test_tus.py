"""tus 1.0 as its specification has it, asked of the application itself: sections of the specification by name."""

from __future__ import annotations

import asyncio
import zlib
from base64 import b64encode
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from hashlib import md5, sha1, sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from imlab.errors import DoorError
from imlab.net.web.tus.service import Tus
from imlab.net.web.uploads.posting import Posting
from imlab.server.doors import Body, Committed
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.store.memory import MemoryStore
from imlab.store.upload_files import UploadFiles
from imlab.wire.messages import VoiceMessage
from tests.test_store import largest_file
from tests.uploads import Got, anything, asked, kept, posting, talked

TERMS = UploadTerms(file=1_000_000, keep=100.0, patience=Patience(silence=0.05, linger=0.05))
SOUND = Random(1).randbytes(5_000)
LARGE = Random(2).randbytes(400_000)  # more than is held in memory
BYTES = {"content_type": "application/offset+octet-stream"}
ID = "0123456789abcdef" * 2
BEGAN = 1_700_000_000.0


def said(**pairs: str) -> str:
    """Upload-Metadata."""
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in pairs.items())


TEA = {"upload_metadata": said(room="tea", sender="ann", filename="a.ogg", filetype="audio/ogg")}


class Place:
    """The application, where it keeps what, and what time it is there."""

    def __init__(self, directory: Path, terms: UploadTerms = TERMS) -> None:
        self.store, self.directory, self.now = MemoryStore(), directory, BEGAN
        self.posting, self._terms = posting(self.store), terms
        self.restart()

    def restart(self, boot: str | None = None) -> None:
        """Another process on the same directory."""
        self.files = UploadFiles(self.directory, boot=boot)
        self.app = Tus(self.files, self.store.find, self.posting, self._terms, clock=lambda: self.now)

    def ask(self, method: str, path: str = "/files/", *pieces: bytes, **headers: str) -> Got:
        given = {"tus_resumable": "1.0.0", "host": "127.0.0.1:8766"} | headers
        got = asyncio.run(asked(self.app, method, path, pieces or (b"",), **given))
        assert got.headers["tus-resumable"] == "1.0.0", "every answer says it"
        return got

    def begin(self, length: int, *pieces: bytes, **headers: str) -> str:
        """The address of a new upload."""
        sent = BYTES if pieces else {}
        got = self.ask("POST", "/files/", *pieces, **TEA | sent | {"upload_length": str(length)} | headers)
        assert got.status == 201, got
        return got.headers["location"]

    def patch(self, path: str, offset: int, *pieces: bytes, **headers: str) -> Got:
        return self.ask("PATCH", path, *pieces, **BYTES | {"upload_offset": str(offset)} | headers)

    def offset(self, path: str) -> int:
        got = self.ask("HEAD", path)
        assert (got.status, got.headers["cache-control"]) == (200, "no-store"), got
        return int(got.headers["upload-offset"])

    def left(self) -> list[str]:
        """What is on disk."""
        return sorted(path.name for path in self.directory.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def pieces(data: bytes, size: int = 50_000) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


# Core protocol


def test_options_say_what_is_spoken(place: Place) -> None:
    got = asyncio.run(asked(place.app, "OPTIONS", "/files/", host="127.0.0.1"))
    assert (got.status, got.body) == (204, b"")
    assert got.headers["tus-version"] == "1.0.0"
    assert got.headers["tus-max-size"] == "1000000"
    assert set(got.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "creation-defer-length", "checksum", "concatenation", "expiration",
        "termination",
    }  # fmt: skip
    assert "sha1" in got.headers["tus-checksum-algorithm"].split(",")


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0.1", "2.0.0"])
def test_another_version_is_refused_and_nothing_is_done(place: Place, version: str) -> None:
    got = asyncio.run(asked(place.app, "POST", "/files/", (b"",), "", tus_resumable=version, upload_length="5", **TEA))
    assert (got.status, got.headers["tus-version"], place.left()) == (412, "1.0.0", [])


@pytest.mark.parametrize("data", [SOUND, LARGE], ids=["small", "large"])
def test_one_patch(place: Place, data: bytes) -> None:
    path = place.begin(len(data))
    assert place.offset(path) == 0
    got = place.patch(path, 0, *pieces(data))
    note = path.removeprefix("/files/")
    assert (got.status, got.body, got.headers["upload-offset"]) == (204, b"", str(len(data)))
    assert (got.headers["im-note"], got.headers["im-seq"]) == (f"/audio/{note}", "1")
    assert kept(place.store, "tea") == [data]
    assert place.left() == [f"{note}.json"], "the bytes are the store's"


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("step", [1_000, 70_000, 399_999])
def test_many_patches(place: Place, step: int, restarts: bool) -> None:
    data = LARGE[: max(8 * step, 8_000)]
    path, offset = place.begin(len(data)), 0
    for piece in pieces(data, step):
        assert place.offset(path) == offset
        assert place.patch(path, offset, *pieces(piece)).status == 204
        offset += len(piece)
        if restarts:
            place.restart()
    assert place.offset(path) == len(data)
    assert kept(place.store, "tea") == [data]


def test_the_note_is_as_it_was_said(place: Place) -> None:
    path = place.begin(
        len(SOUND), upload_metadata=said(room="茶室", sender="安", filetype="audio/mp4", duration_ms="7")
    )
    place.patch(path, 0, SOUND)
    (note,) = place.store.load("茶室", 0, 1).notes
    assert (note.id, note.sender, note.duration_ms) == (path.removeprefix("/files/"), "安", 7)
    assert note.file and (note.file.type, note.file.sha256) == ("audio/mp4", sha256(SOUND).hexdigest())
    assert note.timestamp_ms == BEGAN * 1000


def test_nobody_is_a_guest(place: Place) -> None:
    place.patch(place.begin(len(SOUND), upload_metadata=said(room="tea")), 0, SOUND)
    assert place.store.load("tea", 0, 1).notes[0].sender == "guest"


def test_a_head_says_what_was_said(place: Place) -> None:
    got = place.ask("HEAD", place.begin(len(SOUND), SOUND[:100]))
    assert got.headers["upload-metadata"] == TEA["upload_metadata"]
    assert (got.headers["upload-length"], got.headers["upload-offset"]) == ("5000", "100")


def test_a_finished_upload_says_so_and_takes_no_more(place: Place) -> None:
    path = place.begin(len(SOUND), SOUND)
    got = place.ask("HEAD", path)
    assert (got.headers["upload-offset"], got.headers["upload-length"], got.headers["im-seq"]) == ("5000", "5000", "1")
    again = place.patch(path, 5_000)
    assert (again.status, again.headers["upload-offset"], again.headers["im-seq"]) == (204, "5000", "1")
    assert place.patch(path, 5_000, b"more").status == 413
    assert place.patch(path, 0, SOUND).status == 409
    assert kept(place.store, "tea") == [SOUND]


@pytest.mark.parametrize("offset", [0, 99, 101, 5_000, 10**15, 2**63, 10**400])
def test_a_wrong_offset_changes_nothing(place: Place, offset: int) -> None:
    path = place.begin(len(SOUND), SOUND[:100])
    got = place.patch(path, offset, b"other bytes")
    assert (got.status, got.told["error"], got.told["fault"]) == (409, "wrong_offset", "peer")
    assert place.patch(path, 100, SOUND[100:]).status == 204
    assert kept(place.store, "tea") == [SOUND]


PATCHES = [
    ({"upload_offset": "-1"}, 400),
    ({"upload_offset": ""}, 400),
    ({"upload_offset": "0x10"}, 400),
    ({"upload_offset": "1e2"}, 400),
    ({"upload_offset": "١٠٠"}, 400),
    ({"content_type": "application/octet-stream"}, 415),
    ({"content_type": ""}, 415),
    ({"upload_checksum": "sha1"}, 460),
    ({"upload_checksum": "sha1 ???"}, 400),
    ({"upload_checksum": "rot13 AAAA"}, 400),
    ({"upload_length": "5001"}, 400),
    ({"upload_length": "-5"}, 400),
    ({"content_length": "4901"}, 413),
    ({"content_length": "9223372036854775808"}, 413),
    ({"content_length": "-4"}, 400),
]


@pytest.mark.parametrize(("headers", "status"), PATCHES, ids=str)
def test_a_patch_that_cannot_be_changes_nothing(place: Place, headers: dict[str, str], status: int) -> None:
    path = place.begin(len(SOUND), SOUND[:100])
    got = place.ask("PATCH", path, b"data", **BYTES | {"upload_offset": "100"} | headers)
    assert (got.status, set(got.told)) == (status, {"error", "fault", "detail"}), got
    assert place.offset(path) == 100


def test_a_body_longer_than_the_upload_is_refused_though_it_did_not_say_so(place: Place) -> None:
    path = place.begin(len(SOUND), SOUND[:100])
    events = [{"type": "http.request", "body": SOUND + b"x", "more_body": True}]
    headers = {"transfer-encoding": "chunked", "upload-offset": "100", "tus-resumable": "1.0.0"}
    headers |= {"content-type": BYTES["content_type"]}
    got = asyncio.run(talked(place.app, "PATCH", path, events, "", headers))
    assert (got.status, kept(place.store, "tea")) == (413, [])


STRANGE = [
    "/files/x", f"/files/{ID}/", f"/files/{ID[:-1]}", f"/files/{ID}0", f"/files/{ID.upper()}", "/files/../notes.sqlite",
    "/files/..", "/files/\0", "/files/\ud83c\udfa4", "/files/茶", "/files/" + "a" * 4_096, f"/files/{ID[:-1]}\n",
    f"/files//{ID}", f"/files/{ID}.json",
]  # fmt: skip


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [f"/files/{ID}", *STRANGE], ids=lambda path: ascii(path)[:30])
def test_unknown_and_strange_ids_are_not_found(place: Place, path: str, method: str) -> None:
    got = place.ask(method, path, **BYTES | {"upload_offset": "0"})
    assert (got.status, "upload-offset" in got.headers, place.left()) == (404, False, [])


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/files/"), ("PUT", f"/files/{ID}"), ("HEAD", "/files"), ("POST", f"/files/{ID}")]
)
def test_other_methods(place: Place, method: str, path: str) -> None:
    got = place.ask(method, path)
    assert (got.status, "PATCH" in got.headers["allow"]) == (405, True)


def test_a_method_may_be_overridden(place: Place) -> None:
    path = place.begin(len(SOUND))
    got = place.ask("POST", path, SOUND, **BYTES, upload_offset="0", x_http_method_override="PATCH")
    assert (got.status, kept(place.store, "tea")) == (204, [SOUND])
    assert place.ask("GET", path, x_http_method_override="DELETE").status == 204


# Creation

CREATIONS = [
    ({}, 400),
    ({"upload_length": "-1"}, 400),
    ({"upload_length": "5", "upload_defer_length": "1"}, 400),
    ({"upload_defer_length": "2"}, 400),
    ({"upload_length": "five"}, 400),
    ({"upload_length": "5, 6"}, 400),
    ({"upload_length": "1000001"}, 413),
    ({"upload_length": "9223372036854775808"}, 413),
    ({"upload_length": "9" * 5_000}, 413),
    ({"upload_length": "0"}, 422),
    ({"upload_length": "5", "upload_metadata": ""}, 400),
    ({"upload_length": "5", "upload_metadata": said(sender="ann")}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="")}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="r" * 129)}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="a\nb")}, 400),
    ({"upload_length": "5", "upload_metadata": "room tea"}, 400),
    ({"upload_length": "5", "upload_metadata": "room dGVh=dGVh"}, 400),
    ({"upload_length": "5", "upload_metadata": "room dGV"}, 400),
    ({"upload_length": "5", "upload_metadata": "room " + b64encode(b"\xff\xfe").decode()}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="a") + "," + said(room="b")}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="a") + ",,x"}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="a") + ",\x07 YQ=="}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="a", x="y" * 10_000)}, 400),
    ({"upload_length": "5", "upload_metadata": said(room="a", duration_ms="-1")}, 400),
    ({"upload_length": "5", "upload_concat": "whole"}, 400),
    ({"upload_length": "5", "upload_concat": "partial", "upload_metadata": "sender ann!"}, 400),
    ({"upload_length": "5", "idempotency_key": "../x"}, 400),
    ({"upload_length": "5", "content_length": "2"}, 415),
    ({"upload_length": "5", "content_length": "6", "content_type": BYTES["content_type"]}, 413),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "status"), CREATIONS, ids=lambda value: str(value)[:60])
def test_what_cannot_be_created(place: Place, headers: dict[str, str], status: int) -> None:
    got = place.ask("POST", "/files/", **TEA | headers)
    assert (got.status, got.told["fault"], place.left()) == (status, "peer", []), got


def test_metadata_may_be_empty_or_of_others(place: Place) -> None:
    metadata = said(room="tea") + ",is_confidential, blob " + b64encode(b"\xff\0").decode()
    got = place.ask("HEAD", place.begin(5, upload_metadata=metadata))
    assert got.headers["upload-metadata"] == metadata


@pytest.mark.parametrize("data", [SOUND, LARGE], ids=["small", "large"])
def test_creation_with_all_of_it(place: Place, data: bytes) -> None:
    got = place.ask("POST", "/files/", *pieces(data), **TEA | BYTES, upload_length=str(len(data)))
    assert (got.status, got.headers["upload-offset"]) == (201, str(len(data)))
    note = got.headers["location"].removeprefix("/files/")
    assert (got.told["id"], got.told["seq"], got.told["sha256"]) == (note, 1, sha256(data).hexdigest())
    assert place.offset(got.headers["location"]) == len(data)


def test_creation_with_a_part_of_it(place: Place) -> None:
    path = place.begin(len(SOUND), SOUND[:3_000])
    assert place.offset(path) == 3_000
    place.patch(path, 3_000, SOUND[3_000:])
    assert kept(place.store, "tea") == [SOUND]


def test_length_told_later(place: Place) -> None:
    got = place.ask("POST", "/files/", **TEA, upload_defer_length="1")
    path = got.headers["location"]
    assert place.patch(path, 0, SOUND[:3_000]).status == 204
    told = place.ask("HEAD", path).headers
    assert (told["upload-defer-length"], "upload-length" in told) == ("1", False)
    assert place.patch(path, 3_000, b"", upload_length="2999").status == 400
    assert place.patch(path, 3_000, b"", upload_length="1000001").status == 413
    assert place.patch(path, 3_000, SOUND[3_000:4_000], upload_length="5000").status == 204
    told = place.ask("HEAD", path).headers
    assert (told["upload-length"], "upload-defer-length" in told) == ("5000", False)
    assert place.patch(path, 4_000, SOUND[4_000:], upload_length="5000").headers["im-seq"] == "1"
    assert kept(place.store, "tea") == [SOUND]


def test_length_told_last_of_all(place: Place) -> None:
    """As tus-js-client does with a stream: an empty PATCH that says how much it was."""
    path = place.ask("POST", "/files/", **TEA, upload_defer_length="1").headers["location"]
    place.patch(path, 0, SOUND)
    assert place.patch(path, 5_000, upload_length="5000").headers["im-seq"] == "1"


def test_a_length_never_told_has_a_limit(place: Place) -> None:
    path = place.ask("POST", "/files/", **TEA, upload_defer_length="1").headers["location"]
    assert place.patch(path, 0, *[bytes(300_000)] * 4).status == 413


def test_a_key_begins_once(place: Place) -> None:
    def begin(**headers: str) -> Got:
        return place.ask("POST", "/files/", **TEA | {"idempotency_key": ID, "upload_length": "5000"} | headers)

    assert begin().headers["location"] == f"/files/{ID}"
    place.patch(f"/files/{ID}", 0, SOUND[:100])
    assert (begin().status, begin().headers["upload-offset"]) == (201, "100")
    assert begin(upload_length="4999").status == 409
    assert begin(upload_metadata=said(room="coffee")).status == 409
    place.patch(f"/files/{ID}", 100, SOUND[100:])
    assert (begin().status, begin().headers["im-seq"]) == (201, "1")
    assert begin(upload_metadata=said(room="coffee")).status == 409
    assert kept(place.store, "tea") == [SOUND]


def test_all_at_once_twice_is_one_note(place: Place) -> None:
    headers = TEA | BYTES | {"upload_length": "5000", "idempotency_key": ID}
    first, again = (place.ask("POST", "/files/", SOUND, **headers) for _ in range(2))
    assert [(got.status, got.headers["im-seq"], got.headers["upload-offset"]) for got in (first, again)] == [
        (201, "1", "5000")
    ] * 2
    assert place.ask("POST", "/files/", SOUND[:-1], **headers | {"upload_length": "4999"}).status == 409
    assert kept(place.store, "tea") == [SOUND]


# Checksum

HASHES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("sha1", lambda data: sha1(data).digest()),
    ("sha256", lambda data: sha256(data).digest()),
    ("md5", lambda data: md5(data).digest()),
    ("crc32", lambda data: zlib.crc32(data).to_bytes(4, "big")),
]


@pytest.mark.parametrize("data", [SOUND, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(("name", "digest"), HASHES, ids=[name for name, _ in HASHES])
def test_a_checksum(place: Place, name: str, digest: Callable[[bytes], bytes], data: bytes) -> None:
    path = place.begin(len(data) + 100, data[:100])
    right, wrong = (f"{name} {b64encode(digest(each)).decode()}" for each in (data, data + b"x"))
    got = place.patch(path, 100, *pieces(data), upload_checksum=wrong)
    assert (got.status, got.told["error"]) == (460, "checksum_mismatch")
    assert place.offset(path) == 100, "the chunk is discarded"
    assert place.patch(path, 100, *pieces(data), upload_checksum=right).status == 204
    assert kept(place.store, "tea") == [data[:100] + data]


def test_a_checksum_at_creation(place: Place) -> None:
    wrong = f"sha1 {b64encode(sha1(b'').digest()).decode()}"
    got = place.ask("POST", "/files/", SOUND, **TEA | BYTES, upload_length="5000", upload_checksum=wrong)
    assert (got.status, place.left(), kept(place.store, "tea")) == (460, [], [])


def events(*bodies: bytes) -> list[dict[str, Any]]:
    """A body that breaks off."""
    return [{"type": "http.request", "body": body, "more_body": True} for body in bodies]


@pytest.mark.parametrize("size", [3_000, 300_000])
@pytest.mark.parametrize("how", ["left", "silent"])
@pytest.mark.parametrize("checked", [False, True])
def test_a_body_that_breaks_off(place: Place, size: int, how: str, checked: bool) -> None:
    """What came counts, unless it should have had a checksum."""
    path = place.begin(len(LARGE), LARGE[:100])
    heard = events(*pieces(LARGE[100:size]))
    headers = {"tus-resumable": "1.0.0", "upload-offset": "100", "content-type": BYTES["content_type"]}
    headers |= {"content-length": str(len(LARGE) - 100)} | ({"upload-checksum": "sha1 AAAA"} if checked else {})
    if how == "left":
        heard.append({"type": "http.disconnect"})
    got = asyncio.run(talked(place.app, "PATCH", path, heard, "", headers))
    assert got.status == (0 if how == "left" else 503), "clients try 503 again, and 408 not"
    place.restart()
    assert place.offset(path) == (100 if checked else size)
    place.patch(path, place.offset(path), *pieces(LARGE[place.offset(path) :]))
    assert kept(place.store, "tea") == [LARGE]


# Concatenation

PART = {"upload_concat": "partial"}


def final(paths: list[str]) -> dict[str, str]:
    return TEA | {"upload_concat": "final;" + " ".join(paths)}


def begun_parts(place: Place, *data: bytes, **headers: str) -> list[str]:
    return [place.begin(len(each), *pieces(each), **{"upload_metadata": ""} | PART | headers) for each in data]


@pytest.mark.parametrize("cuts", [(0, 200_000), (0, 100, 100, 300_000, 399_999)], ids=str)
def test_parts_make_a_whole(place: Place, cuts: tuple[int, ...]) -> None:
    parts = [LARGE[a:b] for a, b in zip(cuts, [*cuts[1:], len(LARGE)], strict=True)]
    paths = begun_parts(place, *parts)
    told = place.ask("HEAD", paths[0]).headers
    assert (told["upload-concat"], told["upload-offset"]) == ("partial", str(len(parts[0])))
    got = place.ask("POST", "/files/", **final(["http://127.0.0.1:8766" + paths[0], *paths[1:]]))
    assert (got.status, got.told["sha256"]) == (201, sha256(LARGE).hexdigest())
    assert kept(place.store, "tea") == [LARGE]
    told = place.ask("HEAD", got.headers["location"]).headers
    assert told["upload-concat"] == "final;" + " ".join(["http://127.0.0.1:8766" + paths[0], *paths[1:]])
    assert told["upload-length"] == told["upload-offset"] == str(len(LARGE))
    assert place.patch(got.headers["location"], len(LARGE), b"").status == 403


def test_joined_again_is_the_same_note(place: Place) -> None:
    """The answer to the first was lost."""
    paths = begun_parts(place, SOUND[:10], SOUND[10:])
    first, again = (place.ask("POST", "/files/", **final(paths)) for _ in range(2))
    assert (first.headers["location"], first.headers["im-seq"]) == (again.headers["location"], again.headers["im-seq"])
    assert kept(place.store, "tea") == [SOUND]


def test_what_cannot_be_joined(place: Place) -> None:
    part, other = begun_parts(place, SOUND[:10], SOUND[10:])
    unfinished = place.begin(10, b"12345", **PART | {"upload_metadata": ""})
    bobs = place.begin(3, b"123", **PART | {"upload_metadata": said(sender="bob")})
    whole = place.begin(10, b"12345")
    cases: list[tuple[list[str], int]] = [
        ([part, unfinished], 400),
        ([part, whole], 400),
        ([part, bobs], 403),
        ([part, f"/files/{ID}"], 404),
        ([part, "/files/../x"], 400),
        ([part, "http://[::1"], 400),
        (["/elsewhere/" + ID], 400),
        ([], 400),
        ([f"/files/{i:032x}" for i in range(1_001)], 400),
    ]
    for paths, status in cases:
        got = place.ask("POST", "/files/", **final(paths))
        assert got.status == status, (paths, got)
    assert place.ask("POST", "/files/", **final([part]), upload_length="10").status == 400
    assert place.ask("POST", "/files/", b"data", **final([part, other]) | BYTES).status == 415
    assert kept(place.store, "tea") == []


def test_parts_together_have_a_limit(place: Place) -> None:
    paths = begun_parts(place, *[LARGE] * 3)
    assert place.ask("POST", "/files/", **final(paths)).status == 413


# Expiration


def test_an_upload_expires(place: Place) -> None:
    path = place.begin(len(SOUND))
    got = place.patch(path, 0, SOUND[:100])
    assert parsedate_to_datetime(got.headers["upload-expires"]).timestamp() == BEGAN + TERMS.keep
    place.now += TERMS.keep - 1
    assert asyncio.run(place.app.sweep(place.now)) == 0
    assert place.offset(path) == 100
    place.now += 2
    for swept in (0, 1):
        assert place.patch(path, 100, SOUND[100:]).status == 410
        assert place.ask("HEAD", path).status == 410
        assert asyncio.run(place.app.sweep(place.now)) == 1 - swept
    assert place.left() == [path.removeprefix("/files/") + ".json"], "we remember that it was there"
    place.now += TERMS.keep
    assert asyncio.run(place.app.sweep(place.now)) == 1
    assert (place.ask("HEAD", path).status, place.left()) == (404, [])


def test_a_note_outlives_its_upload(place: Place) -> None:
    path = place.begin(len(SOUND))
    place.patch(path, 0, SOUND)
    place.now += TERMS.keep
    assert (asyncio.run(place.app.sweep(place.now)), place.left()) == (1, [])
    got = place.ask("HEAD", path).headers
    assert got["upload-offset"] == got["upload-length"] == "5000"
    assert got["upload-metadata"] == said(room="tea", sender="ann", filetype="audio/ogg"), "what the note knows"


# Termination


def test_an_upload_is_ended(place: Place) -> None:
    path = place.begin(len(SOUND), SOUND[:100])
    assert place.ask("DELETE", path).status == 204
    for method in ("HEAD", "DELETE", "PATCH"):
        assert place.ask(method, path, **BYTES, upload_offset="100").status == 410
    assert place.left() == [path.removeprefix("/files/") + ".json"]


def test_a_note_stays_when_its_upload_is_ended(place: Place) -> None:
    path = place.begin(len(SOUND), SOUND)
    assert place.ask("DELETE", path).status == 204
    assert place.ask("HEAD", path).status == 410
    assert kept(place.store, "tea") == [SOUND]


# What becomes of files that are refused, and of stores that fail


@pytest.mark.parametrize(("kind", "status"), [(b"type", 415), (b"content", 422)])
@pytest.mark.parametrize("how", ["at once", "small", "large", "joined"])
def test_of_a_refused_file_nothing_is_kept(place: Place, kind: bytes, status: int, how: str) -> None:
    data = kind + (SOUND if how in ("at once", "small") else LARGE)
    if how == "at once":
        got = place.ask("POST", "/files/", data, **TEA | BYTES, upload_length=str(len(data)))
    elif how == "joined":
        got = place.ask("POST", "/files/", **final(begun_parts(place, data[:9], data[9:])))
    else:
        path = place.begin(len(data))
        got = place.patch(path, 0, *pieces(data))
        assert place.ask("HEAD", path).status == 404
    assert (got.status, got.told["fault"], kept(place.store, "tea")) == (status, "peer", [])
    assert len(place.left()) == (4 if how == "joined" else 0), "parts belong to whoever sent them"


class Failing:
    """A store that fails until it is told not to."""

    def __init__(self, place: Place) -> None:
        self.fails = True
        store = posting(place.store)

        async def post(note: VoiceMessage, body: Body) -> Committed:
            if self.fails:
                raise DoorError("the disk is on fire")
            return await store._post(note, body)

        place.posting = Posting(anything, post)
        place.restart()


@pytest.mark.parametrize("data", [SOUND, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_store_that_fails_can_be_tried_again(place: Place, data: bytes, restarts: bool) -> None:
    """Any client that asks where to go on, and sends from there, gets its note posted."""
    store, path = Failing(place), place.begin(len(data), data[:10])
    assert place.patch(path, 10, *pieces(data[10:])).status == 503
    if restarts:
        place.restart()
    offset = place.offset(path)
    assert offset == len(data) - 1, "never finished before there is a note"
    assert place.patch(path, offset, data[offset:]).status == 503
    store.fails = False
    assert place.patch(path, place.offset(path), data[place.offset(path) :]).headers["im-seq"] == "1"
    assert (kept(place.store, "tea"), place.offset(path)) == ([data], len(data))


def test_a_creation_that_fails_leaves_nothing(place: Place) -> None:
    store = Failing(place)
    paths = begun_parts(place, SOUND[:10], SOUND[10:])
    before = place.left()
    assert place.ask("POST", "/files/", SOUND, **TEA | BYTES, upload_length="5000").status == 503
    assert place.ask("POST", "/files/", **final(paths)).status == 503
    assert place.left() == before
    store.fails = False
    assert place.ask("POST", "/files/", **final(paths)).status == 201


def test_a_disk_without_room(place: Place) -> None:
    """507, nothing half visible, and it goes on when there is room."""
    path = place.begin(len(LARGE))
    with largest_file(150_000):
        got = place.patch(path, 0, *pieces(LARGE))
    assert (got.status, got.told["error"], got.told["fault"]) == (507, "insufficient_storage", "server")
    offset = place.offset(path)
    assert (0 < offset <= 150_000, kept(place.store, "tea")) == (True, [])
    assert place.patch(path, offset, *pieces(LARGE[offset:])).status == 204
    paths = begun_parts(place, LARGE[:100_000], LARGE[100_000:200_000])
    before = place.left()
    with largest_file(150_000):
        assert place.ask("POST", "/files/", **final(paths)).status == 507
    assert place.left() == before
    assert place.ask("POST", "/files/", **final(paths)).status == 201
    assert kept(place.store, "tea") == [LARGE, LARGE[:200_000]]


def test_a_crash_between_note_and_answer(place: Place) -> None:
    """The note was posted, the upload's bytes are still there, nobody heard of it."""
    path = place.begin(len(LARGE), LARGE[:-1])
    place.patch(path, len(LARGE) - 1, LARGE[-1:])
    place.files.append(path.removeprefix("/files/"), 0, [LARGE])
    place.restart()
    assert place.offset(path) == len(LARGE)
    assert place.patch(path, len(LARGE)).headers["im-seq"] == "1"
    assert kept(place.store, "tea") == [LARGE]


def test_after_a_power_cut_an_upload_goes_on_from_what_was_synced(place: Place) -> None:
    place.restart("this boot")
    path = place.begin(len(LARGE), LARGE[:300_000])
    place.restart("this boot")
    assert place.offset(path) == 300_000
    place.restart("the next boot")
    assert place.offset(path) == 0, "nothing was synced: 16 MB are not there"
    place.patch(path, 0, *pieces(LARGE))
    assert kept(place.store, "tea") == [LARGE]


# Pages


def test_a_page_of_the_same_host_may_upload(place: Place) -> None:
    page = {"origin": "http://127.0.0.1:3000", "access_control_request_method": "PATCH"}
    got = asyncio.run(asked(place.app, "OPTIONS", "/files/", (b"",), "", host="127.0.0.1:8766", **page))
    assert (got.status, got.headers["access-control-allow-origin"]) == (204, "http://127.0.0.1:3000")
    assert "PATCH" in got.headers["access-control-allow-methods"]
    assert "Upload-Offset" in got.headers["access-control-allow-headers"]
    got = place.ask("HEAD", place.begin(5), origin="http://127.0.0.1:3000")
    assert "Upload-Offset" in got.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://[", "https://localhost"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_a_page_of_another_host_may_not(place: Place, origin: str, method: str) -> None:
    got = place.ask(method, "/files/", **TEA, upload_length="5", origin=origin)
    assert (got.status, "access-control-allow-origin" in got.headers, place.left()) == (403, False, [])
