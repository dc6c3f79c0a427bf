"""The work of ./lab send: sound becomes notes, notes become durable, and the caller learns which did."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tqdm import tqdm

from imlab.audio.capture import Frame, clip_frames, pace
from imlab.audio.files import read_clip
from imlab.audio.microphone import Microphone
from imlab.audio.resample import resample
from imlab.client.events import Failed, Progress, Sent
from imlab.client.recorder import Recorder
from imlab.codec.contract import Codec
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.desk.calling import Call, calling, say, tracing
from imlab.errors import DoorError, PeerError
from imlab.trace import Mark, Trace
from imlab.wire.messages import VoiceMessage

BAR_AFTER = 1.0  # seconds


def send(options: Namespace) -> int:
    """Record all, send all, wait for all."""
    with tracing(options) as trace:
        asyncio.run(_send(options, trace))
    return 0


async def _send(options: Namespace, trace: Trace) -> None:
    begun: set[str] = set()

    def watch(mark: Mark) -> None:
        if mark.what == "first_byte":
            begun.add(mark.note)
        trace(mark)

    async with calling(options, watch) as call:  # it dials while we record
        notes: dict[str, tuple[VoiceMessage, Path | None]] = {}
        for path in options.files or [None]:
            note = await _record(path, options, trace)
            notes[note.id] = note, path
            call.client.send(note)
        try:
            async with asyncio.timeout(options.timeout):
                await _await_answers(call, notes, options)
        except TimeoutError:
            raise DoorError(_late(list(notes), begun, options)) from None


async def _await_answers(call: Call, notes: dict[str, tuple[VoiceMessage, Path | None]], options: Namespace) -> None:
    """Until every note is durable; what is answered leaves ``notes``."""
    with _bar(sum(note.size for note, _ in notes.values())) as show:
        while notes:
            match await call.next():
                case Progress(id, size, _):
                    show(id, size)
                case Sent(id, _, sequence):
                    note, path = notes.pop(id)
                    show(id, note.size)
                    _print(note, path, sequence, options)
                case Failed(_, fault, why):
                    error = PeerError if fault == "peer" else DoorError
                    raise error(f"the server refused the note: {why}")


def _late(missing: list[str], begun: set[str], options: Namespace) -> str:
    """What is known of notes without an answer, after the first of them."""
    what = f"no answer from {options.server} within {options.timeout:g} s: note {missing[0]}"
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    known = "may be stored or not" if missing[0] in begun else "was not sent, so it is not stored"
    return f"{what}{more} {known}"


async def _record(path: Path | None, options: Namespace, trace: Trace) -> VoiceMessage:
    """One note, in a thread, so that the line to the server lives meanwhile."""
    if path is None:
        return await _record_microphone(options, trace)
    ended = threading.Event()
    try:
        return await asyncio.to_thread(_record_file, path, options, trace, ended)
    finally:
        ended.set()  # Ctrl-C must not wait for a long file to sound to its end


def _record_file(path: Path, options: Namespace, trace: Trace, ended: threading.Event) -> VoiceMessage:
    codec = _codec(options)
    frames: Iterable[Frame] = clip_frames(resample(read_clip(path), codec.rate), options.frame)
    if options.realtime:
        frames = pace(frames, time.monotonic, ended.wait)
    return _note(frames, codec, options, trace, ended)


async def _record_microphone(options: Namespace, trace: Trace) -> VoiceMessage:
    codec = _codec(options)
    loop = asyncio.get_running_loop()
    with Microphone(codec.rate, options.frame) as microphone:
        if options.seconds is not None:
            loop.call_later(options.seconds, microphone.stop)
        else:
            say("recording; Enter sends, Ctrl-C forgets")
            loop.add_reader(sys.stdin, microphone.stop)
        try:
            note = await asyncio.to_thread(_note, microphone, codec, options, trace, threading.Event())
        finally:
            if options.seconds is None:
                loop.remove_reader(sys.stdin)
    return note


def _note(
    frames: Iterable[Frame], codec: Codec, options: Namespace, trace: Trace, ended: threading.Event
) -> VoiceMessage:
    """The frames as a note; marks at the tap and when the tail is coded."""
    recorder, name = Recorder(codec), uuid4().hex
    for frame in frames:
        if ended.is_set():
            raise DoorError("the recording was given up")
        recorder.add(frame.samples[: frame.length])
    trace(Mark(time.monotonic(), options.name, "tap", name))
    note = recorder.stop(name, options.name, options.room, round(time.time() * 1000))
    trace(Mark(time.monotonic(), options.name, "encoded", name, note.size))
    return note


def _codec(options: Namespace) -> Codec:
    rate = 48_000 if options.fullband else 16_000
    if options.codec == "pcm":
        return Pcm(rate, options.frame)
    return Opus(bitrate=options.bitrate, frame_ms=options.frame, complexity=options.complexity, rate=rate)


def _print(note: VoiceMessage, path: Path | None, sequence: int, options: Namespace) -> None:
    if not options.json:
        length = f"{note.duration_ms / 1000:.1f} s, {note.size:,} bytes"
        print(f"sent {path or 'the recording'}: note {note.id}, number {sequence} in room {note.room} ({length})")
        sys.stdout.flush()
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
def _bar(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal, when it takes longer than a moment; told what of each note is known to have arrived."""
    arrived: dict[str, int] = {}
    with tqdm(total=total, unit="B", unit_scale=True, delay=BAR_AFTER, leave=False, disable=None) as bar:

        def show(id: str, size: int) -> None:
            bar.update(size - arrived.get(id, 0))
            arrived[id] = size

        yield show
