"""Histograms count as HdrHistogram does, keep everything that was recorded, and refuse what they cannot know."""

from __future__ import annotations

import base64
import csv
import io
import math
import random
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from imlab.errors import DoorError, InvalidRun, UsageError
from imlab.lab.record.hdr_text import from_text, to_text
from imlab.lab.record.histogram import Histogram, lowest, merged, stored
from imlab.lab.record.quantiles import quantile

# Recorded with the package hdrhistogram 0.10.8, HdrHistogram(1, 3_600_000_000, 3), from the values of ``spread``:
# the CRC of all counters of 3,008 values, and its own text of 70,261 values, most of them 7 us.
EDGES = [0, 1, 2047, 2048, 2049, 4095, 4096, 3_600_000_000]
PACKAGE_COUNTERS, PACKAGE_CRC = 23_552, 525_955_344
PACKAGE_PERCENTILES = {0.5: 47_647, 0.9: 95_289_343, 0.99: 891_813_887}  # get_value_at_percentile, us
PACKAGE_TEXT = (
    "HISTFAAAAK54nC2NPwsBcRzGf9/P7/64uovIpowGoxdg9EK8BhklyiAplwlZeAWS4TLcYJDhJgy32AwWum5HPMPzqac+PaW+X1BKzdUv+k/51sVf"
    "qfrzNxhoa6K5HTKC4FGmShGTCidhDCODqeBrIiEwSD3SHEuILfYmRzhYnLMkJldo8PLYOuxcBsLM+UqRwcImEWq0GVo88sSaEO4uQ00ghELXpUNP"
    "2DisP282TU4t3sfKKO0="
)


def spread(n: int) -> list[int]:
    """Values over nine decades, in microseconds, by a rule that any program can follow."""
    return [(i * i * 7919) % 10 ** (1 + i % 9) for i in range(n)]


def counted(us: list[int], highest: int = 3_600_000_000) -> Histogram:
    """A histogram of microseconds, one by one."""
    histogram = Histogram("latency", highest)
    assert all(histogram.record(value / 1e6) for value in us)
    return histogram


def test_every_counter_is_the_packages() -> None:
    ours = counted(spread(3_000) + EDGES)
    listed = ",".join(map(str, ours.counts.tolist()))
    assert (len(ours.counts), zlib.crc32(listed.encode())) == (PACKAGE_COUNTERS, PACKAGE_CRC)
    for q, us in PACKAGE_PERCENTILES.items():
        assert ours.quantile(q).value == pytest.approx(us / 1e6, rel=1e-12)


def test_the_text_is_the_packages() -> None:
    ours = counted(spread(60) + [5] * 200 + [7] * 70_000 + [3_600_000_000])
    assert (from_text(PACKAGE_TEXT).counts == ours.counts).all()
    assert inflated(to_text(ours)) == inflated(PACKAGE_TEXT)


def inflated(text: str) -> bytes:
    """What is inside, whichever zlib packed it."""
    return zlib.decompress(base64.b64decode(text)[8:])


@pytest.mark.parametrize("highest", [2, 2_047, 2_048, 5_000, 3_600_000_000, 1 << 52])
def test_a_counter_is_at_most_a_thousandth_wide(highest: int) -> None:
    histogram = Histogram("latency", highest)
    edges = lowest(np.arange(len(histogram.counts) + 1))
    assert edges[0] == 0 and edges[-1] > highest and (np.diff(edges) >= 1).all()
    assert (np.diff(edges) <= np.maximum(1, edges[:-1] / 1_000)).all()
    assert histogram.record(highest / 1e6), "the highest is inside"


seconds = st.floats(0, 3_600) | st.sampled_from(
    [0.0, 0.002047, 0.002048, 1.0, 3_600.0, 3_600.1, -1e-9, math.inf, math.nan]
)


