"""The kernel's own emulator: what it is told, what it is not asked for, and, where it exists, what it does."""

from __future__ import annotations

from pathlib import Path as File

import pytest

from imlab.errors import DoorError, UsageError
from imlab.net.fate.losses import GilbertElliott
from imlab.net.fate.ratetrace import RateTrace
from imlab.net.kernel.netem import behind, has_netem, words
from imlab.net.kernel.probes import echo
from imlab.net.links import Link, Path, Reordering
from imlab.net.tun import Network
from tests.tools import need_network

TOLD = [
    (Link(), "limit 1000000 delay 0us"),
    (Link(delay=0.025), "limit 1000000 delay 25000us"),
    (Link(0.1, rate=150_000, queue=15_000), "limit 20 delay 100000us rate 1200000bit"),
    (Link(loss=0.005, duplication=0.1), "limit 1000000 delay 0us loss random 0.5% duplicate 10%"),
    (Link(loss=GilbertElliott(0.01, 0.25, 0.001, 0.5)), "limit 1000000 delay 0us loss gemodel 1% 25% 50% 0.1%"),
]


@pytest.mark.parametrize(("link", "told"), TOLD, ids=lambda value: repr(value) if isinstance(value, Link) else "")
def test_a_link_in_its_words(link: Link, told: str) -> None:
    assert words(link) == told.split()


@pytest.mark.parametrize(
    "link",
    [
        Link(jitter=0.01),
        Link(rate=RateTrace(((1.0, 1e6),))),
        Link(reordering=Reordering(0.1, 0.01)),
        Link(outages=((0.0, 1.0),)),
    ],
    ids=repr,
)
def test_what_it_does_otherwise_is_refused(link: Link) -> None:
    with pytest.raises(UsageError, match="TUN engine"):
        words(link)


@pytest.mark.process
def test_asking_whether_it_is_here_changes_nothing_here() -> None:
    before = File("/proc/thread-self/ns/net").readlink(), File("/proc/net/dev").read_text().count("\n")
    has_netem()
    assert (File("/proc/thread-self/ns/net").readlink(), File("/proc/net/dev").read_text().count("\n")) == before


@pytest.mark.process
def test_a_host_behind_it_or_why_not() -> None:
    need_network()
    path = Path("20 ms", Link(delay=0.02), Link(delay=0.03))
    with Network({"near": None, "far": None}) as network:
        if has_netem():
            behind(network, "near", path)
            trips = echo(network["near"], network["far"], 20, 0.001, patience=30.0)
            assert len(trips) == 20 and min(trips) > 0.0499
        else:
            with pytest.raises(DoorError, match="netem"):
                behind(network, "near", path)


@pytest.mark.process
def test_it_joins_two() -> None:
    need_network()
    with Network({"a": None, "b": None, "c": None}) as network, pytest.raises(UsageError, match="two hosts"):
        behind(network, "a", Path("x", Link(), Link()))
