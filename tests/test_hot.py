"""The hot set: bounded in bytes, recent first, one read for all who ask; a second level may do what it likes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import DoorError, PeerError
from imlab.net.web.downloads.hot import Hot, Warmth
from imlab.net.web.downloads.kept import OVERHEAD, Kept, kept, unpack
from imlab.net.web.downloads.second import SecondLevel

ROOM = 10 * (OVERHEAD + 1000)  # for ten notes of 1,000 bytes


def of(number: int, size: int = 1000) -> Kept:
    """A note with its file."""
    body = number.to_bytes(4) * (size // 4)
    return kept(f"{number:032x}", "audio/ogg", sha256(body).hexdigest(), len(body), 1_700_000_000, body)


def value(hot: Hot, name: str) -> int:
    return hot.counters()[name][2]


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from((0, 4, 1000, 9000, 40_000)))))
def test_it_never_takes_more_than_it_may(notes: list[tuple[int, int]]) -> None:
    hot = Hot(Warmth(ROOM))
    for number, size in notes:
        hot.warm(of(number, size))
        assert value(hot, "imlab_hot_bytes") <= ROOM
        if size < 40_000:  # for which there is no room at all
            assert hot.get(of(number).id) == of(number, size)
    found = [note for number in range(31) if (note := hot.get(of(number).id))]
    assert sum(note.weight for note in found) == value(hot, "imlab_hot_bytes")
    assert len(found) == value(hot, "imlab_hot_notes")


def test_what_was_not_used_for_longest_goes_first() -> None:
    hot = Hot(Warmth(ROOM))
    for number in range(10):
        hot.warm(of(number))
    for _ in range(99):
        hot.get(of(1).id)  # often, but long ago
    for number in (0, *range(2, 10)):
        hot.get(of(number).id)
    hot.warm(of(10))
    assert [number for number in range(11) if hot.get(of(number).id) is None] == [1]


async def at_once(hot: Hot, many: int, read: Callable[[], Awaitable[Kept]]) -> list[Kept | BaseException]:
    """Many ask for the same note; the first of them loses patience."""
    askers = [asyncio.create_task(hot.fetch(of(1).id, read)) for _ in range(many)]
    await asyncio.sleep(0)
    askers[0].cancel()
    return (await asyncio.gather(*askers, return_exceptions=True))[1:]


def test_many_who_ask_at_once_share_one_read() -> None:
    hot, reads = Hot(), []

    async def read() -> Kept:
        reads.append(1)
        await asyncio.sleep(0)
        return of(1)

    assert asyncio.run(at_once(hot, 20, read)) == [of(1)] * 19
    assert len(reads) == value(hot, "imlab_hot_misses_total") == 1
    assert hot.get(of(1).id) == of(1)


def test_an_error_reaches_all_and_is_not_kept() -> None:
    hot, reads = Hot(), []

    async def read() -> Kept:
        reads.append(1)
        await asyncio.sleep(0)
        if len(reads) == 1:
            raise DoorError("the disk is gone")
        return of(1)

    assert {str(error) for error in asyncio.run(at_once(hot, 20, read))} == {"the disk is gone"}
    assert asyncio.run(at_once(hot, 2, read)) == [of(1)]
    assert len(reads) == 2


def test_what_is_forgotten_while_it_is_read_is_not_kept() -> None:
    async def test() -> None:
        hot, gate = Hot(), asyncio.Event()

        async def read() -> Kept:
            await gate.wait()
            return of(1)

        asking = asyncio.create_task(hot.fetch(of(1).id, read))
        await asyncio.sleep(0)
        hot.forget(of(1).id)
        gate.set()
        assert await asking == of(1)  # whoever asked before is answered
        assert hot.get(of(1).id) is None
        hot.warm(of(1))
        hot.forget(of(1).id)
        assert hot.get(of(1).id) is None

    asyncio.run(test())


@settings(max_examples=50)
@given(st.binary(), st.text(max_size=40), st.integers(0, 1 << 37))
def test_what_was_packed_comes_back(body: bytes, type: str, modified: int) -> None:
    note = kept("0" * 32, type, sha256(body).hexdigest(), len(body), modified, body)
    assert unpack(note.id, note.pack()) == note


@given(st.data())
def test_a_byte_that_changed_is_seen(data: st.DataObject) -> None:
    packed = bytearray(of(1, 40).pack())
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PeerError):
        unpack(of(1).id, bytes(packed))


@given(st.binary(max_size=100))
def test_nothing_odd_is_unpacked(value: bytes) -> None:
    with pytest.raises(PeerError):
        unpack("0" * 32, value)


class Shared:
    """A second level in memory."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}

    async def get(self, key: bytes) -> bytes | None:
        return self.held.get(key)

    async def put(self, key: bytes, value: bytes) -> None:
        self.held[key] = value


class Broken:
    """A second level that fails by any exception."""

    def __init__(self, error: Exception) -> None:
        self.error, self.asked = error, 0

    async def get(self, key: bytes) -> bytes | None:
        self.asked += 1
        raise self.error

    async def put(self, key: bytes, value: bytes) -> None:
        raise self.error


class Silent:
    """A second level that never answers."""

    async def get(self, key: bytes) -> bytes | None:
        return await asyncio.Future()

    async def put(self, key: bytes, value: bytes) -> None:
        await asyncio.Future()


class Liar(Shared):
    """A second level that has another note under every key."""

    async def get(self, key: bytes) -> bytes | None:
        return of(2).pack()


async def read_of_one() -> Kept:
    return of(1)


async def no_read() -> Kept:
    raise AssertionError("it was in the second level")


@pytest.mark.parametrize("at_upload", [True, False])
def test_what_one_server_read_or_took_another_finds(at_upload: bool) -> None:
    async def test() -> None:
        shared = Shared()
        first, other = Hot(second=shared), Hot(second=shared)
        if at_upload:
            first.warm(of(1))
        else:
            await first.fetch(of(1).id, read_of_one)
        await first.close()
        assert await other.fetch(of(1).id, no_read) == of(1)
        assert value(other, "imlab_second_hits_total") == 1

    asyncio.run(test())


def test_what_is_forgotten_is_not_found_by_others() -> None:
    async def test() -> None:
        shared = Shared()
        first, other = Hot(second=shared), Hot(second=shared)
        first.warm(of(1))
        first.forget(of(1).id)
        await first.close()
        with pytest.raises(DoorError, match="no longer"):
            await other.fetch(of(1).id, gone)

    asyncio.run(test())


async def gone() -> Kept:
    raise DoorError("it is here no longer")


@pytest.mark.parametrize(
    "level",
    [Broken(OSError("refused")), Broken(KeyError(3)), Silent(), Liar()],
    ids=lambda it: type(it).__name__ if not isinstance(it, int) else str(it),
)
def test_its_failure_fails_nobody(level: SecondLevel, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> Hot:
        hot = Hot(second=level)
        hot.warm(of(3))
        assert await hot.fetch(of(1).id, read_of_one) == of(1)
        hot.forget(of(1).id)
        assert await hot.fetch(of(1).id, read_of_one) == of(1)
        await hot.close()
        return hot

    hot = asyncio.run(test())
    assert value(hot, "imlab_second_failures_total") > 0
    assert value(hot, "imlab_second_hits_total") == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # once


def test_after_a_failure_it_rests() -> None:
    async def test() -> int:
        level = Broken(OSError("refused"))
        hot = Hot(second=level)
        for number in range(20):
            await hot.fetch(of(number).id, read_of_one)
        return level.asked

    assert asyncio.run(test()) == 1
