"""The media plane of a server, stood together: uploads of every kind, downloads, lists, and who sweeps up behind."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from imlab.client.player import coded
from imlab.codec.container.writing import to_file
from imlab.errors import DoorError
from imlab.net.sockets.aio_server import Server
from imlab.net.web.application import Application
from imlab.net.web.downloads.download import PLACE, Downloads
from imlab.net.web.downloads.hot import Hot
from imlab.net.web.listing import listing
from imlab.net.web.tus.service import AT, Tus
from imlab.net.web.uploads.chunked import Chunked
from imlab.net.web.uploads.form import PATH, Upload
from imlab.net.web.uploads.posting import Posting
from imlab.net.web.uploads.put import NOTES, Put
from imlab.server.doors import Body, Committed, Examine
from imlab.stack.decoding import Decoding
from imlab.stack.library import Library
from imlab.stack.plan import ServerPlan
from imlab.stack.structure import Structure
from imlab.store.part_files import PartFiles
from imlab.store.redis_cache import RedisCache
from imlab.store.upload_files import UploadFiles
from imlab.wire.messages import VoiceMessage

_LOG = logging.getLogger(__name__)
SWEEP = 60.0  # seconds between two looks for what was abandoned
GRACE = 3600.0  # seconds that a body without a note is kept: longer than any upload is on its way to its commit


@asynccontextmanager
async def media(
    plan: ServerPlan, library: Library, server: Server
) -> AsyncIterator[tuple[Application, asyncio.Task[None]]]:
    """The application and its sweeper, as long as the context lasts; the counters of all parts are in /metrics."""
    async with AsyncExitStack() as house:
        uploads = plan.data / "uploads" if plan.data else Path(house.enter_context(tempfile.TemporaryDirectory()))
        second = RedisCache(plan.second_cache) if plan.second_cache else None
        if second:
            house.push_async_callback(second.close)
        downloads = Downloads(library, lambda note: to_file(coded(note)), Hot(plan.warmth, second))
        house.push_async_callback(downloads.hot.close)
        posting = Posting(await _examine(plan, house), partial(_post, server, downloads))
        terms = plan.uploads
        chunked = Chunked(posting, PartFiles(uploads / "parts"), terms)
        tus = Tus(UploadFiles(uploads / "tus"), library.find, posting, terms, plan.names)
        parts: dict[tuple[str, str], ASGIApp] = {
            ("", PLACE): downloads,
            ("PUT", NOTES): (put := Put(posting, uploads / "puts", terms)),
            ("POST", PATH): (form := Upload(posting, uploads / "forms", chunked, terms)),
            ("GET", PATH + "/"): form,
            ("", AT): tus,
            ("", AT.rstrip("/")): tus,
        }
        sweeping = asyncio.create_task(_sweep(Sweepers(chunked.sweep, tus.sweep), library))
        house.callback(sweeping.cancel)
        others = listing(library, lambda: {**counters(library, server), **downloads.counters()})
        yield Application(parts, others, downloads.at_once, plan.names, put.order), sweeping


async def _examine(plan: ServerPlan, house: AsyncExitStack) -> Examine:
    if plan.examine == "structure":
        return Structure(plan.limits)
    return await house.enter_async_context(Decoding(plan.limits))


async def _post(server: Server, downloads: Downloads, note: VoiceMessage, body: Body) -> Committed:
    committed = await server.post(note, body)
    if not committed.duplicate:
        downloads.warm(note, body)
    return committed


@dataclass(frozen=True, slots=True)
class Sweepers:
    """Whoever forgets abandoned uploads; told the Unix time."""

    chunked: Callable[[float], Any]
    tus: Callable[[float], Any]


async def _sweep(sweepers: Sweepers, library: Library) -> None:
    """For as long as the server lives."""
    while True:
        await asyncio.sleep(SWEEP)
        now = time.time()
        try:
            await sweepers.chunked(now)
            await sweepers.tus(now)
            await asyncio.to_thread(library.collect, now - GRACE)
        except DoorError as error:
            _LOG.warning("what was abandoned is not swept up: %s", error)  # a full disk, say: there is a next time


def counters(library: Library, server: Server) -> Mapping[str, tuple[str, str, int]]:
    """What the server has done."""
    return {
        "imlab_connections": ("gauge", "WebSocket connections that stand.", server.connections),
        "imlab_notes_total": ("counter", "Notes made durable.", library.notes),
        "imlab_audio_bytes_total": ("counter", "Bytes of audio made durable.", library.bytes),
        "imlab_commits_total": ("counter", "Commits that it took.", library.batches),
    }
