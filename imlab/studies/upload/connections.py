"""What it is worth to keep a connection: our own client against our own server, plain and with TLS."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

from imlab.audio.speech.corpus import open_corpus
from imlab.client.fetching.pool import Reuse
from imlab.errors import DoorError, InvalidRun
from imlab.lab.plan.design import Row, Trial
from imlab.lab.record.quantiles import quantiles
from imlab.net.fetching.origin import Origin
from imlab.net.fetching.tls import trusting
from imlab.studies.upload.notes import notes
from imlab.studies.upload.servers import Certified, Ours, Standing, standing
from imlab.studies.upload.spent import spent_s

AT_ONCE = 8  # requests under way
FETCHED = {"smoke": 40, "quick": 1_200, "full": 2_000}  # a tenth of them one after the other, but
ALONE = 24  # at least: fewer have no median


@dataclass(frozen=True, slots=True)
class Connections:
    """Notes of 20 kB are fetched through a pool of connections."""

    reuse: Reuse
    secure: bool = False

    def run(self, trial: Trial) -> Iterator[Row]:
        """See Case."""
        assert trial.scratch is not None
        certified = certificate(trial.scratch) if self.secure else None
        (body,) = notes(open_corpus(), 1, trial.rng())
        with standing(Ours(bodies="memory", certified=certified), trial) as server:
            yield from asyncio.run(self._fetch(server, body, FETCHED[trial.scale]))

    async def _fetch(self, server: Standing, body: bytes, count: int) -> list[Row]:
        host, port = server.address
        scheme, trust = ("https", trusting(self._authority(server))) if self.secure else ("http", None)
        async with Origin(f"{scheme}://{host}:{port}", self.reuse, tls=trust) as origin:
            answer = await origin.fetch("PUT", "/notes/tea?sender=ann", [("Content-Type", "audio/ogg")], body)
            if answer.status != 201:
                raise DoorError(f"the note was not taken: {answer.status} {answer.body[:300]!r}")
            place = answer.headers["location"]
            await asyncio.gather(*(_fetches(origin, place, body, count // 10) for _ in range(AT_ONCE)))  # warm
            return [await measured(server, origin, place, body, count, AT_ONCE),
                    await measured(server, origin, place, body, max(ALONE, count // 10), 1)]  # fmt: skip

    @staticmethod
    def _authority(server: Standing) -> Path | None:
        return server.certified.certificate if server.certified else None


async def measured(server: Standing, origin: Origin, place: str, body: bytes, count: int, at_once: int) -> Row:
    """Fetch, and what it cost both sides."""
    server_s, own_s, begun = spent_s(server.pid), process_time(), perf_counter()
    each = await asyncio.gather(*(_fetches(origin, place, body, count // at_once) for _ in range(at_once)))
    spent, own, seconds = spent_s(server.pid) - server_s, process_time() - own_s, perf_counter() - begun
    took = [latency for some in each for latency in some]
    return {
        "connections": at_once,
        "requests": len(took),
        "bytes": len(took) * len(body),
        "seconds": seconds,
        "server_cpu_s": spent,
        "client_cpu_s": own,
        **{f"{q.name}_s": q.value for q in quantiles(took, (0.5, 0.99)) if q.value is not None},
    }


async def _fetches(origin: Origin, place: str, body: bytes, count: int) -> list[float]:
    """So many, one after the other; how long each took, seconds."""
    took = []
    for _ in range(count):
        begun = perf_counter()
        answer = await origin.fetch("GET", place)
        took.append(perf_counter() - begun)
        if answer.body != body:
            raise InvalidRun(f"the note came back as something else: {answer.status}, {len(answer.body)} bytes")
    return took


def certificate(folder: Path) -> Certified:
    """A certificate for 127.0.0.1 that signs itself; InvalidRun where openssl is missing."""
    made = Certified(folder / "certificate.pem", folder / "key.pem")
    subject = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    words = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 {subject}".split()
    words += ["-keyout", str(made.key), "-out", str(made.certificate)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InvalidRun(f"openssl made no certificate: {error}") from error
    return made
