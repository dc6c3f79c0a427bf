"""Architectures as values: the old one, honestly what a competent team ships first, the new one, and all between.

Each difference is a value and every mixture runs: the handlers (server/service) and the stores are the same in all. No
architecture here has a WebSocket: what a library of these costs is a factor of its own, never a part of asynchrony.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from imlab.server.service.caching import Caching
from imlab.server.service.lines import Lines
from imlab.stack.service.first_byte import FirstByte
from imlab.wire.framings import Json, Protobuf


@dataclass(frozen=True, slots=True)
class Threads:
    """A blocking WSGI server (waitress): so many threads, each waits for whatever its request waits for.

    32 is where Python's own thread pool stops by default (min(32, cores + 4), concurrent.futures); waitress itself
    begins with 4, Puma with 5, a mod_wsgi process with 15, Tomcat with 200.
    """

    workers: int = 32


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """A bare ASGI application on uvicorn (httptools) and uvloop: one thread, nobody waits for anybody."""


Serving = Threads | Asynchronous
Framed = Json | Protobuf


@dataclass(frozen=True, slots=True)
class Architecture:
    """One way to build the service."""

    serving: Serving
    caching: Caching
    lines: Lines
    framing: Framed

    @property
    def differs(self) -> Mapping[str, str]:
        """Factor -> level, in words."""
        return {name: repr(getattr(self, name)) for name in FACTORS}


@dataclass(frozen=True, slots=True)
class Preset:
    """An architecture, and how far its object store is."""

    architecture: Architecture
    first_byte: FirstByte


# On the usual workload of the studies (studies/architectures/workload.py), 280 requests/s and objects 150 ms away, they
# hit 63 and 91 % of the fetches, as was published: 63.7 +- 0.8 and 90.8 +- 0.4 over 6,000 requests of eight seeds.
SMALL = Caching(limit=15 << 20)
LARGE = Caching(limit=32 << 20, second=True, at_upload=True, single_flight=True)
OLD = Architecture(Threads(), SMALL, Lines(most=0), Json())
NEW = Architecture(Asynchronous(), LARGE, Lines(), Protobuf())
FACTORS = ("serving", "caching", "lines", "framing")
# What the published table's numbers come from, if from anything: 62 threads, and objects 200 to 400 ms away. Found by
# search (studies/q18_where_the_80_percent_lives.py), and measured in q15: 182 users who pause 170 ms.
ARTICLE_THREADS = 62
ARTICLE = replace(OLD, serving=Threads(ARTICLE_THREADS))
ARTICLE_AWAY = FirstByte(0.2, 0.4)
PRESETS: Mapping[str, Preset] = {
    "old": Preset(OLD, FirstByte()),
    "new": Preset(NEW, FirstByte()),
    "article": Preset(ARTICLE, ARTICLE_AWAY),
}


def mixtures(old: Architecture = OLD, new: Architecture = NEW) -> Iterator[Architecture]:
    """All sixteen, old first, in the order of a full factorial: the last factor changes fastest."""
    for sides in product((False, True), repeat=len(FACTORS)):
        changed = {name: getattr(new, name) for name, switched in zip(FACTORS, sides, strict=True) if switched}
        yield replace(old, **changed)
