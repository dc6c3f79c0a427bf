"""MP3, frame by frame: every header is read, the sound between them is stepped over."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec.container import mpeg
from imlab.codec.container.mp3 import BYTES, FRAMES, ID3, ID3_OLD, ID3_OLD_SIZE, INDEX, MOST, QUALITY
from imlab.codec.contract import CodecError
from imlab.codec.walking.walked import Walked, bounded
from imlab.codec.walking.window import Window

ID3_HEAD, ID3_FOOT = 10, 0x10  # bytes; the flag of a second head at the tag's end
DELAYS = 21  # bytes of LAME's tag before delay and padding


@dataclass(frozen=True, slots=True)
class Info:
    """What an info frame says. frames: None where it does not; dropped: samples of delay and padding."""

    frames: int | None
    dropped: int


def walk(window: Window) -> Walked:
    """A whole file: frames of one kind end to end, as many as the info frame promises where there is one."""
    at = _tag_size(window.take(0, min(ID3_HEAD, window.size)))
    first = mpeg.parse(window.take(at, mpeg.SIZE))
    info = _info(window.take(at, first.size)[first.start :])
    frames = _frames(window, at, first) - (info is not None)
    promised, dropped = (info.frames, info.dropped) if info else (None, 0)
    if promised not in (None, frames):
        raise CodecError(f"truncated or glued: an MP3 that promises {promised} frames has {frames}")
    samples = frames * first.samples - dropped
    if samples < 0:
        raise CodecError(f"an MP3 of {frames} frames, of which {dropped} samples are to be dropped")
    return Walked("mp3", "mp3", samples / first.rate, first.rate, 1 if first.mono else 2, frames)


def _tag_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag at the beginning."""
    if not head.startswith(ID3) or len(head) < ID3_HEAD:
        return 0
    size = ID3_HEAD * (2 if head[5] & ID3_FOOT else 1)
    return size + sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(head[6:])))


def _info(tag: bytes) -> Info | None:
    """Xing's tag and LAME's in it; None when the frame is one of sound."""
    if tag[:4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(tag[4:8], "big")
    frames = int.from_bytes(tag[8:12], "big") if flags & FRAMES else None
    at = 8 + 4 * bool(flags & FRAMES) + 4 * bool(flags & BYTES) + 100 * bool(flags & INDEX) + 4 * bool(flags & QUALITY)
    delays = tag[at + DELAYS : at + DELAYS + 3]
    if tag[at : at + 4] not in (b"LAME", b"Lavf", b"Lavc") or len(delays) < 3:
        return Info(frames, 0)
    both = int.from_bytes(delays, "big")
    return Info(frames, (both >> 12) + (both & MOST))


def _frames(window: Window, at: int, first: mpeg.FrameHeader) -> int:
    """How many there are, up to the end or an old ID3 tag."""
    sizes: dict[bytes, int] = {}
    frames = 0
    while at < window.size:
        head = window.take(at, mpeg.SIZE) if at + mpeg.SIZE <= window.size else b""
        if head.startswith(ID3_OLD) and at + ID3_OLD_SIZE == window.size:
            break
        size = sizes.get(head) or sizes.setdefault(head, _size(head, first, at))
        if at + size > window.size:
            raise CodecError(f"truncated: the MP3 frame at byte {at} has {window.size - at} of {size} bytes")
        at += size
        frames = bounded(frames + 1)
    return frames


def _size(head: bytes, first: mpeg.FrameHeader, at: int) -> int:
    """Bytes of the frame with this header, which has to be of the first one's kind."""
    frame = mpeg.parse(head)
    if (frame.rate, frame.mono) != (first.rate, first.mono):
        raise CodecError(f"an MP3 that changes its kind at byte {at}")
    return frame.size
