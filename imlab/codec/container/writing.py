"""A coded note as a file that anyone's player opens: Opus in Ogg, PCM in WAV."""

from __future__ import annotations

import struct

from imlab.codec.container import oggopus
from imlab.codec.contract import CodecError, Coded
from imlab.codec.named import HIGHEST_RATE

WAV = struct.Struct("<4sI4s4sIHHIIHH4sI")  # RIFF, its size, WAVE, "fmt ", the format, "data", its size


def to_file(coded: Coded) -> tuple[str, bytes]:
    """The file name's extension, without the dot, and the bytes; CodecError where the packets hold no such clip."""
    writers = {"opus": ("ogg", oggopus.write), "pcm": ("wav", _wav)}
    if coded.codec not in writers:
        raise CodecError(f"no file holds codec {coded.codec!r}: {', '.join(writers)} have one")
    extension, write = writers[coded.codec]
    return extension, write(coded)


def _wav(coded: Coded) -> bytes:
    """A mono 16-bit WAV of the clip's true length, nothing of the padding."""
    if not 0 < coded.rate <= HIGHEST_RATE or min(coded.delay, coded.samples) < 0:
        raise CodecError(f"no PCM at {coded.rate} Hz, {coded.delay} + {coded.samples} samples")
    data = b"".join(packet.data for packet in coded.packets)[2 * coded.delay : 2 * (coded.delay + coded.samples)]
    if len(data) != 2 * coded.samples:
        raise CodecError(f"the packets hold {len(data) // 2} samples of the {coded.samples} that were declared")
    sound = (b"fmt ", 16, 1, 1, coded.rate, 2 * coded.rate, 2, 16)  # PCM, mono, bytes per second and per sample, bits
    return WAV.pack(b"RIFF", WAV.size - 8 + len(data), b"WAVE", *sound, b"data", len(data)) + data
