"""Which connection carries what: the pool's decisions in virtual time; and what a request begins with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.client.fetching.head import address, request_head
from imlab.client.fetching.pool import Hang, Lend, Open, Pool, Reuse, Without
from imlab.client.fetching.requests import may_repeat
from imlab.errors import UsageError


def stand(pool: Pool, count: int, now: float = 0.0) -> None:
    """So many idle connections, numbered from 1."""
    pool.warm(count, now)
    for number in [decision.connection for decision in pool.outbox() if isinstance(decision, Open)]:
        pool.opened(number, now)
    assert pool.idle == count


def test_the_first_request_dials_and_the_second_uses_what_stands() -> None:
    pool = Pool()
    pool.ask(1, 0.0)
    assert pool.outbox() == [Open(1)]
    pool.opened(1, 0.1)
    assert pool.outbox() == [Lend(1, 1, kept=False)]
    pool.done(1, True, 0.2)
    pool.ask(2, 0.3)
    assert pool.outbox() == [Lend(2, 1, kept=True)]


def test_who_waits_gets_the_first_that_is_free() -> None:
    pool = Pool()
    pool.ask(1, 0.0)
    pool.opened(1, 0.0)
    pool.ask(2, 0.0)
    assert pool.outbox() == [Open(1), Lend(1, 1, kept=False), Open(2)]
    pool.done(1, True, 0.1)
    assert pool.outbox() == [Lend(2, 1, kept=True)]
    pool.opened(2, 0.2)
    assert (pool.outbox(), pool.idle) == ([], 1)


def test_beyond_the_limit_requests_queue_in_order() -> None:
    pool = Pool(Reuse(most=2))
    for ticket in range(5):
        pool.ask(ticket, 0.0)
    assert pool.outbox() == [Open(1), Open(2)]
    pool.opened(1, 0.0)
    pool.opened(2, 0.0)
    pool.withdraw(3, 0.0)
    pool.done(2, True, 0.0)
    pool.done(1, True, 0.0)
    assert pool.outbox() == [
        Lend(0, 1, kept=False),
        Lend(1, 2, kept=False),
        Lend(2, 2, kept=True),
        Lend(4, 1, kept=True),
    ]


def test_what_is_not_needed_grows_old_and_goes() -> None:
    pool = Pool(Reuse(idle=60))
    stand(pool, 3)
    pool.ask(1, 50.0)
    assert pool.outbox() == [Lend(1, 3, kept=True)]  # the freshest
    pool.done(3, True, 50.0)
    assert pool.wake_at() == 60.0
    pool.wake(59.9)
    assert pool.outbox() == []
    pool.wake(60.0)
    assert pool.outbox() == [Hang(1, "idle for 60 s"), Hang(2, "idle for 60 s")]
    assert (len(pool), pool.wake_at()) == (1, 110.0)


def test_connections_are_opened_in_advance_up_to_the_limit() -> None:
    pool = Pool(Reuse(most=4))
    pool.warm(3, 0.0)
    pool.warm(3, 0.0)
    assert pool.outbox() == [Open(1), Open(2), Open(3)]
    pool.warm(9, 0.0)
    assert pool.outbox() == [Open(4)]
    pool.ask(1, 0.0)
    pool.opened(2, 0.0)
    assert pool.outbox() == [Lend(1, 2, kept=False)]


def test_a_dead_connection_is_replaced_for_whoever_waits() -> None:
    pool = Pool(Reuse(most=1))
    pool.ask(1, 0.0)
    pool.ask(2, 0.0)
    pool.opened(1, 0.0)
    pool.closed(1, 0.1)
    assert pool.outbox() == [Open(1), Lend(1, 1, kept=False), Open(2)]
    pool.done(1, False, 0.1)  # who had it gives it back all the same
    pool.opened(2, 0.2)
    pool.done(2, False, 0.3)
    assert pool.outbox() == [Lend(2, 2, kept=False), Hang(2, "its last request spoilt it")]
    assert len(pool) == 0


def test_where_one_that_was_kept_is_dead_none_is_trusted() -> None:
    pool = Pool()
    stand(pool, 3)
    pool.ask(1, 1.0)
    pool.closed(3, 2.0)
    pool.doubt(2.0)
    pool.ask(2, 2.0)
    why = "another that was kept was dead"
    assert pool.outbox() == [Lend(1, 3, kept=True), Hang(1, why), Hang(2, why), Open(4)]


def test_a_dial_that_fails_is_told_to_one_request_and_tried_for_the_next() -> None:
    pool = Pool()
    pool.ask(1, 0.0)
    pool.ask(2, 0.0)
    pool.failed(1, "refused", 0.0)
    assert pool.outbox() == [Open(1), Open(2), Without(1, "refused")]
    pool.failed(2, "refused", 0.0)
    assert pool.outbox() == [Without(2, "refused")]
    assert len(pool) == 0


def test_a_closed_pool_hangs_up_now_or_when_it_can() -> None:
    pool = Pool(Reuse(most=2))
    stand(pool, 2)
    pool.ask(1, 0.0)
    pool.ask(2, 0.0)
    pool.done(1, True, 0.0)
    pool.ask(3, 0.0)
    pool.ask(4, 0.0)
    pool.outbox()
    pool.stop(0.0)
    assert pool.outbox() == [Without(4, "the pool is closed")]
    pool.done(2, True, 0.0)
    assert pool.outbox() == [Hang(2, "the pool is closed")]
    with pytest.raises(UsageError):
        pool.ask(5, 0.0)


def test_the_rivals_are_values() -> None:
    for reuse, dialled in ((Reuse(), 1), (Reuse(idle=0), 3), (Reuse(most=1), 1)):
        pool, opened = Pool(reuse), 0
        for ticket in range(3):
            pool.ask(ticket, float(ticket))
            while decisions := pool.outbox():
                for decision in decisions:
                    match decision:
                        case Open(number):
                            opened += 1
                            pool.opened(number, float(ticket))
                        case Lend(_, number, _):
                            pool.done(number, True, float(ticket))
        assert opened == dialled, reuse


WORDS = ["ask", "opened", "failed", "done", "spoilt", "closed", "wake", "withdraw", "warm"]
STEPS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 7)))


@given(STEPS, st.integers(1, 4), st.sampled_from([0.0, 3.0]))
def test_whatever_happens_the_books_balance(steps: list[tuple[str, int]], most: int, idle: float) -> None:
    pool = Pool(Reuse(most=most, idle=idle))
    waiting: list[int] = []
    dialling: list[int] = []
    lent: list[int] = []
    idle_ones: set[int] = set()
    for now, (step, which) in enumerate(steps):
        match step:
            case "ask":
                waiting.append(now)
                pool.ask(now, now)
            case "withdraw" if waiting:
                pool.withdraw(waiting.pop(which % len(waiting)), now)
            case "opened" if dialling:
                number = dialling.pop(which % len(dialling))
                idle_ones.add(number)
                pool.opened(number, now)
            case "failed" if dialling:
                pool.failed(dialling.pop(which % len(dialling)), "refused", now)
            case "done" | "spoilt" if lent:
                number = lent.pop(which % len(lent))
                idle_ones.add(number)
                pool.done(number, step == "done", now)
            case "closed" if lent:
                pool.closed(lent.pop(which % len(lent)), now)
            case "wake":
                pool.wake(now)
            case "warm":
                pool.warm(which, now)
        for decision in pool.outbox():
            match decision:
                case Open(number):
                    dialling.append(number)
                case Lend(ticket, number, _):
                    waiting.remove(ticket)
                    idle_ones.remove(number)
                    lent.append(number)
                case Hang(number, _):
                    idle_ones.remove(number)
                case Without(ticket, _):
                    waiting.remove(ticket)
        assert len(pool) == len(dialling) + len(lent) + len(idle_ones) <= most
        assert not (waiting and idle_ones), "one waits while another is free"
        assert not waiting or dialling or lent, "one waits for nothing"


REPEATS = [
    # method, kept, sent, answered -> again?
    ("GET", True, True, False, True),
    ("PUT", True, True, False, True),
    ("POST", True, True, False, False),
    ("PATCH", True, True, False, False),
    ("POST", True, False, False, True),  # nobody has heard of it
    ("GET", False, True, False, False),  # a new connection that breaks is no misunderstanding
    ("GET", True, True, True, False),
]


@pytest.mark.parametrize(("method", "kept", "sent", "answered", "again"), REPEATS)
def test_what_may_be_sent_again(method: str, kept: bool, sent: bool, answered: bool, again: bool) -> None:
    assert may_repeat(method, kept, sent, answered) is again


@pytest.mark.parametrize(("most", "idle"), [(0, 60), (1, -1)])
def test_a_pool_of_nothing_is_refused(most: int, idle: float) -> None:
    with pytest.raises(UsageError, match="a pool keeps"):
        Reuse(most, idle)


def test_a_request_begins_with_its_lines() -> None:
    said = request_head("PUT", "/notes/tea?sender=ann", "im:1", [("content-type", "audio/ogg")], 5)
    assert said == (
        b"PUT /notes/tea?sender=ann HTTP/1.1\r\nhost: im:1\r\ncontent-type: audio/ogg\r\ncontent-length: 5\r\n\r\n"
    )
    assert b"content-length" not in request_head("GET", "/", "im", (), 0)
    assert b"content-length: 0" in request_head("POST", "/", "im", (), 0)
    assert b"transfer-encoding: chunked" in request_head("PUT", "/", "im", (), None)


BAD = [
    ("GET", "/x", "im", "b\r\nc: d"),
    ("GET", "/x", "im", "b\nc: d"),
    ("GET", "/x", "im", "b\rc"),
    ("GET", "/x", "im", "b\0"),
    ("GET", "/x", "im\r\nc: d", "b"),
    ("GET", "/x y", "im", "b"),
    ("GET", "/x\r\n", "im", "b"),
    ("GET\n", "/x", "im", "b"),
    ("GET", "/x", "im", "中"),
]


@pytest.mark.parametrize(("method", "target", "host", "value"), BAD, ids=repr)
def test_no_value_makes_a_line_of_its_own(method: str, target: str, host: str, value: str) -> None:
    with pytest.raises(UsageError):
        request_head(method, target, host, [("a", value)], 0)


ADDRESSES = [
    ("http://127.0.0.1:8766", ("127.0.0.1", 8766, False)),
    ("https://im.example", ("im.example", 443, True)),
    ("http://[::1]:80", ("::1", 80, False)),
]


@pytest.mark.parametrize(("url", "found"), ADDRESSES)
def test_where_a_request_goes(url: str, found: tuple[str, int, bool]) -> None:
    assert address(url) == found


@pytest.mark.parametrize("url", ["ws://a:1", "http://", "http://a:1/path", "http://a:99999", "http://u:p@a:1", "a:1"])
def test_an_origin_is_named_as_one(url: str) -> None:
    with pytest.raises(UsageError, match="an origin is"):
        address(url)
