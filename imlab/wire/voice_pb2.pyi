from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VoiceMessage(_message.Message):
    __slots__ = ("timestamp_ms", "duration_ms", "codec", "id", "sender", "room", "sequence", "waveform", "layout", "size", "file_sha256", "file_size", "file_type", "audio")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    WAVEFORM_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_SIZE_FIELD_NUMBER: _ClassVar[int]
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    duration_ms: int
    codec: str
    id: str
    sender: str
    room: str
    sequence: int
    waveform: bytes
    layout: PacketLayout
    size: int
    file_sha256: bytes
    file_size: int
    file_type: str
    audio: bytes
    def __init__(self, timestamp_ms: _Optional[int] = ..., duration_ms: _Optional[int] = ..., codec: _Optional[str] = ..., id: _Optional[str] = ..., sender: _Optional[str] = ..., room: _Optional[str] = ..., sequence: _Optional[int] = ..., waveform: _Optional[bytes] = ..., layout: _Optional[_Union[PacketLayout, _Mapping]] = ..., size: _Optional[int] = ..., file_sha256: _Optional[bytes] = ..., file_size: _Optional[int] = ..., file_type: _Optional[str] = ..., audio: _Optional[bytes] = ...) -> None: ...

class PacketLayout(_message.Message):
    __slots__ = ("rate", "delay", "samples", "packet_samples", "sizes")
    RATE_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    PACKET_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    rate: int
    delay: int
    samples: int
    packet_samples: int
    sizes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, rate: _Optional[int] = ..., delay: _Optional[int] = ..., samples: _Optional[int] = ..., packet_samples: _Optional[int] = ..., sizes: _Optional[_Iterable[int]] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("id", "offset", "audio")
    ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    id: str
    offset: int
    audio: bytes
    def __init__(self, id: _Optional[str] = ..., offset: _Optional[int] = ..., audio: _Optional[bytes] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "name", "key", "token")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    version: int
    name: str
    key: str
    token: str
    def __init__(self, version: _Optional[int] = ..., name: _Optional[str] = ..., key: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("name", "chunk_limit", "note_limit", "heartbeat_ms", "codecs")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHUNK_LIMIT_FIELD_NUMBER: _ClassVar[int]
    NOTE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    name: str
    chunk_limit: int
    note_limit: int
    heartbeat_ms: int
    codecs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., chunk_limit: _Optional[int] = ..., note_limit: _Optional[int] = ..., heartbeat_ms: _Optional[int] = ..., codecs: _Optional[_Iterable[str]] = ...) -> None: ...

class Join(_message.Message):
    __slots__ = ("room", "after")
    ROOM_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    room: str
    after: int
    def __init__(self, room: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class Joined(_message.Message):
    __slots__ = ("room", "after", "head")
    ROOM_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    room: str
    after: int
    head: int
    def __init__(self, room: _Optional[str] = ..., after: _Optional[int] = ..., head: _Optional[int] = ...) -> None: ...

class Received(_message.Message):
    __slots__ = ("id", "size")
    ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    id: str
    size: int
    def __init__(self, id: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("id", "room", "sequence")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    id: str
    room: str
    sequence: int
    def __init__(self, id: _Optional[str] = ..., room: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("about", "fault", "why")
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    about: str
    fault: str
    why: str
    def __init__(self, about: _Optional[str] = ..., fault: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("hello", "welcome", "join", "joined", "received", "ack", "refused", "ping", "pong", "chunk", "voice")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    VOICE_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    welcome: Welcome
    join: Join
    joined: Joined
    received: Received
    ack: Ack
    refused: Refused
    ping: Ping
    pong: Pong
    chunk: Chunk
    voice: VoiceMessage
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., join: _Optional[_Union[Join, _Mapping]] = ..., joined: _Optional[_Union[Joined, _Mapping]] = ..., received: _Optional[_Union[Received, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., chunk: _Optional[_Union[Chunk, _Mapping]] = ..., voice: _Optional[_Union[VoiceMessage, _Mapping]] = ...) -> None: ...
