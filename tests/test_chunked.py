"""The article's form in parts: any order, any repetition, any break; what arrived is known, and one note comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.net.web.uploads.arrival import Arrival
from imlab.net.web.uploads.chunked import Chunked
from imlab.net.web.uploads.form import Upload
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.store.memory import MemoryStore
from imlab.store.part_files import PartFiles
from tests.test_form import END, TYPE, field, file
from tests.test_store import largest_file
from tests.uploads import Got, asked, kept, posting

TERMS = UploadTerms(file=10_000, memory=200, parts=50, unfinished=3, patience=Patience(linger=0.05))
SOUND = Random(4).randbytes(2_500)
KEY = "0123456789abcdef" * 2
NOW = 1_700_000_000.0


class Server:
    """The application and its store; ``restart`` keeps what is on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.store, self.now = directory, MemoryStore(), NOW
        self.restart()

    def restart(self) -> None:
        place = posting(self.store)
        self.chunked = Chunked(place, PartFiles(self.directory / "parts"), TERMS, lambda: self.now)
        self.app = Upload(place, self.directory / "spools", self.chunked, TERMS, lambda: self.now)

    def send(self, data: bytes, after: str = "", **fields: Any) -> Got:
        """One part. after: the field that comes behind the data."""
        said = {"room": "hall", "fileId": "song"} | {name: str(value) for name, value in fields.items()}
        behind = field(after, said.pop(after)) if after else b""
        body = b"".join(field(name, value) for name, value in said.items() if value) + file(data, "data") + behind + END
        pieces = [body[i : i + 150] for i in range(0, len(body), 150)]
        return asyncio.run(asked(self.app, "POST", "/upload", pieces, content_type=TYPE))

    def part(self, index: int, size: int = 1_000, data: bytes = SOUND, **fields: Any) -> Got:
        """A part of a sound, with all that can be said of it."""
        total = -(-len(data) // size)
        told = {"chunkIndex": index, "totalChunks": total, "chunkSize": size} | fields
        return self.send(data[index * size : (index + 1) * size], **told)

    def about(self, id: str = "song") -> Got:
        return asyncio.run(asked(self.app, "GET", f"/upload/{id}"))

    def left(self) -> list[str]:
        return sorted(path.name for path in self.directory.rglob("*") if path.is_file())


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_the_last_missing_part_brings_the_note(server: Server) -> None:
    assert server.part(2).told == {"fileId": "song", "chunkIndex": 2, "totalChunks": 3, "arrived": 1}
    assert server.part(0).told["arrived"] == 2
    assert server.about().told == {
        "fileId": "song", "totalChunks": 3, "chunkSize": 1_000, "arrived": [0, 2], "missing": [1], "note": None,
    }  # fmt: skip
    got = server.part(1)
    assert (got.status, got.told["seq"], got.told["sha256"]) == (201, 1, sha256(SOUND).hexdigest())
    assert got.headers["location"] == got.told["url"]
    assert server.about().told == {"fileId": "song", "missing": [], "note": got.told}
    assert kept(server.store, "hall") == [SOUND]
    assert server.left() == ["song.done"]


SAYS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "the size": lambda index, size: {"chunkSize": size},
    "the offset": lambda index, size: {"chunkSize": "", "offset": index * size},
    "both": lambda index, size: {"offset": index * size},
    "the size behind the data": lambda index, size: {"after": "chunkSize"},
    "the index behind the data": lambda index, size: {"after": "chunkIndex"},
    "the id behind the data": lambda index, size: {"after": "fileId"},
    "the room behind the data": lambda index, size: {"after": "room"},
}