@settings(max_examples=40)
@given(st.lists(seconds, max_size=60))
def test_many_at_once_is_one_by_one(times: list[float]) -> None:
    one, many = Histogram("latency"), Histogram("latency")
    taken = sum(one.record(time) for time in times)
    many.record_many(times)
    assert (one.counts == many.counts).all() and taken == one.counts.sum()
    assert (
        (one.n, one.failed, one.outside) == (many.n, many.failed, many.outside) == (len(times), one.failed, one.outside)
    )


@settings(max_examples=40)
@given(st.lists(seconds, max_size=60), st.integers(0, 60))
def test_merged_parts_are_the_whole(times: list[float], cut: int) -> None:
    parts = [Histogram("latency") for _ in range(3)]
    for part, some in zip(parts, (times[:cut], times[cut:], []), strict=True):
        part.record_many(some)
    whole = Histogram("latency")
    whole.record_many(times)
    assert list(merged(parts).rows()) == list(whole.rows())


@settings(max_examples=40)
@given(st.lists(seconds, max_size=60))
def test_stored_rows_give_it_back(times: list[float]) -> None:
    kept = Histogram("latency", 3_600_000_000)
    kept.record_many(times)
    file = io.StringIO()
    writer = csv.DictWriter(file, ["name", "what", "us", "count"])
    writer.writeheader()
    writer.writerows(kept.rows())
    back = stored(csv.DictReader(io.StringIO(file.getvalue())))["latency"]
    assert list(back.rows()) == list(kept.rows()) and back.n == len(times)


@pytest.mark.parametrize(
    "row",
    [
        {"name": "a", "what": "in", "us": 5, "count": 1},  # before its range was told
        {"name": "b", "what": "outside", "us": 10, "count": 0},  # told twice
        {"name": "b", "what": "in", "us": -5, "count": 1},
        {"name": "b", "what": "in", "us": 11, "count": 1},
        {"name": "b", "what": "in", "us": 5, "count": -1},
        {"name": "b", "what": "failed", "us": "", "count": -1},
        {"name": "b", "what": "lost", "us": 5, "count": 1},
        {"name": "b", "what": "in", "us": "five", "count": 1},
        {"name": "b", "us": 5, "count": 1},
    ],
    ids=repr,
)
def test_damaged_rows_are_refused(row: dict[str, object]) -> None:
    with pytest.raises(DoorError, match="not the rows of a histogram"):
        stored([{"name": "b", "what": "outside", "us": 10, "count": 0}, row])


def test_what_lies_outside_is_counted_and_forbids_percentiles() -> None:
    histogram = Histogram("latency", 1_000_000)
    histogram.record_many([0.5] * 100 + [1.5, -0.1])
    assert not histogram.record(2.0) and histogram.outside == 3 and histogram.n == 103
    for ask in (histogram.quantile, histogram.interval):
        with pytest.raises(InvalidRun, match="latency: 3 of 103 times outside 0 to 1 s"):
            ask(0.5)
    with pytest.raises(InvalidRun):
        to_text(histogram)


@settings(max_examples=40)
@given(st.integers(1, 3_000), st.sampled_from([0.5, 0.9, 0.99]), st.integers(0, 40))
def test_percentiles_have_the_manners_of_the_raw_ones(n: int, q: float, failures: int) -> None:
    times = np.append(np.random.default_rng(n).lognormal(-4, 1, n), [math.nan] * failures)
    histogram = Histogram("latency")
    histogram.record_many(times)
    exact, found = quantile(times, q), histogram.quantile(q)
    assert (found.n, found.withheld) == (exact.n, exact.withheld)
    assert (found.value is None) == (exact.value is None)
    if exact.value is not None and found.value is not None:
        assert exact.value - 5.1e-7 <= found.value <= exact.value * 1.001 + 1e-6


def test_a_late_generator_withholds() -> None:
    latency, lag = Histogram("latency"), Histogram("lag")
    latency.record_many(np.full(1_000, 0.001))
    lag.record_many(np.where(np.arange(1_000) < 900, 0.0, 0.0005))
    assert latency.quantile(0.5, lag).value == pytest.approx(0.001)
    assert latency.quantile(0.95, lag).withheld == "generator late by 0.5 ms"


