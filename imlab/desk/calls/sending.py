"""The work of ./lab send: notes are sent as they are recorded, and the caller learns which are durable."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from imlab.client.events import Failed, Progress, Sent
from imlab.desk.calls.calling import Call, calling, tracing
from imlab.desk.calls.recording import record
from imlab.errors import DoorError, PeerError, UsageError
from imlab.trace import Mark, Trace
from imlab.wire.messages import VoiceMessage

BAR_AFTER = 1.0  # seconds

Waiting = dict[str, tuple[VoiceMessage, Path | None]]  # notes without an answer, in the order of sending


def send(options: Namespace) -> int:
    """Record all, send all, wait for all."""
    with tracing(options) as trace:
        asyncio.run(_send(options, trace))
    return 0


async def _send(options: Namespace, trace: Trace) -> None:
    waiting: Waiting = {}
    begun: set[str] = set()

    def watch(mark: Mark) -> None:
        if mark.what == "first_byte":
            begun.add(mark.note)
        trace(mark)

    async with calling(options, watch) as call:  # it dials while we record
        for path in options.files or [None]:
            try:
                note = await record(path, options, trace)
            except (UsageError, PeerError, DoorError):  # say first what became of the notes before
                await _settle(call, waiting, begun, options)
                raise
            waiting[note.id] = note, path
            call.client.send(note)
        await _settle(call, waiting, begun, options)


async def _settle(call: Call, waiting: Waiting, begun: set[str], options: Namespace) -> None:
    """Until every note is durable, or it takes too long."""
    try:
        async with asyncio.timeout(options.timeout):
            await _await_answers(call, waiting, options)
    except TimeoutError:
        raise DoorError(_late(list(waiting), begun, options)) from None


async def _await_answers(call: Call, waiting: Waiting, options: Namespace) -> None:
    """What is answered is said, and waits no more."""
    with bar(sum(note.size for note, _ in waiting.values())) as show:
        while waiting:
            match await call.next():
                case Progress(id, size, _):
                    show(id, size)
                case Sent(id, _, sequence):
                    note, path = waiting.pop(id)
                    show(id, note.size)
                    tell(note, path, sequence, options)
                case Failed(_, fault, why):
                    error = PeerError if fault == "peer" else DoorError
                    raise error(f"the note was refused: {why}")


def _late(missing: list[str], begun: set[str], options: Namespace) -> str:
    """What is known of notes without an answer, after the first of them."""
    what = f"no answer from {options.server} within {options.timeout:g} s: note {missing[0]}"
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    known = "may be stored or not" if missing[0] in begun else "was not sent, so it is not stored"
    return f"{what}{more} {known}"


def tell(note: VoiceMessage, path: Path | None, sequence: int, options: Namespace) -> None:
    """Say that a note is durable."""
    if not options.json:
        what = f"note {note.id}, number {sequence} in room {note.room}"
        print(
            f"sent {path or 'the recording'}: {what} ({note.duration_ms / 1000:.1f} s, {note.size:,} bytes)", flush=True
        )
        return
    told = {
        "id": note.id,
        "room": note.room,
        "sequence": sequence,
        "sender": note.sender,
        "duration_ms": note.duration_ms,
        "codec": note.codec,
        "bytes": note.size,
        "file": str(path) if path else None,
    }
    print(json.dumps(told), flush=True)


@contextmanager
def bar(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal, when it takes longer than a moment; told what of each note is known to have arrived."""
    arrived: dict[str, int] = {}
    with tqdm(total=total, unit="B", unit_scale=True, delay=BAR_AFTER, leave=False, disable=None) as bar:

        def show(id: str, size: int) -> None:
            bar.update(size - arrived.get(id, 0))
            arrived[id] = size

        yield show
