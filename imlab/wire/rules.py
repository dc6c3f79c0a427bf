"""What a message must be, whoever made it: the one place where its contents are judged.

A rule answers with what is wrong, in one line, or with "" when nothing is. Whose fault it is depends on where the
message came from, so the framing raises: PeerError when it was read, UsageError when it was to be written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from typing import Any

from imlab.wire import limits
from imlab.wire.messages import (
    Ack,
    Chunk,
    File,
    Hello,
    Join,
    Joined,
    Message,
    PacketLayout,
    Ping,
    Pong,
    Received,
    Refused,
    VoiceMessage,
    Welcome,
)


def breach(message: Message) -> str:
    """What is wrong with a message; "" when nothing is."""
    rule = _RULES.get(type(message))
    return rule(message) if rule else f"not a message: {type(message).__name__}"


def _voice(note: VoiceMessage) -> str:
    return (
        _id(note.id)
        or _name("sender", note.sender)
        or _name("room", note.room)
        or _text("codec", note.codec, limits.CODEC, least=1)
        or _number("timestamp_ms", note.timestamp_ms, limits.INTEGER)
        or _number("duration_ms", note.duration_ms, limits.DURATION_MS)
        or _number("sequence", note.sequence, limits.INTEGER)
        or _length("waveform", note.waveform, limits.WAVEFORM)
        or _length("unknown fields", note.unknown, limits.UNKNOWN)
        or _number("size", note.size, limits.AUDIO)
        or _number("bytes of audio", len(note.audio), note.size)
        or _layout(note.layout, note.size)
        or (_file(note.file, note.size) if note.file else "")
    )


def _file(file: File, audio: int) -> str:
    """A file is instead of audio."""
    return (
        ("" if _SHA256.fullmatch(file.sha256) else f"a sha256 is 64 lower-case hex digits, not {file.sha256!r:.80}")
        or _number("bytes of the file", file.size, limits.FILE, least=1)
        or _text("media type", file.type, limits.TYPE, least=1)
        or (f"a file, and {audio} bytes of audio beside it" if audio else "")
    )


def _layout(layout: PacketLayout, size: int) -> str:
    """The packets must be the audio, no more and no less, and last as long as the sound they claim to hold."""
    return (
        _number("rate", layout.rate, limits.RATE)
        or _number("packet_samples", layout.packet_samples, limits.PACKET_SAMPLES)
        or _length("packets", layout.sizes, limits.PACKETS)
        or _number("delay + samples", layout.delay + layout.samples, len(layout.sizes) * layout.packet_samples)
        or _number("delay", layout.delay, layout.packet_samples * len(layout.sizes))
        or ("" if sum(layout.sizes) == size else f"packets of {sum(layout.sizes)} bytes in an audio of {size}")
    )


def _chunk(chunk: Chunk) -> str:
    return _id(chunk.id) or _number("offset + bytes of audio", chunk.offset + len(chunk.audio), limits.AUDIO)


def _hello(hello: Hello) -> str:
    return (
        _name("name", hello.name)
        or _text("key", hello.key, limits.KEY)
        or _text("token", hello.token, limits.TOKEN)
        or _number("version", hello.version, 0xFFFF_FFFF)
    )


def _welcome(welcome: Welcome) -> str:
    return (
        _name("name", welcome.name)
        or _number("chunk_limit", welcome.chunk_limit, limits.AUDIO, least=1)
        or _number("note_limit", welcome.note_limit, limits.AUDIO, least=1)
        or _number("heartbeat_ms", welcome.heartbeat_ms, limits.DURATION_MS)
        or _length("codecs", welcome.codecs, limits.CODECS)
        or next(filter(None, (_text("codec", name, limits.CODEC, least=1) for name in welcome.codecs)), "")
    )


def _join(join: Join) -> str:
    return _name("room", join.room) or _number("after", join.after or 0, limits.INTEGER)


def _joined(joined: Joined) -> str:
    return (
        _name("room", joined.room)
        or _number("after", joined.after, limits.INTEGER)
        or _number("head", joined.head, limits.INTEGER)
    )


def _received(received: Received) -> str:
    return _id(received.id) or _number("size", received.size, limits.AUDIO)


def _ack(ack: Ack) -> str:
    return _id(ack.id) or _name("room", ack.room) or _number("sequence", ack.sequence, limits.INTEGER, least=1)


def _refused(refused: Refused) -> str:
    fault = "" if refused.fault in ("peer", "server") else f'fault is "peer" or "server", not {refused.fault!r:.40}'
    return fault or _length("about", refused.about, limits.NAME) or _length("why", refused.why, limits.WHY)


def _beat(beat: Ping | Pong) -> str:
    return _number("nonce", beat.nonce, 0xFFFF_FFFF_FFFF_FFFF)


_HEX = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _id(id: str) -> str:
    return "" if _HEX.fullmatch(id) else f"an id is {limits.ID} lower-case hex digits, not {id!r:.60}"


def _name(what: str, name: str) -> str:
    return _text(what, name, limits.NAME, least=1)


def _text(what: str, text: str, most: int, least: int = 0) -> str:
    """Printable in Python's sense: any script, but nothing that a terminal or a log would act upon."""
    if least <= len(text) <= most and text.isprintable():
        return ""
    return f"{what} is {least}..{most} printable characters, not {text!r:.60}"


def _length(what: str, held: Sized, most: int) -> str:
    return "" if len(held) <= most else f"{what}: {len(held)}, at most {most} are allowed"


def _number(what: str, value: int, most: int, least: int = 0) -> str:
    return "" if least <= value <= most else f"{what}: {value} is not within {least}..{most}"


_RULES: dict[type, Callable[[Any], str]] = {
    VoiceMessage: _voice,
    Chunk: _chunk,
    Hello: _hello,
    Welcome: _welcome,
    Join: _join,
    Joined: _joined,
    Received: _received,
    Ack: _ack,
    Refused: _refused,
    Ping: _beat,
    Pong: _beat,
}
