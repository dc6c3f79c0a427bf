"""Named networks, each with where its numbers come from: stage sets that others use too, not measurements of a city.

Sources, by their letter in a profile's note:
    W  WebPageTest, "connectivity.ini.sample": 3G 1.6/0.768 Mbit/s and 300 ms, 4G 9/9 and 170 ms, EDGE 0.24/0.2 and
       840 ms of round trip, rates down/up
    L  Lighthouse, docs/throttling.md, "Slow 4G": 1.6/0.75 Mbit/s, 150 ms of round trip, about the slowest quarter of 4G
    P  Pei et al., "WiFi can be the weakest link of round trip network latency in the wild" (INFOCOM 2016): the Wi-Fi
       hop takes more than 20 ms for half of the TCP packets of a campus and more than 100 ms for a tenth
    R  RFC 2488, section 2: a geostationary hop takes 239.6 to 279.0 ms, a round trip at least 558 ms at the edge
    J  Jiang et al., "Understanding bufferbloat in cellular networks" (CellNet 2012): deep queues in the 3G and
       4G of four carriers; that they hold two seconds is ours
    T  Li et al., "A longitudinal measurement study of TCP performance and behavior in 3G/4G networks over high speed
       rails" (IEEE/ACM ToN 2017): at 310 km/h throughput falls, and losses and round trips rise considerably
What no source gives is ours, and said so: jitter, burst lengths, queues in bytes, the course of a lift or a train.
Each delay is half of a round trip.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from imlab.errors import UsageError
from imlab.net.fate.losses import GilbertElliott
from imlab.net.fate.outages import Periodic
from imlab.net.fate.ratetrace import RateTrace
from imlab.net.links import Link, Path

MBIT = 125_000.0  # bytes per second
BLOAT = 2.0  # seconds that a mobile network's queue holds at its own rate (J)
LEAST_QUEUE = 65_536  # bytes; a queue below one TCP window would be a policer


@dataclass(frozen=True, slots=True)
class Profile:
    """A path, what it stands for, and the sources of its numbers."""

    path: Path
    note: str


def queue_of(rate: float, seconds: float = BLOAT) -> float:
    """Bytes of a queue that holds so many seconds at a rate."""
    return max(LEAST_QUEUE, rate * seconds)


def link(round_trip: float, mbit: float, jitter: float = 0.0, loss: float | GilbertElliott = 0.0) -> Link:
    """One way of a mobile network: half of the round trip in seconds, Mbit/s, and a queue of its kind."""
    return Link(round_trip / 2, jitter, mbit * MBIT, loss, queue_of(mbit * MBIT))


def bursts(share: float, length: float) -> GilbertElliott:
    """Loss of a share of packets, in bursts of a mean length."""
    return GilbertElliott(p_enter=share / (1 - share) / length, p_leave=1 / length)


FADES = ((8.0, 9 * MBIT), (4.0, 3 * MBIT), (2.0, 0.5 * MBIT), (0.3, 0.0), (6.0, 5 * MBIT), (3.0, 1.5 * MBIT))
SLOWER_UP = tuple((seconds, rate / 3) for seconds, rate in FADES)

OFFICE_WIFI = Profile(
    Path(
        "office Wi-Fi",
        Link(0.0025, 0.015, 30 * MBIT, bursts(0.002, 3), queue_of(30 * MBIT, 0.1)),
        Link(0.0025, 0.015, 30 * MBIT, bursts(0.002, 3), queue_of(30 * MBIT, 0.1)),
    ),
    "P: half of the round trips above 20 ms, without its tail; rate, 0.2 % loss in bursts of 3, 100 ms of queue ours",
)
GOOD_4G = Profile(Path("good 4G", link(0.170, 9, 0.010), link(0.170, 9, 0.010)), "W: 4G; jitter ours; queue J")
BAD_4G = Profile(
    Path("bad 4G", link(0.150, 0.75, 0.040, bursts(0.01, 4)), link(0.150, 1.6, 0.040, bursts(0.01, 4))),
    "L: Slow 4G; jitter and 1 % loss in bursts of 4 ours; queue J",
)
THREE_G = Profile(Path("3G", link(0.300, 0.768, 0.020), link(0.300, 1.6, 0.020)), "W: 3G; jitter ours; queue J")
EDGE = Profile(Path("EDGE", link(0.840, 0.2, 0.100), link(0.840, 0.24, 0.100)), "W: EDGE; jitter ours; queue J")
SATELLITE = Profile(
    Path(
        "satellite",
        Link(0.279, 0.010, 3 * MBIT, 0.001, queue_of(3 * MBIT, 0.6)),
        Link(0.279, 0.010, 25 * MBIT, 0.001, queue_of(25 * MBIT, 0.6)),
    ),
    "R: delay at the edge of a GEO's view; rates, 0.1 % loss and one round trip of queue are ours",
)
LIFT = Profile(
    Path(
        "lift",
        replace(GOOD_4G.path.up, outages=Periodic(every=60.0, lasting=20.0, first=5.0)),
        replace(GOOD_4G.path.down, outages=Periodic(every=60.0, lasting=20.0, first=5.0)),
    ),
    "good 4G, and from second 5 of every minute 20 s of a closed steel box: a ride, ours",
)
TRAIN = Profile(
    Path(
        "train",
        Link(0.085, 0.060, RateTrace(SLOWER_UP), bursts(0.005, 5), 2 * MBIT, outages=Periodic(90.0, 6.0, 30.0)),
        Link(0.085, 0.060, RateTrace(FADES), bursts(0.005, 5), 4 * MBIT, outages=Periodic(90.0, 6.0, 30.0)),
    ),
    "W: 4G at its best; T: that it falls; fades, 0.3 s handovers, 6 s of tunnel every 90 s, 0.5 % loss are ours",
)
SLOW_UPLINK = Profile(
    Path("8 kB/s uplink", Link(0.085, 0.010, 8_000.0, 0.0, LEAST_QUEUE), GOOD_4G.path.down),
    "good 4G with an uplink of 8 kB/s: what a crowded cell leaves to one phone, ours",
)

PROFILES = {
    profile.path.name: profile
    for profile in (OFFICE_WIFI, GOOD_4G, BAD_4G, THREE_G, EDGE, SATELLITE, LIFT, TRAIN, SLOW_UPLINK)
}


def profile_called(name: str) -> Profile:
    """By its name, whatever the case."""
    for known, profile in PROFILES.items():
        if known.casefold() == name.casefold():
            return profile
    raise UsageError(f"no network is called {name!r}; there are {', '.join(PROFILES)}")
