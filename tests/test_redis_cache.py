"""Redis as a second level of cache: what was put is got, whoever stops waiting, and whatever befalls Redis."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from hashlib import sha256

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import DoorError, UsageError
from imlab.net.web.downloads import second
from imlab.net.web.downloads.hot import Hot, Warmth
from imlab.net.web.downloads.kept import Kept, kept
from imlab.stack.services.contract import Endpoint
from imlab.stack.services.private import Private, private
from imlab.stack.services.redis import Redis
from imlab.store import redis_cache
from imlab.store.redis_address import RedisAddress
from imlab.store.redis_cache import Keeping, RedisCache
from tests.tools import need_service

pytest_plugins = ("tests.servers",)
pytestmark = pytest.mark.process
PATIENT = 30.0  # seconds, in place of the usual patience: a crowded machine is no dead Redis
LOOPS = {"asyncio": asyncio.run, "uvloop": uvloop.run}

ADDRESSES = [
    ("redis://127.0.0.1:7000/3", RedisAddress("127.0.0.1", 7000, database=3), [("SELECT", "3")]),
    ("redis://cache", RedisAddress("cache", 6379), []),
    ("redis://:p%40ss@cache", RedisAddress("cache", password="p@ss"), [("AUTH", "p@ss")]),
    ("rediss://me:x@cache/0", RedisAddress("cache", tls=True, user="me", password="x"), [("AUTH", "me", "x")]),
    ("unix:///run/a%20b?db=2", RedisAddress(path="/run/a b", database=2), [("SELECT", "2")]),
]


@pytest.mark.parametrize(("url", "address", "greeting"), ADDRESSES, ids=[url for url, _, _ in ADDRESSES])
def test_an_address_is_read(url: str, address: RedisAddress, greeting: list[tuple[str, ...]]) -> None:
    assert RedisAddress.parse(url) == address
    assert address.greeting() == greeting


@pytest.mark.parametrize("url", ["", "http://cache", "redis://:secret@cache:port", "redis://cache/first", "unix://"])
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="it looks like redis://") as refused:
        RedisAddress.parse(url)
    assert "secret" not in str(refused.value) + repr(RedisAddress(password="secret"))


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Private]:
    """A Redis that may be mistreated: 8 MB of memory."""
    need_service("redis", of_ours=True)
    monkeypatch.setattr(redis_cache, "STALE_S", PATIENT)
    monkeypatch.setattr(redis_cache, "CONNECTING_S", PATIENT)
    with private(Redis(memory_mb=8)) as server:
        yield server


def value_of(key: bytes) -> bytes:
    """About 20 kB that tell whose they are."""
    return (key + b" ") * (20_000 // (len(key) + 1))


async def asked(cache: RedisCache, *words: str) -> bytes:
    """Any command, by the connection's own words."""
    return bytes(await cache._ask(*(word.encode() for word in words)))


@pytest.mark.outside
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("near", [False, True], ids=["tcp", "unix"])
def test_what_was_put_is_got(redis: Endpoint, near: bool, loop: Callable[[Awaitable[None]], None]) -> None:
    url = redis.unix if near else redis.url
    if not url:
        pytest.skip("needs a unix socket, which the endpoint of IMLAB_REDIS does not tell: unset it")

    async def run() -> None:
        cache = RedisCache(url, Keeping(prefix=b"test/round/"))
        keys = [b"key %d" % number for number in range(40)]
        assert await cache.get(b"never put") is None
        await asyncio.gather(*(cache.put(key, value_of(key)) for key in keys))
        assert await asyncio.gather(*(cache.get(key) for key in keys)) == [value_of(key) for key in keys]
        await cache.close()

    loop(run())


@pytest.mark.outside
@settings(max_examples=25)
@given(key=st.binary(max_size=50), value=st.binary(max_size=300))
def test_any_bytes_are_keys_and_values(redis: Endpoint, key: bytes, value: bytes) -> None:
    async def run() -> None:
        cache = RedisCache(redis.url, Keeping(prefix=b"test/any/"))
        await cache.put(key, value)
        assert await cache.get(key) == value
        await cache.close()

    asyncio.run(run())


