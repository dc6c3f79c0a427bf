"""MP3 (ISO/IEC 11172-3 and 13818-3, layer III): LAME in, FFmpeg's decoder in floating point out.

A frame is 1152 samples, or 576 at 24 kHz and below (MPEG-2, and the 2.5 that is no standard and that all know). Packets
keep the bit reservoir, as every application ships it: a frame's bits may lie in the packets before it, so that a packet
alone may be no sound, and LAME holds its first packets back until no earlier bits can go into them.
"""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec import libav
from imlab.codec.libav import AvDecoder, AvEncoder
from imlab.errors import UsageError

DELAY = 1105  # samples: 576 of LAME's encoder (ENCDELAY, encoder.h), 528 + 1 of any decoder's filters
MPEG_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s, 11172-3 table 2.4.2.3
MPEG_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # 13818-3 table 2.4.2.3
BITRATES = {  # kbit/s by Hz
    8_000: MPEG_2[:8],  # LAME codes MPEG-2.5 up to 64
    11_025: MPEG_2[:8],
    12_000: MPEG_2[:8],
    16_000: MPEG_2,
    22_050: MPEG_2[1:],  # with 8 the reservoir is 25 frames deep: two thirds of a second held back
    24_000: MPEG_2[1:],
    32_000: MPEG_1,
    44_100: MPEG_1,
    48_000: MPEG_1,
}


@dataclass(frozen=True, slots=True)
class Mp3:
    """MP3 at a constant bitrate, mono. bitrate in bits per second, rate in Hz."""

    bitrate: int = 32_000
    rate: int = 16_000

    def __post_init__(self) -> None:
        if self.rate not in BITRATES:
            raise UsageError(f"MP3 has no rate {self.rate!r}: one of {', '.join(map(str, BITRATES))} Hz")
        possible = [1000 * kilo for kilo in BITRATES[self.rate]]
        if self.bitrate not in possible:
            listed = ", ".join(map(str, possible))
            raise UsageError(f"MP3 at {self.rate} Hz has no bitrate {self.bitrate!r}: one of {listed} bit/s")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "mp3"

    @property
    def frame(self) -> int:
        """Samples in one frame."""
        return 576 if self.rate <= 24_000 else 1152

    @property
    def delay(self) -> int:
        """The encoder's and the decoder's, in samples."""
        return DELAY

    def encoder(self) -> AvEncoder:
        """A fresh encoder."""
        return AvEncoder(libav.open_encoder("libmp3lame", self.rate, libav.FLOAT_PLANES, self.bitrate), self.frame)

    def decoder(self) -> AvDecoder:
        """A fresh decoder of packets of any bitrate."""
        return AvDecoder(lambda: libav.open_decoder("mp3float", self.rate), self.rate, self.frame)
