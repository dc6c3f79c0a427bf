"""Is the engine to be believed, here and now? What it does under conditions whose outcome is known, as a value.

    validation = validate()          # 22 s; validate(quick=True): 4 s, without TCP
    validation.ok, validation.told   # the whole goes into the manifest beside every result of the engine

- The time that forwarding adds to a round trip of 50 ms, by UDP echo: half of the trips and 99 of 100.
- A rate, by UDP offered 15 % above it: bytes with headers over the time between first and last arrival.
- A loss, by UDP: the lost of a known number within the 99.9 % interval of the binomial law.
- TCP, which meets all at once: reno at a round trip of 100 ms against the macroscopic model of Mathis, Semke, Mahdavi
  and Ott (ACM CCR 27(3), 1997), rate = MSS / RTT * C / sqrt(p) with C = sqrt(3 / 2), their periodic loss with every
  packet acknowledged. For random loss they give 1.31 instead of 1.22. Delayed acknowledgements (their factor of two
  under the root) do not count here: Linux grows by the packets that an acknowledgement covers, not by one for each
  (tcp_cong_avoid_ai). At 2 % the window is nine packets and timeouts begin to matter, which the model leaves out:
  hence the wider bound. Many connections at once, because one sees a loss a second, and so ten seconds of it tell its
  rate to 15 % at best.

Bounds on time are wide for an idle machine (tens of microseconds there) and narrow for what a study may tolerate.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil, sqrt
from statistics import fmean, stdev

from imlab.net.kernel.netem import has_netem
from imlab.net.kernel.probes import bulk, echo, stream
from imlab.net.kernel.star import Traffic
from imlab.net.links import Link, Path
from imlab.net.tun import Network

MATHIS = sqrt(3 / 2)
MSS = 1448  # bytes: an MTU of 1500 without 20 of IP, 20 of TCP and 12 of its timestamps
TCP_LOSSES = {0.006: 0.10, 0.01: 0.10, 0.02: 0.25}  # loss, and how far from Mathis the rate may be
CONNECTIONS = 32  # for each loss: a standard error of 3 % of the rate at 0.6 %
PATIENCE_S = 2.0  # for the last echo
Z = 3.29  # of 99.9 %, both sides


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing measured; it should be ``expected`` and must be between low and high. error: a standard error, or 0."""

    what: str
    unit: str
    measured: float
    expected: float
    low: float
    high: float
    error: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the engine may be believed in this."""
        return self.low <= self.measured <= self.high

    def __str__(self) -> str:
        verdict = "ok" if self.ok else "NOT OK"
        bounds = f"expected {self.expected:.6g}, bounds {self.low:.6g} to {self.high:.6g}"
        return f"{verdict:<7}{self.what}: {f'{self.measured:.6g} {self.unit}'.strip()}, {bounds}"


@dataclass(frozen=True, slots=True)
class Validation:
    """All findings, where they were found, and how long that took."""

    findings: tuple[Finding, ...]
    facts: Mapping[str, object]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every finding is within its bounds."""
        return all(finding.ok for finding in self.findings)

    @property
    def told(self) -> dict[str, object]:
        """For JSON: the findings with their verdicts, the facts, the seconds."""
        findings = [{**asdict(finding), "ok": finding.ok} for finding in self.findings]
        return {"ok": self.ok, "findings": findings, "facts": dict(self.facts), "seconds": self.seconds}

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


def validate(seed: int = 1, *, quick: bool = False, core: int | None = None) -> Validation:
    """Measure the engine on this machine; the forwarder on ``core`` if named. quick leaves TCP out."""
    begin = time.monotonic()
    with Network({"near": None, "far": None}, seed, core=core) as network:
        findings = [*delay(network, 200 if quick else 600), rate(network), loss(network)]
        findings.append(_kept(network.traffic()))
        facts = {**network.facts, "netem": has_netem()}
    if not quick:
        findings += tcp(seed, core)
    return Validation(tuple(findings), facts, time.monotonic() - begin)


def delay(network: Network, count: int) -> list[Finding]:
    """What forwarding adds to 50 ms, at half and at 99 of 100 round trips. Bounds: 1 % and 5 % of them."""
    way = Link(delay=0.025)
    _behind(network, Path("50 ms", way, way))
    trips = sorted(echo(network["near"], network["far"], count, 0.005, PATIENCE_S))
    trips += [PATIENCE_S] * (count - len(trips))  # none is lost but in a broken engine
    added = [(trip - 0.05) * 1e3 for trip in trips]
    return [
        Finding("added to a round trip of 50 ms, p50", "ms", quantile(added, 0.5), 0.0, -0.05, 0.5),
        Finding("added to a round trip of 50 ms, p99", "ms", quantile(added, 0.99), 0.0, -0.05, 2.5),
    ]


def rate(network: Network) -> Finding:
    """A link of 1 MB/s that is offered more."""
    size, nominal = 1250, 1e6
    _behind(network, Path("1 MB/s", Link(rate=nominal, queue=50_000), Link()))
    offered = round(1.15 * nominal * 1.2 / size)
    got = stream(network["near"], network["far"], offered, size / nominal / 1.15, size, patience=0.3)
    measured = size * (len(got) - 1) / (got[-1][0] - got[0][0]) if len(got) > 1 else 0.0
    return Finding("rate", "B/s", measured, nominal, 0.98 * nominal, 1.02 * nominal)


def loss(network: Network) -> Finding:
    """Of 5,000 datagrams how many a loss of 5 % takes."""
    count, share = 5_000, 0.05
    _behind(network, Path("5 %", Link(loss=share), Link()))
    got = stream(network["near"], network["far"], count, 1 / 5_000, 100, patience=0.3)
    spread = Z * sqrt(share * (1 - share) / count)
    return Finding("loss", "", 1 - len(got) / count, share, share - spread, share + spread)


def tcp(seed: int, core: int | None = None, settle: float = 3.0, seconds: float = 11.0) -> list[Finding]:
    """Reno's rate over Mathis's at each loss, all measured at once, and that no packet went missing by the way."""
    back = Link(delay=0.05)
    paths = {f"{share:.1%}": Path("", Link(delay=0.05, loss=share), back) for share in TCP_LOSSES}
    with Network({**paths, "sink": None}, seed, core=core) as network:
        pairs = [(network[name], network["sink"]) for name in paths for _ in range(CONNECTIONS)]
        rates = bulk(pairs, "reno", settle, seconds)
        traffic = network.traffic()
    found = []
    for place, (share, bound) in enumerate(TCP_LOSSES.items()):
        ratios = [one / mathis(share, 0.1) for one in rates[place * CONNECTIONS : (place + 1) * CONNECTIONS]]
        error = stdev(ratios) / sqrt(CONNECTIONS)
        what = f"reno over Mathis at 100 ms and {share:.1%}"
        found.append(Finding(what, "", fmean(ratios), 1.0, 1 - bound, 1 + bound, error))
    return [*found, _kept(traffic)]


def mathis(share: float, round_trip: float) -> float:
    """Bytes per second of a TCP connection that loses ``share`` of its packets, by the model above."""
    return MSS / round_trip * MATHIS / sqrt(share)


def quantile(ordered: list[float], share: float) -> float:
    """The smallest that at least ``share`` of all do not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _kept(traffic: Traffic) -> Finding:
    """Packets that went missing in the engine, not on a link."""
    return Finding("packets missing", "", traffic.overruns + traffic.refused, 0, 0, 0)


def _behind(network: Network, path: Path) -> None:
    """The near host behind a path, from its beginning."""
    network.change("near", path)
    network.restart()
