"""The work of ./lab send --via put|tus: notes are coded into files and uploaded over HTTP, one after the other."""

from __future__ import annotations

import asyncio
import json
import time
from argparse import Namespace
from random import SystemRandom
from urllib.parse import quote, urlencode

from imlab.client.fetching.requests import Answer
from imlab.client.player import coded
from imlab.client.uploading.resumable import ResumableUpload
from imlab.client.uploading.uploader import Uploader
from imlab.client.uploading.whole import whole_upload
from imlab.codec.container.writing import to_file
from imlab.desk.calls.calling import tracing
from imlab.desk.calls.client_options import media_address
from imlab.desk.calls.recording import record
from imlab.desk.calls.sending import bar, tell
from imlab.errors import DoorError, PeerError
from imlab.net.fetching.origin import Origin
from imlab.net.fetching.uploading import upload
from imlab.net.web.downloads.kinds import TYPES
from imlab.trace import Mark, Trace
from imlab.wire.messages import VoiceMessage


def send(options: Namespace) -> int:
    """Record, code, upload; each is durable before the next begins."""
    with tracing(options) as trace:
        asyncio.run(_send(options, trace))
    return 0


async def _send(options: Namespace, trace: Trace) -> None:
    async with Origin(media_address(options.server, options.media)) as origin:
        warming = asyncio.create_task(origin.warm(1))  # while we record
        for path in options.files or [None]:
            note = await record(path, options, trace)
            trace(Mark(time.monotonic(), options.name, "first_byte", note.id, note.size))
            sequence = await _upload(note, origin, options)
            trace(Mark(time.monotonic(), options.name, "acked", note.id, note.size))
            tell(note, path, sequence, options)
        await warming


async def _upload(note: VoiceMessage, origin: Origin, options: Namespace) -> int:
    """Its place in the room."""
    extension, data = to_file(coded(note))
    uploader = _WAYS[options.via](note, extension, len(data))
    with bar(len(data)) as show:
        try:
            async with asyncio.timeout(options.timeout):
                answer = await upload(uploader, origin, data, lambda there: show(note.id, there))
        except TimeoutError:
            known = f"{uploader.received:,} of {len(data):,} bytes are known to be there"
            raise DoorError(f"no answer from {origin.url} within {options.timeout:g} s: {known}") from None
    return _place(answer)


def _put(note: VoiceMessage, extension: str, size: int) -> Uploader:
    said = urlencode({"sender": note.sender, "timestamp_ms": note.timestamp_ms})
    target = f"/notes/{quote(note.room, safe='')}?{said}"
    return whole_upload(target, note.id, size, SystemRandom(), (("content-type", TYPES[extension]),))


def _tus(note: VoiceMessage, extension: str, size: int) -> Uploader:
    metadata = {
        "room": note.room,
        "sender": note.sender,
        "filename": f"{note.id}.{extension}",
        "filetype": TYPES[extension],
    }
    return ResumableUpload("/files/", size, SystemRandom(), metadata, headers=(("idempotency-key", note.id),))


_WAYS = {"put": _put, "tus": _tus}


def _place(answer: Answer) -> int:
    """The note's sequence, which PUT tells in JSON and tus in a header."""
    told = answer.headers.get("im-seq", "")
    if told.isdecimal():
        return int(told)
    try:
        return int(json.loads(answer.body)["seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise PeerError(f"the server took it, and does not say where: {answer.body[:100]!r}") from error
