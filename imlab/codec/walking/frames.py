"""Files of bare frames, each of which tells or knows its size: AMR, LC3's and Codec 2's own."""

from __future__ import annotations

from imlab.codec.amr_packet import kind
from imlab.codec.codec2 import MODES
from imlab.codec.codec2 import RATE as CODEC2_RATE
from imlab.codec.container.amr import BANDS
from imlab.codec.container.c2 import HEADER as C2_HEADER
from imlab.codec.container.c2 import MAGIC as C2_MAGIC
from imlab.codec.container.c2 import PREFIX
from imlab.codec.container.lc3 import HEADER as LC3_HEADER
from imlab.codec.container.lc3 import MAGIC as LC3_MAGIC
from imlab.codec.container.lc3 import SIZE
from imlab.codec.contract import CodecError
from imlab.codec.named import open_codec
from imlab.codec.walking.walked import Foreign, Walked, bounded
from imlab.codec.walking.window import Window

LONGEST_MAGIC = 16


def amr(window: Window) -> Walked:
    """AMR or AMR-WB: frames whose first byte tells their size (RFC 4867, section 5)."""
    line = window.take(0, min(LONGEST_MAGIC, window.size))
    name = next((name for name, band in BANDS.items() if line.startswith(band.magic)), None)
    if name is None:
        raise Foreign(f"not an AMR file of one channel: {line!r}")
    band = BANDS[name]
    sizes = bytes(0 if first & 0x80 else band.sizes.get(first >> 3 & 15, 0) for first in range(256))
    at, frames = len(band.magic), 0
    while at < window.size:
        begin = place = window.look(at, 1)
        while place < len(window.buffer):
            size = sizes[window.buffer[place]] or kind(bytes(window.buffer[place : place + 1]), band.sizes)
            place += size
            frames += 1
        at += place - begin
        bounded(frames)
    if at > window.size:
        raise CodecError(f"truncated: the last AMR frame ends at byte {at}, the file at {window.size}")
    delay = open_codec(name, band.rate, band.frame).delay
    samples = max(0, frames * band.frame - delay)
    return Walked("amr" if name == "amr" else "awb", name, samples / band.rate, band.rate, 1, frames)


def lc3(window: Window) -> Walked:
    """LC3: every frame behind its size."""
    magic, head, hecto_hz, _, channels, frame_10us, _, samples = LC3_HEADER.unpack(window.take(0, LC3_HEADER.size))
    if (magic, head, channels) != (LC3_MAGIC, LC3_HEADER.size, 1):
        raise Foreign(f"not an LC3 file of one channel: {window.take(0, 12).hex()}")
    rate = hecto_hz * 100
    frame = rate * frame_10us // 100_000
    delay = open_codec("lc3", rate, frame).delay
    at, frames = LC3_HEADER.size, 0
    while at < window.size:
        (size,) = SIZE.unpack(window.take(at, SIZE.size))
        at += SIZE.size + size
        if at > window.size or not size:
            raise CodecError(f"truncated: the LC3 packet before byte {at} has {size} bytes, the file {window.size}")
        frames = bounded(frames + 1)
    if delay + samples > frames * frame:
        raise CodecError(f"truncated: an LC3 file that promises {samples} samples has {frames} packets of {frame}")
    return Walked("lc3", "lc3", samples / rate, rate, 1, frames)


def codec2(window: Window) -> Walked:
    """Codec 2: frames of one size, which the mode tells."""
    magic, _, _, number, flags = C2_HEADER.unpack(window.take(0, C2_HEADER.size))
    name = next((name for name, mode in MODES.items() if mode.number == number), None)
    if magic != C2_MAGIC or name is None or flags:
        raise Foreign(f"a Codec 2 file of mode {number} with flags {flags} is not kept")
    mode = MODES[name]
    frames, rest = divmod(window.size - C2_HEADER.size, mode.size)
    if rest:
        raise CodecError(f"truncated: the last Codec 2 packet has {rest} of {mode.size} bytes")
    samples = max(0, frames * mode.frame - mode.delay)
    return Walked("c2", PREFIX + name, samples / CODEC2_RATE, CODEC2_RATE, 1, bounded(frames))
