"""Caches on a script: answers that are known beforehand, and the size that reaches a ratio."""

from __future__ import annotations

import numpy as np
import pytest
from cachebox import LRUCache
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.hits import EVERYTHING, MEMORY, MISS, SECOND, Levels, least, limit_for, replay
from imlab.lab.load.popularity import Recency, Zipf
from imlab.lab.load.script import FETCH, SEND, Mix, Script


def fetches(items: list[int], archive: int) -> Script:
    return Script(np.full(len(items), FETCH, dtype=np.int8), np.array(items, dtype=np.int64), archive)


def ones(script: Script) -> np.ndarray:
    return np.ones(script.total, dtype=np.int64)


@pytest.mark.parametrize(("limit", "hits"), [(9, 0), (10, 40)])
def test_a_cycle_is_all_hits_or_none(limit: int, hits: int) -> None:
    script = fetches(list(range(10)) * 5, 10)
    assert replay(script, ones(script), Levels(limit)).count(MEMORY) == hits


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(1, 14))
def test_a_hit_is_a_stack_distance_below_the_limit(items: list[int], limit: int) -> None:
    """Mattson et al., 1970: the item at depth d of the stack of uses is hit by every LRU of more than d items."""
    stack: list[int] = []
    expected = []
    for item in items:
        expected.append(item in stack and stack.index(item) < limit)
        stack = [item, *(each for each in stack if each != item)]
    script = fetches(items, 13)
    done = replay(script, ones(script), Levels(limit))
    assert (done.places == MEMORY).tolist() == expected
    assert list(done.memory) == stack[:limit][::-1]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(1, 30))
def test_by_bytes_it_is_what_the_service_uses(items: list[int], limit: int) -> None:
    sizes = np.arange(1, 14)
    cache: LRUCache[int, int] = LRUCache(limit, getsizeof=lambda key, _: int(sizes[key]))
    expected = []
    for item in items:
        expected.append(cache.get(item) is not None)
        if not expected[-1] and sizes[item] <= limit:
            cache.insert(item, item)
    assert (replay(fetches(items, 13), sizes, Levels(limit)).places == MEMORY).tolist() == expected


def test_what_falls_out_of_memory_is_found_in_the_second_level() -> None:
    script = fetches(list(range(10)) * 5, 10)
    done = replay(script, ones(script), Levels(2, EVERYTHING))
    assert (done.count(MISS), done.count(SECOND), done.count(MEMORY)) == (10, 40, 0)
    assert done.ratio() == 0.8
    assert done.ratio(10) == 1.0
    assert done.second == tuple(range(10))


@pytest.mark.parametrize(("at_send", "place"), [(True, MEMORY), (False, MISS)])
def test_what_is_sent_is_there_when_sends_fill(at_send: bool, place: int) -> None:
    script = Script(np.array([SEND, FETCH], dtype=np.int8), np.array([3, 3]), 3)
    assert replay(script, ones(script), Levels(10, 10, at_send)).places.tolist() == [0, place]


def test_what_does_not_fit_is_not_held() -> None:
    script = fetches([0, 1, 0, 1], 2)
    assert replay(script, np.array([5, 50]), Levels(10)).places.tolist() == [MISS, MISS, MEMORY, MISS]


@pytest.mark.parametrize(("entries", "percent"), [(1_000, 48.8), (10_000, 71.7)])
@pytest.mark.slow
def test_the_known_ratios_of_zipf(entries: int, percent: float) -> None:
    """300,000 requests, exponent 0.99, 100,000 items, LRU: as another program of ours found."""
    script = Mix(1.0, 0.0).draw(300_000, Zipf(0.99, 100_000), np.random.default_rng(1))
    assert 100 * replay(script, ones(script), Levels(entries)).ratio() == pytest.approx(percent, abs=0.3)


@pytest.mark.parametrize("law", [Zipf(0.8, 300), Recency(items=300, scale=20.0)], ids=repr)
def test_the_limit_reaches_the_ratio_and_one_grain_less_does_not(law: Zipf | Recency) -> None:
    script = Mix().draw(4_000, law, np.random.default_rng(3))
    sizes = np.random.default_rng(4).integers(1_000, 60_000, script.total)
    found = limit_for(0.6, script, sizes, Levels(0), 1_000, 4_096)
    below, reached = (replay(script, sizes, Levels(size)).ratio(1_000) for size in (found - 4_096, found))
    assert below < 0.6 <= reached


def test_a_ratio_that_no_memory_reaches_is_told() -> None:
    with pytest.raises(InvalidRun, match=r"all of it 50\.0%"):
        limit_for(0.9, fetches([0, 1, 0, 1], 2), np.array([10, 10]), Levels(0))


def test_what_cannot_be_replayed_is_refused() -> None:
    with pytest.raises(UsageError, match="3 items"):
        replay(fetches([0], 3), np.array([1]), Levels(1))
    with pytest.raises(InvalidRun, match="no fetch"):
        replay(fetches([0], 1), np.array([1]), Levels(1)).ratio(1)


@given(st.integers(0, 40), st.integers(0, 40))
def test_least(wanted: int, more: int) -> None:
    assert least(lambda number: number >= wanted, wanted + more) == wanted
