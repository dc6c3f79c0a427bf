"""The headline, C1 to C4, and what it is said to come from: the architecture, more machines, kept connections."""

from __future__ import annotations

from imlab.lab.claims.auditor import Published, audit
from imlab.lab.claims.claim import Claim, Endpoint

TABLE = "the published article's table of before and after"
BEFORE, AFTER = Published(latency=0.210, rate=480, hits=0.63), Published(latency=0.042, rate=860, hits=0.91)
CHANGES, CLOSED, CACHED = audit(BEFORE, AFTER).lines()

BLOCKS = "randomised blocks, both sides in fresh processes with the same arrivals and payloads"
TRIAL, SHARES, HITS = "q15_eighty_percent", "q16_who_earned_it", "q17_cache_hits"
REGION = "q18_where_the_80_percent_lives"
CONTROLS = "A/A, an injected delay that must be found, the treatment counted in each cell"

CLAIMS = (
    Claim(
        id="C1",
        statement="mean response 210 to 42 ms at the same load (-80 %)",
        source=TABLE,
        endpoints=tuple(
            Endpoint(f"at {load} %", f"mean response, both offered {load} % of the old side's capacity", "%", "lower",
                     3.0, said=-80.0, study=TRIAL)
            for load in (30, 50, 70, 85)
        ),
        doubt=f"A mean alone; no load model, percentile, n or machine; the code beside it fetches a user record and no "
        f"voice note. By algebra: {CHANGES}.",
        design=f"open loop at 30, 50, 70 and 85 % of the old side's capacity; {BLOCKS}",
        controls=CONTROLS,
    ),
    Claim(
        id="C2",
        statement="480 to 860 requests per second (+79.2 %)",
        source=TABLE,
        endpoints=(
            Endpoint("capacity", "highest rate with p99 <= 100 ms, objects single-digit milliseconds away", "%",
                     "higher", 3.0, said=79.2, study=TRIAL),
        ),
        doubt=f"By algebra: {CLOSED}.",
        design=f"search for the highest rate that keeps p99, errors and backlog within limits; {BLOCKS}",
        controls=f"{CONTROLS}; a generator that reaches its own limit gives a lower bound and no number",
    ),
    Claim(
        id="C3",
        statement="cache hits 63 to 91 %, by two levels of cache",
        source=TABLE,
        endpoints=(Endpoint("hits", "hit ratio, two levels less one", "points", "higher", 1.0, said=28.0, study=HITS),),
        doubt=f"What else changed with the levels, its size or its filling? By algebra: {CACHED}.",
        design=f"levels, size, filling at upload and single-flight as factors, on a trace of requests; {BLOCKS}",
        controls="hits counted at every level, warm and flat before the window",
    ),
    Claim(
        id="C4",
        statement="asynchronous input and output are a main cause",
        source="the published article's account of where the gain came from",
        endpoints=(
            Endpoint("share", "Shapley share of asynchrony in the log of the median response, less that of an equal "
                     "share among four changes", "points", "higher", 3.0, study=SHARES),
        ),
        doubt="Two end points cannot say which of several causes did it.",
        design=f"2^4 factorial: asynchrony, cache, connection reuse, framing; {BLOCKS}",
        controls=f"{CONTROLS}; first-in and last-in beside the share",
    ),
    Claim(
        id="C16",
        statement="20 to 120 nodes carry 80,000 messages per second at the peak",
        source="the published article's account of a peak",
        endpoints=(
            Endpoint("whole", "rate that 120 nodes carry, against 80,000/s", "%", "higher", 3.0, study=REGION),
            Endpoint("scale", "rate per node, 120 nodes against 20", "%", "same", 10.0, study=REGION),
        ),
        doubt="That is under 700 per second and node: one process may carry it, and then nothing was scaled.",
        design="virtual time, calibrated on measured service times, 1 to 120 nodes; corners with real processes",
        controls="the prediction's error where real processes can be measured",
    ),
    Claim(
        id="C17",
        statement="one connection, reused, per endpoint is faster",
        source="the published article's advice on channel reuse",
        endpoints=(
            Endpoint("p99", "p99 of one shared connection against a pool", "%", "lower", 3.0, study="q14_upload"),
        ),
        doubt="Requests wait behind each other on one connection; and the article has 200 of them elsewhere.",
        design=f"one connection, a pool, one per request; with and without TLS; {BLOCKS}",
        controls=f"{CONTROLS}; connections opened and reused are counted",
    ),
)  # fmt: skip
