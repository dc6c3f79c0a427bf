"""AAC-LC (ISO/IEC 14496-3): FFmpeg's own encoder and decoder, raw frames without ADTS.

The bitrate is an average that the encoder steers to. At low ones it narrows the sound's band by its own rule (its
``cutoff`` option, left as it is): what is lost there is the encoder's choice and not the format's. Other encoders of
AAC-LC (Apple's, Fraunhofer's) do better below 64 kbit/s; this one is what every FFmpeg has.
"""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec import libav
from imlab.codec.libav import AvDecoder, AvEncoder
from imlab.errors import UsageError

FRAME = 1024  # samples
DELAY = 1024  # samples: half of the first window; also the priming that an M4A's edit list drops
LEAST = 8_000  # bit/s; below, FFmpeg's encoder does not follow
MOST_PER_SAMPLE = 6  # bits: the decoder's input buffer, 6144 bits a frame and channel (14496-3, 4.5.3.1)
RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025)
# Hz, each at its samplingFrequencyIndex (14496-3 table 1.18); not 8000 and 7350: a packet would last over 120 ms


@dataclass(frozen=True, slots=True)
class Aac:
    """AAC-LC, mono. bitrate in bits per second, on average; rate in Hz."""

    bitrate: int = 32_000
    rate: int = 16_000

    def __post_init__(self) -> None:
        if self.rate not in RATES:
            raise UsageError(f"AAC has no rate {self.rate!r} here: one of {', '.join(map(str, RATES))} Hz")
        most = MOST_PER_SAMPLE * self.rate
        if not LEAST <= self.bitrate <= most:
            raise UsageError(f"AAC at {self.rate} Hz has no bitrate {self.bitrate!r}: from {LEAST} to {most} bit/s")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "aac"

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return FRAME

    @property
    def delay(self) -> int:
        """The encoder's, in samples; the decoder adds none."""
        return DELAY

    def encoder(self) -> AvEncoder:
        """A fresh encoder."""
        return AvEncoder(libav.open_encoder("aac", self.rate, libav.FLOAT_PLANES, self.bitrate), FRAME)

    def decoder(self) -> AvDecoder:
        """A fresh decoder of packets of any bitrate."""
        config = audio_specific_config(self.rate)
        return AvDecoder(lambda: libav.open_decoder("aac", self.rate, config), self.rate, FRAME)


def audio_specific_config(rate: int) -> bytes:
    """What an M4A says of mono AAC-LC at ``rate`` Hz (14496-3, 1.6.2.1): 5 bytes, as FFmpeg's encoder writes them.

    Object type 2 (5 bits), frequency index (4), 1 channel (4), frames of 1024 that need no core (3 zeros). Then the
    sync word 0x2b7 (11), SBR's object type (5) and that there is none (1): else a decoder might double the rate.
    """
    if rate not in RATES:
        raise UsageError(f"AAC has no rate {rate!r} here: one of {', '.join(map(str, RATES))} Hz")
    return (2 << 11 | RATES.index(rate) << 7 | 1 << 3).to_bytes(2, "big") + bytes.fromhex("56e500")
