"""The head of a note: everything but its audio, as protobuf bytes.

The audio is the last field of a VoiceMessage, so ``head + audio field`` is the whole message. The wire sends the two
one after the other without copying the audio into a protobuf object first, and a store keeps them in different places.
"""

from __future__ import annotations

from google.protobuf.unknown_fields import UnknownFieldSet

from imlab.wire import voice_pb2 as pb
from imlab.wire.messages import File, PacketLayout, VoiceMessage

_NO_FILE = File("", 0, "")


def encode_head(note: VoiceMessage) -> bytes:
    """The note without its audio; fields of a newer version follow the ones we know."""
    return as_protobuf(note).SerializeToString() + note.unknown


def decode_head(head: bytes, audio: bytes, sequence: int) -> VoiceMessage:
    """The note again, from a head that ``encode_head`` made, at its place in the room."""
    return as_note(pb.VoiceMessage.FromString(head), audio, sequence)


def as_protobuf(note: VoiceMessage) -> pb.VoiceMessage:
    """The fields we know, without the audio."""
    layout, file = note.layout, note.file or _NO_FILE
    return pb.VoiceMessage(
        timestamp_ms=note.timestamp_ms,
        duration_ms=note.duration_ms,
        codec=note.codec,
        id=note.id,
        sender=note.sender,
        room=note.room,
        sequence=note.sequence,
        waveform=note.waveform,
        layout=pb.PacketLayout(
            rate=layout.rate,
            delay=layout.delay,
            samples=layout.samples,
            packet_samples=layout.packet_samples,
            sizes=layout.sizes,
        ),
        size=note.size,
        file_sha256=bytes.fromhex(file.sha256),
        file_size=file.size,
        file_type=file.type,
    )


def as_note(message: pb.VoiceMessage, audio: bytes, sequence: int) -> VoiceMessage:
    """The value; the protobuf object is used up."""
    layout = message.layout
    return VoiceMessage(
        id=message.id,
        sender=message.sender,
        room=message.room,
        timestamp_ms=message.timestamp_ms,
        duration_ms=message.duration_ms,
        codec=message.codec,
        layout=PacketLayout(
            rate=layout.rate,
            delay=layout.delay,
            samples=layout.samples,
            packet_samples=layout.packet_samples,
            sizes=tuple(layout.sizes[:]),  # the slice is a list made at once: half the time of iterating
        ),
        size=message.size,
        audio=audio,
        waveform=message.waveform,
        sequence=sequence,
        file=File(message.file_sha256.hex(), message.file_size, message.file_type) if message.file_sha256 else None,
        unknown=_unknown(message),
    )


def _unknown(message: pb.VoiceMessage) -> bytes:
    """What is left when all that we know is cleared: ready to be appended to a head again.

    A layout with unknown fields stays as a second layout that holds only these: protobuf merges the two when it reads.
    """
    if not len(UnknownFieldSet(message)) and not len(UnknownFieldSet(message.layout)):
        return b""
    for field in message.DESCRIPTOR.fields:
        if field.name != "layout":
            message.ClearField(field.name)
    for field in message.layout.DESCRIPTOR.fields:
        message.layout.ClearField(field.name)
    if not message.layout.ByteSize():
        message.ClearField("layout")
    return message.SerializeToString()
