"""Opus through PyAV: FFmpeg's wrapper of libopus, the rival of our own calls in codec/opus.py.

Both ways in are libopus: with equal settings their packets are the same bytes, when it is the same libopus. FFmpeg also
has an Opus decoder of its own (named ``opus``, and no encoder worth hearing); the one used here is ``libopus``, so that
what is compared is the way there and not the arithmetic.

FFmpeg opens libopus's decoder at 48 kHz only. Nothing in a stream lies above half the rate that it was coded at, so
that every second, third, fourth or sixth sample is its sound: exactly what libopus does itself in CELT frames; SILK
frames come out of another of its resamplers, up to 0.06 ms from where our own decoder has them (at 16 kHz the two
agree to 13 dB, to 18 when moved by 1/48 ms; at 48 kHz, and in CELT frames, to the bit). Receivers open
``Opus``, which decodes at any rate and guesses at lost packets; this class is for comparing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from imlab.audio.clip import Samples
from imlab.codec import libav
from imlab.codec.libav import AvDecoder, AvEncoder
from imlab.codec.opus import APPLICATIONS, COMPLEXITIES, FRAMES_MS, RATES
from imlab.errors import UsageError

CLOCK = 48_000  # Hz, of FFmpeg's decoder and of the pre-skip
BITRATES = range(6_000, 256_001)  # bit/s; libopus goes to 510,000, FFmpeg to 256,000 a channel
SKIP = slice(10, 12)  # where OpusHead has the pre-skip, little-endian (RFC 7845, 5.1)


@dataclass(frozen=True, slots=True, repr=False)
class AvOpus:
    """Opus settings for a mono stream. bitrate in bits per second, frame_ms in milliseconds, rate in Hz.

    As in Opus, without dtx, for which FFmpeg's wrapper has no option.
    """

    bitrate: int = 24_000
    frame_ms: float = 20
    complexity: int = 10
    rate: int = 16_000
    vbr: bool = True
    constrained: bool = False
    application: str = "voip"

    def __post_init__(self) -> None:
        for what, possible in (
            ("rate", RATES),
            ("frame_ms", FRAMES_MS),
            ("complexity", COMPLEXITIES),
            ("application", tuple(APPLICATIONS)),
        ):
            if getattr(self, what) not in possible:
                listed = ", ".join(map(str, possible))
                raise UsageError(f"AvOpus has no {what} {getattr(self, what)!r}: one of {listed}")
        if self.bitrate not in BITRATES:
            raise UsageError(f"AvOpus has no bitrate {self.bitrate!r}: from {BITRATES[0]} to {BITRATES[-1]} bit/s")
        if self.constrained and not self.vbr:
            raise UsageError("constrained is a kind of variable bitrate: it needs vbr=True")

    def __repr__(self) -> str:
        """The settings that matter most, and those that are not usual: as Opus says them."""
        always = ("bitrate", "frame_ms", "complexity")
        said = [item.name for item in fields(self) if item.name in always or getattr(self, item.name) != item.default]
        return f"AvOpus({', '.join(f'{name}={getattr(self, name)!r}' for name in said)})"

    @property
    def name(self) -> str:
        """The name on the wire: the packets are any Opus's."""
        return "opus"

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return round(self.rate * self.frame_ms / 1000)

    @property
    def delay(self) -> int:
        """The encoder's lookahead, as libopus declares it, in samples."""
        return _lookahead(self)

    def encoder(self) -> AvEncoder:
        """A fresh encoder."""
        return AvEncoder(_context(self), self.frame)

    def decoder(self) -> AvOpusDecoder:
        """A fresh decoder; it takes packets of every length and bitrate."""
        return AvOpusDecoder(self.rate)


class AvOpusDecoder:
    """One stream on its way out: decoded at 48 kHz, thinned to ``rate``."""

    __slots__ = ("_decoder", "_step")

    def __init__(self, rate: int) -> None:
        options = {"request_sample_fmt": libav.FLOAT.name}
        self._decoder = AvDecoder(lambda: libav.open_decoder("libopus", CLOCK, options=options), CLOCK, None)
        self._step = CLOCK // rate

    def decode(self, packet: bytes) -> Samples:
        """The packet's samples, float32 of shape (n,); CodecError for bytes that are no packet."""
        return self._decoder.decode(packet)[:: self._step].copy()

    def conceal(self, samples: int) -> Samples:
        """Silence, float32 of shape (samples,): FFmpeg has no way to libopus's guess."""
        return self._decoder.conceal(samples)


def _context(settings: AvOpus) -> libav.Context:
    """An open encoder."""
    vbr = "constrained" if settings.constrained else "on" if settings.vbr else "off"
    options = {
        "application": settings.application,
        "compression_level": str(settings.complexity),
        "frame_duration": f"{settings.frame_ms:g}",
        "vbr": vbr,
    }
    return libav.open_encoder("libopus", settings.rate, libav.FLOAT, settings.bitrate, options)


@cache
def _lookahead(settings: AvOpus) -> int:
    """The pre-skip that libopus's lookahead became in the encoder's OpusHead, in samples at its rate."""
    skip = int.from_bytes(_context(settings).extradata[SKIP], "little")
    return skip * settings.rate // CLOCK
