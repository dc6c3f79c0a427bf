"""What the stages themselves cost, measured one after another with nobody else about: what a prediction multiplies.

Framing is processor time. What a connection costs is the difference between a question over a new one and a question
over one that is kept, to each backend, through the service's own (blocking) doors.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from imlab.net.objects.blocking import BlockingObjects
from imlab.server.service.handlers import keep
from imlab.server.service.lines import Lines
from imlab.stack.service.first_byte import FirstByte
from imlab.stack.service.object_process import object_store
from imlab.stack.services.private import private
from imlab.stack.services.table import service_called
from imlab.store.recordings.bulk import fill
from imlab.store.recordings.sqlite import SqliteRecordings
from imlab.store.redis_blocking import BlockingRedis
from imlab.studies.architectures.shelf import Shelf
from imlab.wire.framings import Json, Protobuf
from imlab.wire.recording import Recording

NOTES = 48  # one of each length
TIMES = {"smoke": 1, "quick": 6, "full": 20}  # that each is asked for
FRESH, KEPT = Lines(most=0), Lines()
AT_ONCE = FirstByte(0.0, 0.0)  # no distance: it is added as stated


def costs(shelf: Shelf, scratch: Path, times: int) -> Mapping[str, float]:
    """Seconds, by what."""
    recordings = [shelf.recording(number) for number in range(NOTES)]
    return dict(_framing(recordings, times)) | dict(_asking(shelf, recordings, scratch, times))


def accepting(address: str, times: int) -> float:
    """What a client's own connection costs it, in seconds: of a service that keeps them and does nothing else."""
    where = urlsplit(address)
    kept = HTTPConnection(str(where.hostname), where.port, timeout=10)

    def ask(line: HTTPConnection) -> None:
        line.request("GET", "/healthz")
        line.getresponse().read()

    def fresh() -> None:
        with closing(HTTPConnection(str(where.hostname), where.port, timeout=10)) as line:
            ask(line)

    with closing(kept):
        return _typical([fresh] * times * NOTES) - _typical([partial(ask, kept)] * times * NOTES)


def _framing(recordings: list[Recording], times: int) -> Iterator[tuple[str, float]]:
    for name, framing in (("json", Json()), ("protobuf", Protobuf())):
        framed = [framing.encode(recording) for recording in recordings]
        begun = time.thread_time()
        for _ in range(times):
            for recording in recordings:
                framing.encode(recording)
        encoded = time.thread_time()
        for _ in range(times):
            for data in framed:
                framing.decode(data)
        each = times * len(recordings)
        yield f"encode {name}", (encoded - begun) / each
        yield f"decode {name}", (time.thread_time() - encoded) / each


def _asking(shelf: Shelf, recordings: list[Recording], scratch: Path, times: int) -> Iterator[tuple[str, float]]:
    """A question to each backend over a kept connection, and what a new one adds."""
    base = scratch / "costs.sqlite"
    fill(base, shelf.notes())
    with object_store(shelf.file(0).parent, AT_ONCE) as store, private(service_called("redis")) as cache:
        with closing(BlockingRedis(cache.endpoint.url, KEPT)) as level:
            for wanted in map(keep, recordings):
                level.put(wanted.key, wanted.value)
        for lines, name in ((KEPT, "kept"), (FRESH, "fresh")):
            with (
                closing(SqliteRecordings(base, lines)) as database,
                closing(BlockingObjects(store.url, lines)) as objects,
                closing(BlockingRedis(cache.endpoint.url, lines)) as level,
            ):
                finds = [partial(database.find, one.note.id) for one in recordings]
                gets = [partial(objects.get, shelf.sha256[number]) for number in range(NOTES)]
                looks = [partial(level.get, keep(one).key) for one in recordings]
                yield f"find, {name}", _typical(finds * times)
                yield f"get, {name}", _typical(gets * times)
                yield f"look, {name}", _typical(looks * times)


def _typical(calls: Sequence[Callable[[], object]]) -> float:
    """The median time of a call: what disturbs one of them is none of its cost."""
    took = []
    for call in calls:
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)
