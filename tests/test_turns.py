"""Turns at an upload: one at a time, those who wait for bytes give way, those who store do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from imlab.net.web.answers import Refusal
from imlab.net.web.tus.turns import Replaced, Turn, Turns

ID = "0" * 32


def run(what: Awaitable[None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await what

    asyncio.run(limited())


async def never() -> bytes:
    """A connection that has died without a word."""
    result: bytes = await asyncio.get_running_loop().create_future()
    return result


async def at_once() -> bytes:
    return b"bytes"


def holder(turns: Turns, has_it: asyncio.Event, does: Callable[[Turn], Awaitable[object]]) -> asyncio.Task[object]:
    async def hold() -> object:
        async with turns.take(ID) as turn:
            has_it.set()
            return await does(turn)

    return asyncio.create_task(hold())


def test_whoever_waits_for_bytes_gives_way() -> None:
    async def scene() -> None:
        turns, has_it = Turns(), asyncio.Event()
        dead = holder(turns, has_it, lambda turn: turn.wait(never))
        await has_it.wait()
        async with turns.take(ID) as turn:
            assert dead.done() and isinstance(dead.exception(), Replaced)
            assert await turn.wait(at_once) == b"bytes"

    run(scene())


def test_whoever_does_not_wait_now_gives_way_at_the_next_wait() -> None:
    async def scene() -> None:
        turns, has_it, go_on = Turns(), asyncio.Event(), asyncio.Event()

        async def writes_first(turn: Turn) -> bytes:
            await go_on.wait()
            return await turn.wait(never)

        busy = holder(turns, has_it, writes_first)
        await has_it.wait()
        newcomer = holder(turns, asyncio.Event(), lambda turn: turn.wait(at_once))
        await asyncio.sleep(0)
        go_on.set()
        assert await newcomer == b"bytes"
        assert isinstance(busy.exception(), Replaced)

    run(scene())


def test_several_newcomers_send_away_once() -> None:
    """What is told to go is not told again while it puts its bytes away."""

    async def scene() -> None:
        turns, has_it, told, go_on = Turns(), asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def puts_away(turn: Turn) -> bytes:
            try:
                return await turn.wait(never)
            except Replaced:
                told.set()
                await go_on.wait()
                return b"put away"

        dead = holder(turns, has_it, puts_away)
        await has_it.wait()
        newcomers = [holder(turns, asyncio.Event(), lambda turn: turn.wait(at_once)) for _ in range(3)]
        await told.wait()
        newcomers.append(holder(turns, asyncio.Event(), lambda turn: turn.wait(at_once)))
        await asyncio.sleep(0)
        go_on.set()
        assert await dead == b"put away"
        assert await asyncio.gather(*newcomers) == [b"bytes"] * 4

    run(scene())


def test_whoever_stores_is_waited_for_but_not_for_ever() -> None:
    async def scene() -> None:
        turns, has_it, stored = Turns(wait=0.02), asyncio.Event(), asyncio.Event()
        stores = holder(turns, has_it, lambda turn: stored.wait())
        await has_it.wait()
        with pytest.raises(Refusal) as caught:
            async with turns.take(ID):
                raise AssertionError("two at once")
        assert caught.value.status == 423
        stored.set()
        async with turns.take(ID):
            assert stores.done()

    run(scene())


def test_many_newcomers_are_alone_each() -> None:
    async def scene() -> None:
        turns, inside, served = Turns(), 0, 0

        async def come() -> None:
            nonlocal inside, served
            async with turns.take(ID):
                inside += 1
                assert inside == 1
                await asyncio.sleep(0)
                inside -= 1
                served += 1

        await asyncio.gather(*(come() for _ in range(50)))
        assert served == 50

    run(scene())


def test_other_uploads_have_other_turns() -> None:
    async def scene() -> None:
        turns = Turns(wait=0)
        async with turns.take(ID), turns.take("1" * 32):
            assert turns

    run(scene())
