"""From a codec's name on the wire to a codec that decodes it: for receivers, who trust nothing that they are told."""

from __future__ import annotations

from collections.abc import Callable

from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.amr_wb import AmrWb
from imlab.codec.codec2 import MODES, Codec2
from imlab.codec.contract import Codec, CodecError
from imlab.codec.g711 import G711
from imlab.codec.g722 import G722
from imlab.codec.lc3 import Lc3
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import UsageError

HIGHEST_RATE = 192_000  # Hz; bounds what a declared rate can make us allocate
LONGEST_FRAME_MS = 120
LC3_BITRATE = 64_000  # bit/s, one that every frame and rate has; a decoder takes them all

Open = Callable[[int, float], Codec]  # from rate in Hz and a packet's length in ms


def _codec2(mode: str) -> Open:
    return lambda rate, frame_ms: Codec2(mode)


CODECS: dict[str, Open] = {
    "opus": lambda rate, frame_ms: Opus(rate=rate, frame_ms=frame_ms),
    "pcm": lambda rate, frame_ms: Pcm(rate, frame_ms),
    "pcma": lambda rate, frame_ms: G711("a", frame_ms),
    "pcmu": lambda rate, frame_ms: G711("mu", frame_ms),
    "g722": lambda rate, frame_ms: G722(frame_ms),
    "amr": lambda rate, frame_ms: Amr(),
    "amr-wb": lambda rate, frame_ms: AmrWb(),
    "mp3": lambda rate, frame_ms: Mp3(rate=rate),
    "aac": lambda rate, frame_ms: Aac(rate=rate),
    "lc3": lambda rate, frame_ms: Lc3(LC3_BITRATE, frame_ms, rate),
    **{f"codec2-{mode}": _codec2(mode) for mode in MODES},
}


def open_codec(name: str, rate: int, packet_samples: int) -> Codec:
    """A codec that decodes such packets. rate in Hz, packet_samples: samples in each; CodecError when there is none."""
    if name not in CODECS:
        raise CodecError(f"codec {name!r} is unknown here: {', '.join(CODECS)} are not")
    if not 0 < rate <= HIGHEST_RATE:
        raise CodecError(f"a rate of {rate} Hz is outside 1 to {HIGHEST_RATE}")
    if not 0 < packet_samples * 1000 <= LONGEST_FRAME_MS * rate:
        raise CodecError(f"packets of {packet_samples} samples at {rate} Hz are outside 0 to {LONGEST_FRAME_MS} ms")
    said = f"{name} has no packets of {packet_samples} samples at {rate} Hz"
    try:
        codec = CODECS[name](rate, packet_samples * 1000 / rate)
    except UsageError as error:
        raise CodecError(f"{said}: {error}") from error
    if (codec.rate, codec.frame) != (rate, packet_samples):
        raise CodecError(f"{said}: {codec.frame} at {codec.rate} Hz")
    return codec
