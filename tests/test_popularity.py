"""Laws of popularity: frequencies, slopes and ages are those that are stated, and one seed draws one trace."""

from __future__ import annotations

import numpy as np
import pytest

from imlab.errors import UsageError
from imlab.lab.load.popularity import Popularity, Recency, Zipf
from imlab.lab.load.script import FETCH, LIST, SEND, Mix

LAWS: list[Popularity] = [Zipf(0.8, 500), Zipf(0.0, 500), Recency(items=500), Recency(0.5, 20.0, 2.0, 500)]
MANY = 200_000


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_one_seed_draws_one_trace_of_items_that_are_there(law: Popularity) -> None:
    born = np.arange(5_000) // 10
    drawn = law.draw(5_000, rng(), born)
    assert np.array_equal(drawn, law.draw(5_000, rng(), born))
    assert not np.array_equal(drawn, law.draw(5_000, rng(8), born))
    assert (drawn >= 0).all() and (drawn < law.items + born).all()
    assert len(law.draw(0, rng())) == 0


@pytest.mark.parametrize("exponent", [0.0, 0.64, 0.83, 0.99, 1.2])
def test_ranks_are_asked_for_as_often_as_their_power(exponent: float) -> None:
    counts = np.bincount(Zipf(exponent, 1_000).draw(MANY, rng()), minlength=1_000)
    ranks = np.arange(1, 1_001.0)
    expected = MANY * ranks**-exponent / (ranks**-exponent).sum()
    assert np.all(np.abs(counts - expected) < 6 * np.sqrt(expected))
    slope = np.polyfit(np.log(ranks[:50]), np.log(counts[:50]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.05)


@pytest.mark.parametrize(("scale", "shape"), [(100.0, 1.0), (20.0, 2.0), (500.0, 0.7)])
def test_ages_have_the_tail_that_is_stated(scale: float, shape: float) -> None:
    items = 10_000_000
    ages = items - 1 - Recency(1.0, scale, shape, items).draw(MANY, rng())
    for age in (1, 10, 100, 1_000):
        tail = (1 + age / scale) ** -shape
        assert np.mean(ages >= age) == pytest.approx(tail, abs=6 * np.sqrt(tail * (1 - tail) / MANY) + 1e-3), age


def test_the_archive_is_asked_for_anywhere_and_what_is_born_is_never_archive() -> None:
    drawn = Recency(0.0, items=50).draw(MANY, rng(), 1_000)
    counts = np.bincount(drawn, minlength=1_050)
    assert counts[50:].sum() == 0
    assert np.all(np.abs(counts[:50] - MANY / 50) < 6 * np.sqrt(MANY / 50))


def test_a_mix_has_its_shares_and_its_sends_are_new_items_in_order() -> None:
    script = Mix(0.9, 0.07, 0.03).draw(MANY, Zipf(items=100), rng())
    for kind, share in ((FETCH, 0.9), (SEND, 0.07), (LIST, 0.03)):
        assert np.mean(script.kinds == kind) == pytest.approx(share, abs=0.005)
    assert np.array_equal(script.sent, np.arange(100, script.total))
    assert set(script.items[script.kinds == LIST]) == {-1}
    assert len(script.fetched) == np.count_nonzero(script.kinds == FETCH)


@pytest.mark.parametrize("settle", [0, 1, 25])
def test_nobody_asks_for_what_is_not_there_or_has_just_been_sent(settle: int) -> None:
    script = Mix(0.7, 0.3, settle=settle).draw(20_000, Recency(1.0, 3.0, 2.0, 10), rng())
    at = {item: index for index, item in enumerate(script.items) if script.kinds[index] == SEND}
    fetches = [(index, item) for index, item in enumerate(script.items) if script.kinds[index] == FETCH]
    waits = [index - at[item] for index, item in fetches if item in at]
    assert min(waits) == settle + 1
    assert np.mean([item in at for _, item in fetches]) > 0.9


def test_a_parted_script_is_the_same_requests() -> None:
    script = Mix(0.8, 0.2).draw(1_000, Recency(items=30), rng())
    first, rest = script.parted(400)
    assert (len(first), len(rest)) == (400, 600)
    assert np.array_equal(np.concatenate([first.items, rest.items]), script.items)
    assert rest.archive == first.total == 30 + len(first.sent)
    assert rest.total == script.total


@pytest.mark.parametrize(
    "make", [lambda: Zipf(-1.0), lambda: Zipf(1.0, 0), lambda: Recency(1.5), lambda: Mix(0.5, 0.4)]
)
def test_nonsense_is_refused(make: type) -> None:
    with pytest.raises(UsageError):
        make()
