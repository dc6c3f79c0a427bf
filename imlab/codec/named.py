"""From a codec's name on the wire to a codec that decodes it: for receivers, who trust nothing that they are told."""

from __future__ import annotations

from collections.abc import Callable

from imlab.codec import amr, g711
from imlab.codec.amr import Amr
from imlab.codec.contract import Codec, CodecError
from imlab.codec.g711 import G711
from imlab.codec.opus import FRAMES_MS, RATES, Opus
from imlab.codec.pcm import Pcm

HIGHEST_RATE = 192_000  # Hz; bounds what a declared rate can make us allocate
LONGEST_FRAME_MS = 120

Open = Callable[[int, int], Codec]  # from rate in Hz, packet_samples


def open_codec(name: str, rate: int, packet_samples: int) -> Codec:
    """A codec that decodes such packets. rate in Hz, packet_samples: samples in each; CodecError when there is none."""
    if name not in CODECS:
        raise CodecError(f"codec {name!r} is unknown here: {', '.join(CODECS)} are not")
    if not 0 < rate <= HIGHEST_RATE:
        raise CodecError(f"a rate of {rate} Hz is outside 1 to {HIGHEST_RATE}")
    if not 0 < packet_samples * 1000 <= LONGEST_FRAME_MS * rate:
        raise CodecError(f"packets of {packet_samples} samples at {rate} Hz are outside 0 to {LONGEST_FRAME_MS} ms")
    return CODECS[name](rate, packet_samples)


def _opus(rate: int, packet_samples: int) -> Codec:
    frame_ms = packet_samples * 1000 / rate
    if rate not in RATES or frame_ms not in FRAMES_MS:
        raise CodecError(f"Opus has no packets of {packet_samples} samples at {rate} Hz ({frame_ms:g} ms)")
    return Opus(rate=rate, frame_ms=frame_ms)


def _pcm(rate: int, packet_samples: int) -> Codec:
    return Pcm(rate, packet_samples * 1000 / rate)


def _g711(law: str) -> Open:
    def opened(rate: int, packet_samples: int) -> Codec:
        if rate != g711.RATE:
            raise CodecError(f"G.711 has {g711.RATE} Hz, not {rate}")
        return G711(law, packet_samples * 1000 / rate)

    return opened


def _amr(rate: int, packet_samples: int) -> Codec:
    _fixed("AMR", (rate, packet_samples), (amr.RATE, amr.FRAME))
    return Amr()


def _fixed(what: str, declared: tuple[int, int], possible: tuple[int, int]) -> None:
    if declared != possible:
        raise CodecError(
            f"{what} has packets of %d samples at %d Hz, not of %d at %d" % (*possible[::-1], *declared[::-1])
        )


CODECS: dict[str, Open] = {
    "opus": _opus,
    "pcm": _pcm,
    "pcma": _g711("a"),
    "pcmu": _g711("mu"),
    "amr": _amr,
}
