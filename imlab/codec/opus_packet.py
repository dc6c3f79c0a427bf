"""What an Opus packet says about itself, without decoding it (RFC 6716, section 3).

    byte 0:  config (5 bits: mode, bandwidth, frame length) | s (stereo) | c (how frames are packed)
    c = 0: one frame   1: two of equal size   2: two of different sizes   3: a count follows, up to 48 frames

Nothing here allocates or loops by what a packet declares: a packet has at most 48 frames.
"""

from __future__ import annotations

from imlab.codec.contract import CodecError

LONGEST_MS = 120  # of sound in one packet, requirement R5
LARGEST_FRAME = 1275  # bytes, requirement R2
FRAME_48K = (  # samples of one frame at 48 kHz by config, table 2: SILK, hybrid, CELT
    *(480, 960, 1920, 2880) * 3,
    *(480, 960) * 2,
    *(120, 240, 480, 960) * 4,
)


def packet_samples(data: bytes, rate: int) -> int:
    """How long a well-formed packet lasts, in samples at ``rate`` Hz; CodecError for one that is malformed."""
    if not data:
        raise CodecError("an Opus packet has at least one byte, this one has none")
    frame = FRAME_48K[data[0] >> 3]
    frames = _frames(data)
    if frames * frame > LONGEST_MS * 48:
        raise _malformed(f"{frames} frames of {frame / 48:g} ms are longer than {LONGEST_MS} ms", data)
    return frames * frame * rate // 48_000


def _frames(data: bytes) -> int:
    """The number of frames, after checking that their sizes fit the packet."""
    packing = data[0] & 3
    if packing == 0:
        return _equal(data, len(data) - 1, 1)
    if packing == 1:
        return _equal(data, len(data) - 1, 2)
    if packing == 2:
        _different(data, 1, len(data), 2)
        return 2
    return _counted(data)


def _counted(data: bytes) -> int:
    """Packing 3: variable or equal sizes (v), padding (p), a count (section 3.2.5)."""
    if len(data) < 2:
        raise _malformed("the count of its frames is missing", data)
    variable, padded, frames = data[1] & 0x80, data[1] & 0x40, data[1] & 0x3F
    if not 1 <= frames <= 48:
        raise _malformed(f"it counts {frames} frames, 1 to 48 are possible", data)
    at, end = _padding(data) if padded else (2, len(data))
    if variable:
        _different(data, at, end, frames)
        return frames
    return _equal(data, end - at, frames)


def _padding(data: bytes) -> tuple[int, int]:
    """Where the frames begin and end between the padding's length and the padding."""
    at, end = 2, len(data)
    while True:
        if at >= end:
            raise _malformed("its padding is longer than itself", data)
        more = data[at]
        at += 1
        end -= min(more, 254)
        if more < 255:
            break
    if at > end:
        raise _malformed("its padding is longer than itself", data)
    return at, end


def _equal(data: bytes, size: int, frames: int) -> int:
    """Frames of one size fill the packet."""
    if size % frames or size // frames > LARGEST_FRAME:
        raise _malformed(f"{size} bytes are not {frames} equal frames of at most {LARGEST_FRAME}", data)
    return frames


def _different(data: bytes, at: int, end: int, frames: int) -> None:
    """All frames but the last say their size in one or two bytes (section 3.2.1)."""
    sizes = 0
    for _ in range(frames - 1):
        two = at < end and data[at] >= 252
        if at + two >= end:
            raise _malformed("the size of a frame is missing", data)
        sizes += data[at] + (4 * data[at + 1] if two else 0)
        at += 1 + two
    if not 0 <= end - at - sizes <= LARGEST_FRAME:
        raise _malformed(f"its frames need {sizes} of {end - at} bytes and leave no possible last frame", data)


def _malformed(what: str, data: bytes) -> CodecError:
    return CodecError(f"not an Opus packet: {what}; {len(data)} bytes, {data[:16].hex()}")