@pytest.mark.outside
@pytest.mark.parametrize("seed", range(4))
def test_who_stops_waiting_moves_nobodys_answer(redis: Endpoint, seed: int) -> None:
    luck = random.Random(seed)

    async def run() -> None:
        cache = RedisCache(redis.url, Keeping(prefix=b"test/stop/"))
        keys = [b"key %d" % number for number in range(60)]
        await asyncio.gather(*(cache.put(key, value_of(key)) for key in keys))
        questions = {key: asyncio.create_task(cache.get(key)) for key in keys}
        for key in luck.sample(keys, 30):
            if luck.random() < 0.5:
                await asyncio.sleep(0)
            questions[key].cancel()
        answers = await asyncio.gather(*questions.values(), return_exceptions=True)
        got = [(key, answer) for key, answer in zip(keys, answers, strict=True) if isinstance(answer, bytes)]
        assert len(got) >= 30 and all(answer == value_of(key) for key, answer in got)
        assert await cache.get(keys[0]) == value_of(keys[0])
        await cache.close()

    asyncio.run(run())


@pytest.mark.outside
def test_values_go_when_their_time_is_over_and_the_least_recently_used_before(own: Private) -> None:
    async def run() -> None:
        cache = RedisCache(own.endpoint.url, Keeping(seconds=1000, prefix=b""))
        await cache.put(b"first", b"x")
        assert 0 < await cache._ask(b"TTL", b"first") <= 1000
        keys = [b"key %d" % number for number in range(1000)]  # 20 MB in all
        for start in range(0, len(keys), 100):
            await asyncio.gather(*(cache.put(key, value_of(key)) for key in keys[start : start + 100]))
        found = await asyncio.gather(*(cache.get(key) for key in keys))
        assert found[-1] == value_of(keys[-1])
        assert all(value in (None, value_of(key)) for key, value in zip(keys, found, strict=True))
        assert 100 < sum(value is not None for value in found) < 500, "8 of 20 MB"
        await cache.close()

    asyncio.run(run())


@pytest.mark.outside
def test_a_redis_that_is_killed_under_way_answers_rightly_or_not_at_all(own: Private) -> None:
    keys = [b"key %d" % number for number in range(50)]

    async def run() -> None:
        cache = RedisCache(own.endpoint.url)
        await asyncio.gather(*(cache.put(key, value_of(key)) for key in keys))
        right, failed = 0, 0
        while not failed:
            questions = [asyncio.create_task(cache.get(key)) for key in keys]
            if right:
                await asyncio.sleep(0)  # the questions are on their way
                own.process.end(signal.SIGKILL, PATIENT)
            for key, answer in zip(keys, await asyncio.gather(*questions, return_exceptions=True), strict=True):
                right += answer == value_of(key)
                failed += isinstance(answer, DoorError)
        assert right + failed == 2 * len(keys)
        with pytest.raises(DoorError, match="no Redis at 127"):
            await cache.get(keys[0])

    asyncio.run(run())


def note(number: int) -> Kept:
    """Twenty thousand bytes of its own."""
    body = value_of(b"note %d" % number)
    return kept(f"{number:032x}", "audio/ogg", sha256(body).hexdigest(), len(body), 0, body)


