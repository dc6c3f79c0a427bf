"""The cases: a work, a server that does it, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Protocol

from imlab.audio.speech.corpus import open_corpus
from imlab.client.fetching.pool import Reuse
from imlab.errors import InvalidRun
from imlab.lab.plan.design import Row, Trial
from imlab.lab.record.quantiles import quantiles
from imlab.studies.upload import asked
from imlab.studies.upload.asked import Address, Build
from imlab.studies.upload.connections import Connections
from imlab.studies.upload.hammer import strike
from imlab.studies.upload.notes import notes, recording
from imlab.studies.upload.servers import Floor, Go, Nginx, Ours, Server, Standing, standing
from imlab.studies.upload.spent import spent_s

MANY = 32  # connections, as PEERS of every benchmark; one: nobody else is there
NOTES = {"smoke": 64, "quick": 800, "full": 1_600}  # uploads over many connections; a tenth over one
ALONE = 24  # at least so many over one: fewer have no median
LONG = {"smoke": 4 << 20, "quick": 50 << 20, "full": 100 << 20}  # bytes of a long recording
FETCHED = {"smoke": 200, "quick": 4_000, "full": 8_000}
HOT = 64  # files that are fetched, in turn: all stay in any memory


class Case(Protocol):
    """A work as a value."""

    def run(self, trial: Trial) -> Iterator[Row]:
        """Stand the server up, do the work, tell."""
        ...


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes of 20 kB: many at once, and one after the other."""

    server: Server
    build: Build
    share: float = 1.0  # of the usual number: what takes long is asked less often

    def run(self, trial: Trial) -> Iterator[Row]:
        """See Case."""
        count = round(NOTES[trial.scale] * self.share)
        warm, alone = count // 2, max(ALONE, count // 10)
        bodies = list(notes(open_corpus(), warm + count + alone, trial.rng()))
        with standing(self.server, trial) as server:
            requests = self.build(server.address, bodies)
            strike(server.address, requests[:warm], MANY)  # warm: code, caches, connections' memory
            yield measured(server, requests[warm : warm + count], MANY)
            yield measured(server, requests[warm + count :], 1)
            self._check(server, len(requests))

    def _check(self, server: Standing, sent: int) -> None:
        """What was answered is there."""
        if isinstance(self.server, Ours):
            kept = len(asked.listed(server.address, "tea"))
            if kept != sent:
                raise InvalidRun(f"{sent} notes were taken, {kept} are listed")


@dataclass(frozen=True, slots=True)
class Recording:
    """One long recording, in pieces of 1 MB over one connection."""

    server: Server
    build: Build

    def run(self, trial: Trial) -> Iterator[Row]:
        """See Case."""
        rng, corpus = trial.rng(), open_corpus()
        small, body = recording(corpus, 4 << 20, rng), recording(corpus, LONG[trial.scale], rng)
        with standing(self.server, trial) as server:
            strike(server.address, self.build(server.address, [small]), 1)
            yield {**measured(server, self.build(server.address, [body]), 1), "bytes": len(body)}


@dataclass(frozen=True, slots=True)
class Fetches:
    """Notes of 20 kB, fetched again and again."""

    server: Server
    build: Build

    def run(self, trial: Trial) -> Iterator[Row]:
        """See Case."""
        bodies = list(notes(open_corpus(), HOT, trial.rng()))
        with standing(self.server, trial) as server:
            strike(server.address, self.build(server.address, bodies), 1)
            paths = self._paths(server.address)
            strike(server.address, asked.get(paths, 2_000), MANY)
            yield measured(server, asked.get(paths, FETCHED[trial.scale]), MANY)

    def _paths(self, address: Address) -> list[str]:
        if isinstance(self.server, Ours):
            return [str(note["url"]) for note in asked.listed(address, "tea")]
        if isinstance(self.server, Go):
            return [f"/files/{number + 1}-note{number}" for number in range(HOT)]
        return [f"/note{number}" for number in range(HOT)]


def measured(server: Standing, requests: Sequence[bytes], connections: int) -> Row:
    """Strike, and what it cost both sides."""
    server_s, own_s = spent_s(server.pid), process_time()
    struck = strike(server.address, requests, connections)
    spent, own = spent_s(server.pid) - server_s, process_time() - own_s
    return {
        "connections": connections,
        "requests": len(requests),
        "bytes": struck.bytes,
        "seconds": struck.seconds,
        "server_cpu_s": spent,
        "client_cpu_s": own,
        **{f"{q.name}_s": q.value for q in quantiles(struck.latencies, (0.5, 0.99)) if q.value is not None},
    }


OURS = "/notes/tea?sender=ann"
CASES: dict[str, Case] = {
    "floor: PUT": Notes(Floor(), asked.put(OURS)),
    "ours: PUT, structure, in memory": Notes(Ours(bodies="memory"), asked.put(OURS)),
    "ours: PUT, structure, segments": Notes(Ours(), asked.put(OURS)),
    "ours: PUT, structure, files": Notes(Ours(bodies="files"), asked.put(OURS)),
    "ours: PUT, decode, segments": Notes(Ours("decode"), asked.put(OURS), share=0.25),
    "ours: form, structure, segments": Notes(Ours(), asked.form),
    "ours: tus, structure, segments": Notes(Ours(), asked.tus),
    "Go: form, the article's": Notes(Go(), asked.form),
    "Go: form, and fsync": Notes(Go(sync=True), asked.form),
    "Go: PUT": Notes(Go(), asked.put("/raw/note{}")),
    "nginx: PUT": Notes(Nginx(), asked.put("/note{}")),
    "ours: long, tus": Recording(Ours(), asked.tus_pieces),
    "ours: long, chunked form": Recording(Ours(), asked.form_pieces("/upload")),
    "Go: long, chunked form and join": Recording(Go(), asked.form_pieces("/part")),
    "nginx: long, PUT of pieces": Recording(Nginx(), asked.put_pieces),
    "kept connections": Connections(Reuse()),
    "a connection each": Connections(Reuse(idle=0)),
    "one connection for all": Connections(Reuse(most=1)),
    "kept connections, TLS 1.3": Connections(Reuse(), secure=True),
    "a connection each, TLS 1.3": Connections(Reuse(idle=0), secure=True),
    "floor: GET": Fetches(Floor(), asked.put("/note{}")),
    "ours: GET": Fetches(Ours(), asked.put(OURS)),
    "Go: GET": Fetches(Go(), asked.put("/raw/note{}")),
    "nginx: GET": Fetches(Nginx(), asked.put("/note{}")),
}
