"""The work of ./lab listen: notes come in, are shown, saved and played."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from contextlib import ExitStack
from hashlib import sha256
from itertools import count, pairwise
from pathlib import Path

from imlab.audio.publish import publish
from imlab.client.events import Arrived, Failed, Listening, Notice, Piece
from imlab.client.player import coded
from imlab.codec.container.writing import to_file
from imlab.desk.calls.calling import Call, calling, say, tracing
from imlab.desk.calls.client_options import media_address
from imlab.desk.calls.filing import save_file
from imlab.desk.calls.loudspeaker import Loudspeaker
from imlab.errors import DoorError, PeerError, UsageError
from imlab.net.fetching.origin import Origin
from imlab.trace import Trace
from imlab.wire.messages import File, VoiceMessage

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24  # characters of waveform


def listen(options: Namespace) -> int:
    """Until enough notes came, the time is over, or Ctrl-C: a listener that was stopped has done its work."""
    with tracing(options) as trace:
        try:
            asyncio.run(_listen(options, trace))
        except KeyboardInterrupt:
            return 0 if options.count is None else 130
    return 0


async def _listen(options: Namespace, trace: Trace) -> None:
    with ExitStack() as room:
        media = media_address(options.server, options.media)
        speaker = room.enter_context(Loudspeaker(media, options.speed)) if options.play else None
        heard = 0
        try:
            async with asyncio.timeout(options.timeout), calling(options, trace) as call, Origin(media) as origin:
                call.client.join(options.room, options.after)
                for heard in count():
                    if heard == options.count:
                        return
                    await _take(await _arrival(call, speaker), options, origin)
        except TimeoutError:
            wanted = "no end was asked for" if options.count is None else f"{options.count} were asked for"
            raise DoorError(f"{heard} notes came within {options.timeout:g} s, {wanted}") from None


async def _arrival(call: Call, speaker: Loudspeaker | None) -> VoiceMessage:
    """The next whole note; what comes of it before is played."""
    while True:
        match await call.next():
            case Listening(room, after, head):
                say(f"listening to room {room} after note {after}; its newest is {head}")
            case Notice(note) if speaker:
                speaker.begin(note)
            case Piece(_, audio) if speaker:
                speaker.feed(audio)
            case Failed(_, _, why):
                raise PeerError(f"the server refused us the room: {why}")
            case Arrived(note):
                return note


async def _take(note: VoiceMessage, options: Namespace, origin: Origin) -> None:
    """Save it, then say that it came."""
    if options.save is None:
        file = None
    elif note.file:
        file = await _filed(note, note.file, options.save, origin)
    else:
        file = await asyncio.to_thread(save, note, options.save)
    print(json.dumps(about(note, file)) if options.json else line(note), flush=True)


async def _filed(note: VoiceMessage, uploaded: File, directory: Path, origin: Origin) -> Path | None:
    """None, and a word: its file cannot be had."""
    try:
        return await save_file(note, uploaded, directory, origin)
    except PeerError as error:
        say(f"note {note.sequence} is not saved: {error}")
        return None


def save(note: VoiceMessage, directory: Path) -> Path | None:
    """A file that appears whole. It may be there already, if it is the same. None, and a word: no file can hold it."""
    try:
        extension, data = to_file(coded(note))
    except (PeerError, UsageError) as error:  # one odd note does not end the listening
        say(f"note {note.sequence} is not saved: {error}")
        return None
    path = directory / f"{note.sequence}-{note.id}.{extension}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.read_bytes() != data:
                raise DoorError(f"{path} is there already and holds something else")
            return path
    except OSError as error:
        raise DoorError(f"cannot save to {path}: {error.strerror}") from error
    publish(path, data)
    return path


def line(note: VoiceMessage) -> str:
    """A note for a person."""
    what = f"{note.duration_ms / 1000:.1f} s  {size(note):,} bytes  {note.codec} {bitrate(note) / 1000:.1f} kbit/s"
    return f"{note.sequence:>4}  {note.sender}  {what}  {drawn(note.waveform)}  {note.id}"


def about(note: VoiceMessage, file: Path | None) -> dict[str, object]:
    """A note for a program."""
    return {
        "sequence": note.sequence,
        "id": note.id,
        "room": note.room,
        "sender": note.sender,
        "timestamp_ms": note.timestamp_ms,
        "duration_ms": note.duration_ms,
        "codec": note.codec,
        "bitrate": bitrate(note),
        "bytes": size(note),
        "sha256": note.file.sha256 if note.file else sha256(note.audio).hexdigest(),
        "file": str(file) if file else None,
    }


def bitrate(note: VoiceMessage) -> int:
    """Bits of coded audio, or of the file that it is, in a second of sound."""
    return round(8000 * size(note) / note.duration_ms) if note.duration_ms else 0


def size(note: VoiceMessage) -> int:
    """Bytes of coded audio, or of the file that it is."""
    return note.file.size if note.file else note.size


def drawn(waveform: bytes, width: int = WIDTH) -> str:
    """A waveform of 0..255 as bars; the loudest of the points behind each."""
    edges = [len(waveform) * i // width for i in range(width + 1)]
    groups = [waveform[start : max(stop, start + 1)] for start, stop in pairwise(edges)]
    return "".join(BARS[max(group) * len(BARS) // 256] for group in groups if group)