@pytest.mark.parametrize(("n", "q"), [(20, 0.5), (37, 0.3), (1_000, 0.99), (100_000, 0.999), (1_000_000, 0.5)])
def test_the_interval_stands_on_binomial_ranks(n: int, q: float) -> None:
    histogram = Histogram("rank", 2_000_000)
    histogram.record_many(np.arange(1, n + 1) / 1e6)
    found, wide = histogram.interval(q), 1.001
    assert found.low * 1e6 / wide <= stats.binom.ppf(0.025, n, q) <= found.low * 1e6 * wide + 1
    assert found.high * 1e6 / wide <= stats.binom.ppf(0.975, n, q) + 1 <= found.high * 1e6 * wide + 1
    assert found.low <= found.estimate <= found.high


@pytest.mark.parametrize(("n", "q"), [(200, 0.5), (500, 0.9), (1_000, 0.99)])
def test_the_interval_covers(n: int, q: float) -> None:
    draws, true, hits = np.random.default_rng(n).exponential(0.1, (300, n)), -0.1 * math.log(1 - q), 0
    for draw in draws:
        histogram = Histogram("latency", 60_000_000)
        histogram.record_many(draw)
        found = histogram.interval(q)
        hits += found.low <= true <= found.high
    assert hits >= 0.93 * len(draws)


def test_an_interval_whose_end_failed_is_not_given() -> None:
    histogram = Histogram("latency")
    histogram.record_many(np.append(np.full(989, 0.01), [math.nan] * 11))
    found = histogram.interval(0.985)
    assert found.estimate == pytest.approx(0.01, rel=1e-3) and not found.given
    assert not histogram.interval(0.999).given and "n too small" in histogram.interval(0.999).method


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 1 << 62)), max_size=8))
def test_text_there_and_back(cells: list[tuple[int, int]]) -> None:
    histogram = Histogram("latency", 10_000)
    counts = np.zeros(len(histogram.counts), np.int64)
    for place, count in cells:
        counts[place] = count
    histogram.add(counts)
    assert (from_text(to_text(histogram)).counts == histogram.counts).all()


def test_ten_thousand_damaged_texts() -> None:
    rng, whole = random.Random(5), to_text(counted(spread(60)))
    for _ in range(10_000):
        text = list(whole)
        for _ in range(rng.randint(1, 3)):
            text[rng.randrange(len(text))] = chr(rng.randrange(33, 127))
        cut = rng.choice([0, rng.randrange(len(text))])
        try:
            assert from_text("".join(text[cut:])).n >= 0
        except DoorError as error:
            assert "not a histogram" in str(error)


def test_ten_thousand_damaged_insides() -> None:
    rng, plain = random.Random(6), inflated(to_text(counted([value % 10_000 for value in spread(20)], 10_000)))
    for _ in range(10_000):
        body = bytearray(plain)
        for _ in range(rng.randint(1, 3)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        try:
            assert from_text(packed(bytes(body))).n >= 0
        except DoorError as error:
            assert "not a histogram" in str(error)


def packed(plain: bytes) -> str:
    """A text of any inside."""
    squeezed = zlib.compress(plain, 0)
    return base64.b64encode(bytes.fromhex("1c849314") + len(squeezed).to_bytes(4) + squeezed).decode()


MISUSES: list[Callable[[], object]] = [
    lambda: Histogram("x", 1),
    lambda: Histogram("x").add([-1]),
    lambda: Histogram("x", 9).add([1] * 9_999),
    lambda: Histogram("x").quantile(1.0),
    lambda: merged([]),
    lambda: merged([Histogram("x"), Histogram("x", 9)]),
]


@pytest.mark.parametrize(
    "wrong", MISUSES, ids=["no range", "negative", "too many", "a percentile of one", "none", "two ranges"]
)
def test_misuse_is_named(wrong: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        wrong()
