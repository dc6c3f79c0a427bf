"""WAV, chunk by chunk: 16-bit PCM and the laws of G.711, one channel or two; the sound itself is not looked at."""

from __future__ import annotations

import struct

from imlab.codec.container.wav import CHUNK, EXTENSIBLE, FORMAT, RIFF, SHAPES
from imlab.codec.contract import CodecError
from imlab.codec.named import HIGHEST_RATE
from imlab.codec.walking.walked import Foreign, Walked
from imlab.codec.walking.window import Window

MOST_CHUNKS = 1_000  # before the sound: a studio's file has some ten
FRAMES_MS = 20


def walk(window: Window) -> Walked:
    """A whole file: the sound is as long as its chunk promises."""
    riff, _, wave = RIFF.unpack(window.take(0, RIFF.size))
    if (riff, wave) != (b"RIFF", b"WAVE"):
        raise Foreign(f"not a WAV file: {riff + wave!r}")
    at, size = _chunk(window, RIFF.size, b"fmt ")
    codec, rate, channels, width = _format(window.take(at, min(size, 40)))
    at, size = _chunk(window, at + size + size % 2, b"data")
    if at + size > window.size or size % width:
        raise CodecError(f"truncated: a WAV that promises {size} bytes of sound has {window.size - at}")
    samples = size // width
    return Walked("wav", codec, samples / rate, rate, channels, -(-samples * 1000 // (rate * FRAMES_MS)))


def _chunk(window: Window, at: int, wanted: bytes) -> tuple[int, int]:
    """Where the inside of the next chunk of this name begins, and its size."""
    for _ in range(MOST_CHUNKS):
        name, size = CHUNK.unpack(window.take(at, CHUNK.size))
        at += CHUNK.size
        if name == wanted:
            return at, int(size)
        at += size + size % 2
    raise CodecError(f"a WAV with {MOST_CHUNKS} chunks before {wanted.decode().strip()!r}")


def _format(form: bytes) -> tuple[str, int, int, int]:
    """Codec, Hz, channels and bytes of all channels' samples at one time."""
    if len(form) < FORMAT.size:
        raise CodecError(f"truncated: a WAV's format of {len(form)} bytes")
    tag, channels, rate, _, width, bits = FORMAT.unpack_from(form)
    if tag == EXTENSIBLE and len(form) >= 26:
        (tag,) = struct.unpack_from("<H", form, 24)
    codec = next((name for name, shape in SHAPES.items() if (shape.tag, 8 * shape.width) == (tag, bits)), None)
    if codec is None:
        raise Foreign(f"a WAV of format {tag} with {bits} bits: PCM of 16 bits and G.711 are kept")
    if width != channels * SHAPES[codec].width or not channels:
        raise CodecError(f"a WAV of {channels} channels of {bits} bits in {width} bytes")
    if not 0 < rate <= HIGHEST_RATE:
        raise CodecError(f"a WAV of {rate} Hz: up to {HIGHEST_RATE} are taken")
    return codec, rate, channels, width
