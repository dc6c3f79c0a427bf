"""WebM, element by element: one track of Opus, also as browsers record it, of unknown sizes.

Nothing says where such a recording ends: one that was cut between two blocks passes for a shorter one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imlab.audio.ffmpeg import SLACK
from imlab.codec.container.oggopus import CLOCK, natural_rate, parse_head
from imlab.codec.contract import CodecError
from imlab.codec.opus_packet import packet_samples
from imlab.codec.walking.walked import Foreign, Walked, bounded
from imlab.codec.walking.window import Window

HEADER, SEGMENT, INFO, TRACKS, TRACK, AUDIO = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE1
CLUSTER, GROUP = 0x1F43B675, 0xA0
INSIDE = {HEADER, SEGMENT, INFO, TRACKS, TRACK, AUDIO, CLUSTER, GROUP}  # what is entered; all else is stepped over
DOCUMENT, SCALE, DURATION = 0x4282, 0x2AD7B1, 0x4489
KIND, CODEC, PRIVATE, ENCODINGS = 0x83, 0x86, 0x63A2, 0x6D80
SIMPLE, BLOCK, DISCARD = 0xA3, 0xA1, 0x75A2
VALUES = {DOCUMENT, SCALE, DURATION, KIND, CODEC, PRIVATE, ENCODINGS, DISCARD}
LARGEST_VALUE, LARGEST_BLOCK = 4_096, 128 << 10  # bytes; 48 frames of Opus are 61 kB
NS = 1_000_000_000
LACING = 0x06
SOUND = 2  # a kind of track


def walk(window: Window) -> Walked:
    """One whole file of one track."""
    values: dict[int, bytes] = {}
    reach = packets = tracks = 0
    for name, at, size in elements(window):
        tracks += name == TRACK
        if name in VALUES:
            values[name] = window.take(at, _small(size, LARGEST_VALUE))
        elif name in (SIMPLE, BLOCK):
            if not packets:
                _track(values, tracks)
            reach += packet_samples(_packet(window.take(at, _small(size, LARGEST_BLOCK))), CLOCK)
            packets += 1
    if not packets:
        raise CodecError("a WebM without packets")
    head = parse_head(values.get(PRIVATE, b""))
    discarded = int.from_bytes(values.get(DISCARD, b"\0"), "big", signed=True)
    length = reach - head.skip - round(max(0, discarded) * CLOCK / NS)
    if length < 0:
        raise CodecError(f"a WebM of {reach} samples, of which {reach - length} are dropped")
    if _promised(values) > reach / CLOCK + SLACK:
        raise CodecError(f"truncated: a WebM that promises {_promised(values):.2f} s has {reach / CLOCK:.2f}")
    return Walked("webm", "opus", length / CLOCK, natural_rate(head, length), values[PRIVATE][9], packets)


def elements(window: Window) -> Iterator[tuple[int, int, int]]:
    """Every element: its number, where its inside begins and its size; masters before what they hold."""
    at, count = 0, 0
    ends = [window.size]
    while at < window.size:
        count = bounded(count + 1)
        while at >= ends[-1] and len(ends) > 1:
            ends.pop()
        name, at = _number(window, at, marked=True)
        size, at = _number(window, at, marked=False)
        if size < 0 and name not in INSIDE:
            raise CodecError(f"a WebM element {name:x} of unknown size at byte {at}")
        if size >= 0 and at + size > ends[-1]:
            raise CodecError(f"truncated: the WebM element {name:x} ends at byte {at + size}, its place at {ends[-1]}")
        yield name, at, max(0, size)
        if name not in INSIDE:
            at += size
        elif size >= 0:
            ends.append(at + size)


def _number(window: Window, at: int, marked: bool) -> tuple[int, int]:
    """A number whose first bits tell its length, and where it ends; marked: with those bits. Unknown sizes are -1."""
    place = window.look(at, 8)
    first = window.buffer[place] if place < len(window.buffer) else 0
    length = 9 - first.bit_length()
    if length > 8 or place + length > len(window.buffer):
        raise CodecError(f"truncated: no WebM element at byte {at}")
    whole = int.from_bytes(window.buffer[place : place + length], "big")
    most = (1 << 7 * length) - 1
    if marked:
        return whole, at + length
    return (-1 if whole & most == most else whole & most), at + length


def _small(size: int, most: int) -> int:
    if size > most:
        raise CodecError(f"a WebM element of {size} bytes, where {most} are allowed")
    return size


def _packet(block: bytes) -> bytes:
    """What is in a block behind its track's number, its time and its flags."""
    head = 9 - block[0].bit_length() + 3 if block else 0
    if not 4 <= head < len(block) or block[head - 1] & LACING:
        raise CodecError(f"a WebM block that is empty or laced: {block[:8].hex()}")
    return block[head:]


def _track(values: dict[int, bytes], tracks: int) -> None:
    if values.get(DOCUMENT, b"").rstrip(b"\0") not in (b"webm", b"matroska"):
        raise Foreign(f"not a WebM or Matroska file: {values.get(DOCUMENT, b'')[:16]!r}")
    codec = values.get(CODEC, b"").rstrip(b"\0")
    if tracks != 1 or values.get(KIND) != bytes((SOUND,)) or codec != b"A_OPUS" or ENCODINGS in values:
        raise Foreign(
            f"a WebM of {tracks} tracks, the last of codec {codec.decode('latin-1')[:32]!r}: one of Opus is kept"
        )


def _promised(values: dict[int, bytes]) -> float:
    """Seconds that the head promises; 0 where it promises nothing."""
    duration = values.get(DURATION, b"")
    if len(duration) not in (4, 8):
        return 0.0
    ticks: float = struct.unpack(">f" if len(duration) == 4 else ">d", duration)[0]
    return ticks * int.from_bytes(values.get(SCALE, b"\x0f\x42\x40"), "big") / NS
