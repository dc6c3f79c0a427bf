"""The article's form: fields and file in any order and in any pieces; what is no form, or too much of one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser

from imlab.net.web.uploads.chunked import Chunked
from imlab.net.web.uploads.form import Upload
from imlab.net.web.uploads.multipart import Form
from imlab.server.parts import Malformed, TooLarge
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.store.memory import MemoryStore
from imlab.store.part_files import PartFiles
from tests.uploads import Got, asked, kept, posting

TERMS = UploadTerms(file=10_000, memory=1_000, patience=Patience(linger=0.05))
KEY = "0123456789abcdef" * 2
SOUND = Random(2).randbytes(3_000) + b"\r\n--bound\r\n\r--boundary-\r\n-" + Random(3).randbytes(500)
TYPE = "multipart/form-data; boundary=boundary"


def field(name: str, value: str) -> bytes:
    return f'--boundary\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(data: bytes, name: str = "file", filename: str = "note.ogg", type: str = "audio/ogg") -> bytes:
    head = f'--boundary\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    return f"{head}Content-Type: {type}\r\n\r\n".encode() + data + b"\r\n"


END = b"--boundary--\r\n"
FORM = field("room", "tea room") + field("sender", "ann") + file(SOUND) + END


class Server:
    """The application and its store."""

    def __init__(self, directory: Path) -> None:
        self.store = MemoryStore()
        self.spools = directory / "spools"
        place = posting(self.store)
        chunked = Chunked(place, PartFiles(directory / "parts"), TERMS)
        self.app = Upload(place, self.spools, chunked, TERMS, clock=lambda: 1_700_000_000.5)

    def post(self, *pieces: bytes, type: str = TYPE, **headers: str) -> Got:
        return asyncio.run(asked(self.app, "POST", "/upload", pieces, content_type=type, **headers))


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


ORDERS = {
    "file last": FORM,
    "file first": file(SOUND) + field("room", "tea room") + field("sender", "ann") + END,
    "file between, and strangers":
        field("a", "1") + field("room", "tea room") + file(SOUND) + field("sender", "ann") + END,
    "with a preface and an afterword": b"\r\n" + FORM + b"and so on",
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_a_form_is_a_note(server: Server, order: str) -> None:
    got = server.post(ORDERS[order], idempotency_key=KEY)
    assert (got.status, got.headers["location"]) == (201, f"/audio/{KEY}")
    assert (got.told["seq"], got.told["sha256"]) == (1, sha256(SOUND).hexdigest())
    (note,) = server.store.load("tea room", 0, 1).notes
    assert (note.sender, note.file and note.file.type) == ("ann", "audio/ogg")
    assert kept(server.store, "tea room") == [SOUND]
    assert server.post(FORM, idempotency_key=KEY).status == 200


def test_byte_by_byte_is_the_same(server: Server) -> None:
    assert server.post(*(FORM[i : i + 1] for i in range(len(FORM)))).status == 201
    assert kept(server.store, "tea room") == [SOUND]
    assert not list(server.spools.iterdir())


FORMS = st.builds(
    lambda pairs, data, at: b"".join(
        [*(field(*pair) for pair in pairs[:at]), file(data)] + [field(*p) for p in pairs[at:]]
    ),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.text(max_size=20)), unique_by=lambda pair: pair[0], max_size=5),
    st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--boundary", b"\r\n--bound", b"x", bytes(40)]))
    .map(b"".join)
    .filter(lambda data: b"\r\n--boundary" not in data),
    st.integers(0, 5),
)
CUTS = st.lists(st.integers(0, 600))


def read(body: bytes, cuts: list[int]) -> tuple[dict[str, str], bytes]:
    """What the form says, cut in pieces."""
    form, places = Form(TYPE.encode(), ["file"], TERMS), sorted({0, *cuts, len(body)})
    found = b"".join(piece for i, j in pairwise(places) for piece in form.feed(body[i:j]))
    form.end()
    return form.fields, found


def read_by_the_library(body: bytes) -> tuple[dict[str, str], bytes]:
    """The same, by python-multipart: slower, and known to many."""
    fields, files = list[Field](), list[File]()
    parser = FormParser("multipart/form-data", fields.append, files.append, boundary=b"boundary")
    parser.write(body)
    (found,) = files
    found.file_object.seek(0)
    said = {(each.field_name or b"").decode(): (each.value or b"").decode() for each in fields}
    return said, found.file_object.read()


@settings(max_examples=60, deadline=None)
@given(FORMS, CUTS)
def test_a_form_is_read_as_the_library_reads_it(form: bytes, cuts: list[int]) -> None:
    assert read(form + END, cuts) == read_by_the_library(form + END)


@settings(max_examples=100, deadline=None)
@given(FORMS, st.integers(0, 500), st.binary(min_size=1, max_size=3), CUTS)
def test_what_a_damaged_form_still_says_is_what_the_library_says(
    form: bytes, at: int, damage: bytes, cuts: list[int]
) -> None:
    body = form[:at] + damage + form[at + len(damage) :] + END
    try:
        said = read(body, [])
    except (Malformed, TooLarge):
        with pytest.raises((Malformed, TooLarge)):
            read(body, cuts)
    else:
        assert said == read(body, cuts)
        with suppress(FormParserError, ValueError):
            assert said == read_by_the_library(body)


BROKEN: dict[str, tuple[bytes, str, int, str]] = {
    "not a form": (SOUND, "audio/ogg", 415, "multipart/form-data"),
    "the other kind of form": (b"room=hall", "application/x-www-form-urlencoded", 415, "multipart/form-data"),
    "no type": (FORM, "", 415, "multipart/form-data"),
    "no boundary": (FORM, "multipart/form-data", 400, "a boundary of 1"),
    "an endless boundary": (FORM, f"multipart/form-data; boundary={'b' * 5_000}", 400, "a boundary of 1 to 70"),
    "another boundary": (FORM, "multipart/form-data; boundary=frontier", 400, "before its last"),
    "no end": (FORM[: -len(END)], TYPE, 400, "before its last boundary"),
    "an end in the middle": (FORM[:-30], TYPE, 400, "before its last boundary"),
    "no file": (field("room", "hall") + END, TYPE, 400, "no file"),
    "an empty form": (END, TYPE, 400, "no file"),
    "a boundary that goes on": (FORM.replace(b"boundary\r\n", b"boundary!\r\n"), TYPE, 400, "goes on"),
    "a boundary with a tail": (FORM.replace(b"boundary\r\n", b"boundary" + b" " * 80 + b"\r\n"), TYPE, 400, "goes on"),
    "one hyphen at the end": (FORM.replace(END, b"--boundary-\r\n"), TYPE, 400, "goes on"),
    "two files": (file(SOUND) + file(SOUND) + END, TYPE, 400, "two files"),
    "a whole and a part": (file(SOUND) + file(SOUND, "data") + END, TYPE, 400, "two files"),
    "two rooms": (field("room", "hall") + field("room", "tea") + file(SOUND) + END, TYPE, 400, "room twice"),
    "no room": (file(SOUND) + END, TYPE, 400, "room"),
    "a room of bells": (field("room", "\a") + file(SOUND) + END, TYPE, 400, "room"),
    "a room that is no UTF-8": (FORM.replace(b"tea room", b"tea\xff"), TYPE, 400, "UTF-8"),
    "a field like a file": (field("room", "r" * 1_025) + file(SOUND) + END, TYPE, 400, "1024 bytes"),
    "a field without a name": (FORM.replace(b'name="room"', b"x=y"), TYPE, 400, "no name"),
    "more fields than anyone needs": (b"".join(field(f"f{i}", "") for i in range(40)) + END, TYPE, 400, "32 fields"),
    "more headers than anyone needs": (
        b"--boundary\r\n" + b"A: b\r\n" * 1_000 + b"\r\n" + END,
        TYPE,
        400,
        "4096 bytes",
    ),
    "a header without end": (b"--boundary\r\nA: " + b"b" * 9_000 + END, TYPE, 400, "4096 bytes"),
    "an empty file": (field("room", "hall") + file(b"") + END, TYPE, 422, "empty"),
    "no sound": (field("room", "tea room") + file(b"type") + END, TYPE, 415, "begins with type"),
    "broken sound": (field("room", "tea room") + file(b"content") + END, TYPE, 422, "begins with content"),
    "too large": (field("room", "tea room") + file(bytes(10_001)) + END, TYPE, 413, "10000"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_good_is_refused_and_not_kept(server: Server, case: str) -> None:
    body, kind, status, why = BROKEN[case]
    for pieces in ([body], [body[i : i + 997] for i in range(0, len(body), 997)]):
        got = server.post(*pieces, type=kind)
        assert (got.status, got.told["fault"]) == (status, "peer")
        assert why in got.told["detail"]
        assert kept(server.store, "tea room") == []
        assert not list(server.spools.iterdir())


def test_nothing_of_the_file_stays_in_the_form() -> None:
    form = Form(TYPE.encode(), ["file"], UploadTerms())
    form.feed(field("room", "hall") + file(b"")[:-2])
    for _ in range(100):
        assert form.feed(bytes(10_000)) == [bytes(10_000)]
    with pytest.raises(Malformed, match="ends before"):
        form.end()