@settings(max_examples=25, deadline=None)
@given(
    st.integers(150, 900),
    st.integers(1, 2_500),
    st.randoms(use_true_random=False),
    st.sampled_from(sorted(SAYS)),
    st.booleans(),
)
def test_order_and_repetition_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, size: int, length: int, luck: Random, says: str, restarts: bool
) -> None:
    size, data = max(size, -(-length // TERMS.parts)), SOUND[:length]
    server, total = Server(tmp_path_factory.mktemp("parts")), -(-length // size)
    order = luck.sample(range(total), total)
    for index in [*order[:-1], *order[:-1][:2], order[-1]]:
        if restarts:
            server.restart()
        got = server.part(index, size, data, **SAYS[says](index, size))
        assert got.status == 201 if index == order[-1] else got.status == 200
    assert got.told["sha256"] == sha256(data).hexdigest()
    assert kept(server.store, "hall") == [data]
    assert server.left() == ["song.done"]


def test_the_articles_four_fields_are_enough_if_the_last_part_is_not_first(server: Server) -> None:
    got = server.part(2, chunkSize="")
    assert (got.status, "chunkSize" in got.told["detail"]) == (409, True)
    assert server.left() == []
    assert [server.part(index, chunkSize="").status for index in (1, 2, 0)] == [200, 200, 201]
    assert kept(server.store, "hall") == [SOUND]


def test_one_part_is_a_note(server: Server) -> None:
    assert server.send(SOUND, chunkIndex=0, totalChunks=1).status == 201
    assert kept(server.store, "hall") == [SOUND]


def test_a_part_again_is_compared(server: Server) -> None:
    server.part(0), server.part(2)
    assert server.part(0).status == server.part(2).status == 200
    for index, other in ((0, bytes(1_000)), (0, SOUND[:999] + b"!"), (2, bytes(500)), (2, SOUND[2_000:2_499])):
        got = server.send(other, chunkIndex=index, totalChunks=3, chunkSize=1_000)
        assert (got.status, got.told["error"]) == (409, "conflict"), (index, len(other))
    assert server.part(1).status == 201
    assert kept(server.store, "hall") == [SOUND]


def test_a_finished_upload_tells_of_its_note_and_keeps_telling(server: Server) -> None:
    first = [server.part(index) for index in range(3)][-1]
    for _ in range(2):
        for index in range(3):
            again = server.part(index, chunkSize="")
            assert (again.status, again.told) == (200, first.told)
        server.restart()
    assert kept(server.store, "hall") == [SOUND]


def test_an_id_that_could_be_a_notes_is_the_notes(server: Server) -> None:
    assert server.send(SOUND, chunkIndex=0, totalChunks=1, fileId=KEY).told["id"] == KEY
    ids = [server.send(SOUND, chunkIndex=0, totalChunks=1, fileId=f).told["id"] for f in ("a", "b")]
    assert len({*ids, KEY}) == 3 and {len(each) for each in ids} == {32}


def test_the_answer_outlives_its_record(server: Server) -> None:
    """The note's id follows from room, sender and fileId: sent again after all is forgotten, it is found."""
    first = [server.part(index) for index in range(3)][-1]
    (server.directory / "parts" / "song.done").unlink()
    server.restart()
    again = [server.part(index) for index in range(3)][-1]
    assert (again.status, again.told) == (200, first.told)


def test_whole_but_unposted_when_it_was_killed(server: Server) -> None:
    """Killed between the last part and the note: any part again brings the note."""
    server.part(0), server.part(1)
    files = PartFiles(server.directory / "parts")
    files.write("song", 2_000, [SOUND[2_000:]])
    files.mark("song", 2, 2_500)
    server.restart()
    assert server.about().told["missing"] == []
    assert server.part(0).status == 201
    assert kept(server.store, "hall") == [SOUND]


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "a billion parts": ({"totalChunks": 10**9}, 400),
    "more parts than are taken": ({"totalChunks": 51}, 400),
    "no parts": ({"totalChunks": 0}, 400),
    "minus one part": ({"totalChunks": -1}, 400),
    "parts in words": ({"totalChunks": "three"}, 400),
    "parts without end": ({"totalChunks": "9" * 900}, 400),
    "parts in other digits": ({"totalChunks": "٣"}, 400),
    "no index": ({"chunkIndex": ""}, 400),
    "an index too far": ({"chunkIndex": 3}, 400),
    "an index before all": ({"chunkIndex": -1}, 400),
    "half an index": ({"chunkIndex": "0.5"}, 400),
    "no size": ({"chunkSize": 0}, 400),
    "a size of all": ({"chunkSize": 5_000}, 413),
    "a size of everything": ({"chunkSize": 2**53 - 1}, 413),
    "a size of more": ({"chunkSize": 2**53}, 400),
    "a size that is not": ({"chunkSize": 999}, 400),
    "another size that is not": ({"chunkSize": 1_001}, 400),
    "an offset between": ({"chunkIndex": 1, "offset": 999}, 400),
    "an offset at the beginning": ({"chunkIndex": 1, "offset": 0, "chunkSize": ""}, 400),
    "an offset behind the beginning": ({"chunkIndex": 0, "offset": 1_000, "chunkSize": ""}, 400),
    "an odd offset": ({"chunkIndex": 2, "totalChunks": 4, "offset": 1_999, "chunkSize": ""}, 400),
    "an offset below": ({"chunkIndex": 1, "offset": -1_000}, 400),
    "no id": ({"fileId": ""}, 400),
    "up": ({"fileId": "../../etc/passwd"}, 400),
    "here": ({"fileId": "."}, 400),
    "a path": ({"fileId": "/etc/passwd"}, 400),
    "a drive": ({"fileId": "C:\\song"}, 400),
    "a NUL": ({"fileId": "song\0"}, 400),
    "a newline": ({"fileId": "song\n"}, 400),
    "a turn": ({"fileId": "song\u202egpj.exe"}, 400),
    "a look-alike": ({"fileId": "ѕong"}, 400),
    "a long id": ({"fileId": "s" * 129}, 400),
    "an endless id": ({"fileId": "s" * 4_096}, 400),
    "no room": ({"room": ""}, 400),
    "a room of bells": ({"room": "\a"}, 400),
    "a long sender": ({"sender": "s" * 129}, 400),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_and_leaves_nothing(server: Server, case: str) -> None:
    wrong, status = REFUSED[case]
    fields = {"chunkIndex": 0, "totalChunks": 3, "chunkSize": 1_000} | wrong
    for after in ("", "chunkIndex"):
        got = server.send(SOUND[:1_000], after=after, **fields)
        assert (got.status, got.told["fault"]) == (status, "peer"), got.told
        assert kept(server.store, "hall") == []
        assert [name for name in server.left() if not name.startswith("song.")] == []
    assert server.about().status == 404 or server.about().told["arrived"] == []


OTHERWISE: dict[str, dict[str, Any]] = {
    "more parts": {"totalChunks": 4},
    "larger parts": {"chunkSize": 1_001},
    "another room": {"room": "tea room"},
    "another sender": {"sender": "bob"},
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_an_upload_does_not_change_its_mind(server: Server, case: str) -> None:
    server.part(0)
    got = server.part(1, **OTHERWISE[case])
    assert (got.status, got.told["error"]) == (409, "conflict")
    assert server.about().told["missing"] == [1, 2]


def test_the_last_part_ends_within_what_is_taken(server: Server) -> None:
    assert server.part(1, 6_000, bytes(10_000)).status == 200
    assert server.part(1, 6_000, bytes(10_001), fileId="longer").status == 413


@pytest.mark.parametrize(("said", "status"), [(b"type", 415), (b"content", 422)])
def test_what_is_no_sound_is_forgotten_and_may_begin_again(server: Server, said: bytes, status: int) -> None:
    bad = said + SOUND
    assert [server.part(index, data=bad).status for index in range(3)] == [200, 200, status]
    assert server.left() == []
    assert server.about().status == 404
    assert [server.part(index).status for index in range(3)] == [200, 200, 201]


def test_there_is_an_end_to_unfinished_uploads(server: Server) -> None:
    for number in range(3):
        server.part(0, fileId=f"song-{number}")
    full = server.part(0)
    assert (full.status, full.told["fault"]) == (503, "server")
    assert [server.part(index, fileId="song-1").status for index in (1, 2)] == [200, 201]
    assert server.part(0).status == 200


def test_abandoned_uploads_are_forgotten(server: Server) -> None:
    server.part(0, fileId="old")
    server.now += TERMS.keep / 2
    server.part(0)
    asyncio.run(server.chunked.sweep(NOW + TERMS.keep + 1))
    assert (server.about("old").status, server.about().status) == (404, 200)
    assert server.left() == ["song.data", "song.state"]
    server.part(1), server.part(2)
    asyncio.run(server.chunked.sweep(NOW))
    assert server.left() == ["song.done"]
    asyncio.run(server.chunked.sweep(4e9))  # long after the disk's own clock
    assert server.left() == []


def test_a_full_disk_costs_the_part_and_passes(server: Server) -> None:
    server.part(0)
    with largest_file(1_500):
        full = server.part(1)
        assert (full.status, full.told["fault"]) == (507, "server")
        assert server.part(2).status == 507
    assert server.about().told["arrived"] == [0]
    assert [server.part(index).status for index in (2, 1)] == [200, 201]
    assert kept(server.store, "hall") == [SOUND]


def test_an_upload_that_cannot_begin_leaves_nothing(server: Server) -> None:
    with largest_file(10):
        assert server.part(0).status == 507
    assert server.left() == []
    assert server.part(0).status == 200


def test_a_part_that_two_bring_belongs_to_the_newer(server: Server) -> None:
    said = {"fileId": "song", "room": "hall", "chunkIndex": "0", "totalChunks": "3", "chunkSize": "1000"}

    async def race() -> None:
        older, newer = await _arrival(server, said), await _arrival(server, said)
        await older.write(bytes(100))
        await newer.write(SOUND[:600])
        with pytest.raises(Exception, match="another request brings part 0 now"):
            await older.write(bytes(900))
        await newer.write(SOUND[600:1_000])
        await older.discard()
        await server.chunked.arrived(newer)

    asyncio.run(race())
    answers = [server.part(index) for index in (0, 1, 2)]
    assert [got.status for got in answers] == [200, 200, 201]
    assert answers[-1].told["sha256"] == sha256(SOUND).hexdigest()
    assert kept(server.store, "hall") == [SOUND]


def test_parts_in_parallel_bring_one_note(server: Server) -> None:
    fields: list[dict[str, Any]] = [{"chunkIndex": i, "totalChunks": 25, "chunkSize": 100} for i in range(25)]

    async def bring(index: int) -> Got:
        said = {"room": "hall", "fileId": "song"} | {name: str(value) for name, value in fields[index % 25].items()}
        data = SOUND[index % 25 * 100 :][:100]
        body = b"".join(field(name, value) for name, value in said.items()) + file(data, "data") + END
        return await asked(server.app, "POST", "/upload", [body[:60], body[60:]], content_type=TYPE)

    async def together() -> list[Got]:
        return await asyncio.gather(*(bring(index) for index in range(50)))

    answers = asyncio.run(together())
    assert [got.status for got in answers].count(201) == 1
    assert {got.status for got in answers} <= {200, 201, 409}
    assert kept(server.store, "hall") == [SOUND]


async def _arrival(server: Server, said: dict[str, str]) -> Arrival:
    arrival = await server.chunked.arrival(said, "audio/ogg")
    assert isinstance(arrival, Arrival)
    return arrival