@pytest.mark.outside
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
@pytest.mark.parametrize("seed", range(2))
def test_every_answer_is_right_whatever_befalls_redis(
    own: Private, blow: signal.Signals, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty readers of thirty notes, of which memory holds five, and the blow falls among them."""
    notes = [note(number) for number in range(30)]
    monkeypatch.setattr(second, "PATIENCE", PATIENT if blow == signal.SIGKILL else second.PATIENCE)

    async def run() -> None:
        hot = Hot(Warmth(limit=5 * notes[0].weight), RedisCache(own.endpoint.url))
        for each in notes:
            hot.warm(each)
        await hot.close()
        asked = 0

        async def read(each: Kept) -> Kept:
            await asyncio.sleep(0)
            return each

        async def reader(luck: random.Random) -> None:
            nonlocal asked
            for _ in range(60):
                wanted = luck.choice(notes)
                found = hot.get(wanted.id) or await hot.fetch(wanted.id, partial(read, wanted))
                assert found == wanted
                asked += 1
                if asked == 400:
                    os.kill(own.process.pid, blow)

        await asyncio.gather(*(reader(random.Random(f"{seed} {number}")) for number in range(20)))
        counts = {name: value for name, (_, _, value) in hot.counters().items()}
        assert asked == 1200 and counts["imlab_second_hits_total"] > 0 and counts["imlab_second_failures_total"] > 0
        await hot.close()

    asyncio.run(run())
    if blow == signal.SIGSTOP:
        os.kill(own.process.pid, signal.SIGCONT)


@pytest.mark.outside
def test_a_lost_connection_is_made_anew(own: Private) -> None:
    async def run() -> None:
        cache, other = (RedisCache(own.endpoint.url) for _ in range(2))
        await cache.put(b"key", b"value")
        mine = (await asked(cache, "CLIENT", "INFO")).split()[0].removeprefix(b"id=")
        waiting = asyncio.create_task(cache._ask(b"BLPOP", b"nothing", 0))
        await asyncio.sleep(0)  # it is asked
        await other._ask(b"CLIENT", b"KILL", b"ID", mine)
        with pytest.raises(DoorError, match="Redis does not answer"):
            await waiting
        assert await cache.get(b"key") == b"value"

    asyncio.run(run())


@pytest.mark.outside
def test_a_connection_whose_answer_is_late_is_given_up(own: Private, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        cache = RedisCache(own.endpoint.url)
        await cache.put(b"key", b"value")
        late = asyncio.create_task(cache._ask(b"BLPOP", b"nothing", 0))
        await asyncio.sleep(0)
        monkeypatch.setattr(redis_cache, "STALE_S", 0.0)
        assert await cache.get(b"key") == b"value", "by another connection"
        with pytest.raises(DoorError, match="not within"):
            await late

    asyncio.run(run())


@pytest.mark.outside
@pytest.mark.parametrize(
    ("value", "most"), [(b"small", redis_cache.MOST_WAITING), (bytes(1 << 20), 40)], ids=["number", "bytes"]
)
def test_what_waits_for_a_stopped_redis_is_bounded(own: Private, value: bytes, most: int) -> None:
    async def run() -> None:
        cache = RedisCache(own.endpoint.url)
        await cache.put(b"key", value)
        os.kill(own.process.pid, signal.SIGSTOP)
        questions = []
        for _ in range(most + 1):
            questions.append(asyncio.create_task(cache.put(b"key", value)))
            await asyncio.sleep(0)  # it is asked
        with pytest.raises(DoorError, match="Redis is slow"):
            await questions[-1]
        os.kill(own.process.pid, signal.SIGCONT)
        said = await asyncio.gather(*questions, return_exceptions=True)
        assert sum(isinstance(each, DoorError) for each in said) < len(said) / 1.2, "those before are not lost"
        assert await cache.get(b"key") == value

    asyncio.run(run())


@pytest.mark.outside
def test_a_password_and_a_database_open_what_is_theirs(own: Private) -> None:
    url = own.endpoint.url.removesuffix("0")

    async def run() -> None:
        first, second = RedisCache(url + "0"), RedisCache(url + "1")
        await first.put(b"key", b"of database 0")
        assert await second.get(b"key") is None
        await asked(first, "CONFIG", "SET", "requirepass", "secret")
        let_in = RedisCache(url.replace("://", "://:secret@") + "0")
        assert await let_in.get(b"key") == b"of database 0"
        for stranger in (RedisCache(url + "0"), RedisCache(url.replace("://", "://:wrong@") + "0")):
            with pytest.raises(DoorError, match=r"Redis refuses: (NOAUTH|WRONGPASS)"):
                await stranger.get(b"key")

    asyncio.run(run())
    secret = own.endpoint.url.replace("://", "://:secret@")
    assert Redis().ask(secret) == own.version
    with pytest.raises(DoorError, match="PING is refused: NOAUTH"):
        Redis().ask(own.endpoint.url)


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$5\r\nhello\r\n$5\r\nhello\r\n", b""])
def test_who_is_no_redis_is_a_fault_of_the_door(says: bytes) -> None:
    """It speaks otherwise, it answers what nobody asked, it hangs up."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if says.startswith(b"HTTP") or not says:
            await reader.read(10)
        writer.write(says)
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(met, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(DoorError):
                for _ in range(3):
                    await RedisCache(f"redis://127.0.0.1:{port}").put(b"key", b"value")

    asyncio.run(run())


def test_who_waits_while_it_is_closed_is_told() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(silent, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            for url in (f"redis://127.0.0.1:{port}", f"redis://:greets@127.0.0.1:{port}"):  # connected, and connecting
                cache = RedisCache(url)
                waiting = asyncio.create_task(cache.get(b"key"))
                await asyncio.sleep(0)
                while not cache._connecting and not cache._line:
                    await asyncio.sleep(0)
                await cache.close()
                with pytest.raises(DoorError, match="closed"):
                    await waiting
                with pytest.raises(DoorError, match="closed"):
                    await cache.get(b"key")

    asyncio.run(run())


def test_nobody_there_is_a_fault_of_the_door() -> None:
    for url in ("redis://127.0.0.1:1", "unix:///no/such/socket"):
        with pytest.raises(DoorError, match="no Redis at"):
            asyncio.run(RedisCache(url).get(b"key"))
