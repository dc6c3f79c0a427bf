"""The messages, as frozen values: what client and server say to each other (voice.proto is the same on the wire)."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 1  # of the protocol, said in Hello


@dataclass(frozen=True, slots=True)
class PacketLayout:
    """How packets lie in the audio. rate in Hz; delay, samples, packet_samples in samples; sizes in bytes."""

    rate: int = 0
    delay: int = 0
    samples: int = 0
    packet_samples: int = 0
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A sound file that the server keeps and gives out over HTTP. sha256: 64 lower-case hex digits; size in bytes.

    type: its media type, as in "audio/ogg".
    """

    sha256: str
    size: int
    type: str


@dataclass(frozen=True, slots=True)
class VoiceMessage:
    """One voice note, or its beginning: ``audio`` holds the first bytes of ``size``, Chunks bring the rest.

    id: 32 lower-case hex digits chosen by the sender. sequence: place in the room from 1, and 0 until committed.
    waveform: 0..255 per point. unknown: protobuf fields of a newer version, kept as they came.
    file: where a note was uploaded as a file, that stands in the place of audio and layout.
    """

    id: str
    sender: str
    room: str
    timestamp_ms: int
    duration_ms: int
    codec: str
    layout: PacketLayout
    size: int
    audio: bytes
    waveform: bytes = b""
    sequence: int = 0
    unknown: bytes = b""
    file: File | None = None

    @property
    def whole(self) -> bool:
        """Is all of the audio here?"""
        return len(self.audio) == self.size

    def placed(self, sequence: int) -> VoiceMessage:
        """The note at its place in the room. All fields by hand: ``replace`` takes three times as long."""
        return VoiceMessage(
            self.id, self.sender, self.room, self.timestamp_ms, self.duration_ms, self.codec, self.layout,
            self.size, self.audio, self.waveform, sequence, self.unknown, self.file,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chunk:
    """More of a note's audio, from ``offset`` bytes on."""

    id: str
    offset: int
    audio: bytes


@dataclass(frozen=True, slots=True)
class Hello:
    """First word of a client. key: a secret of this client, so that its reconnect may replace its dead session."""

    name: str
    key: str = ""
    token: str = ""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Welcome:
    """First word of a server: its limits in bytes, how often it wants to hear from the client, and what it keeps.

    codecs: the names of those that it keeps; none named: any, which is also what a server says that knows no list.
    """

    name: str
    chunk_limit: int
    note_limit: int
    heartbeat_ms: int
    codecs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Join:
    """Give me this room's notes after a sequence; None: from now on."""

    room: str
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """You will get what follows ``after``; the room's newest note is ``head``."""

    room: str
    after: int
    head: int


@dataclass(frozen=True, slots=True)
class Received:
    """The server holds this many contiguous bytes of an unfinished note: go on from there."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Ack:
    """The note is durable and has its place."""

    id: str
    room: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Refused:
    """No. about: a note id, a room, or "" for the session; fault: "peer" or "server"."""

    about: str
    fault: str
    why: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""

    nonce: int = 0


@dataclass(frozen=True, slots=True)
class Pong:
    """Yes."""

    nonce: int = 0


Message = VoiceMessage | Chunk | Hello | Welcome | Join | Joined | Received | Ack | Refused | Ping | Pong
