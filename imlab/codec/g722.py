"""G.722 (ITU-T, 1988): 16 kHz in 64 kbit/s, two bands by a mirror filter and ADPCM in each. FFmpeg's, bit-exact.

It looks nowhere ahead and any even number of samples is a packet. In RTP its clock is said to be 8 kHz, by an old
mistake (RFC 3551, 4.5.2); here it is 16 kHz, as heard.
"""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec import libav
from imlab.codec.libav import AvDecoder, AvEncoder
from imlab.errors import UsageError

RATE = 16_000  # Hz
DELAY = 22  # samples: two mirror filters of 24 taps, one on each side
LONGEST_MS = 120


@dataclass(frozen=True, slots=True)
class G722:
    """G.722 at 64 kbit/s. frame_ms in milliseconds."""

    frame_ms: float = 20

    def __post_init__(self) -> None:
        pairs = RATE * self.frame_ms / 2000
        if not 0 < self.frame_ms <= LONGEST_MS or abs(pairs - round(pairs)) > 1e-6 or not round(pairs):
            raise UsageError(f"G.722 has no frame_ms {self.frame_ms!r}: multiples of 0.125 ms (2 samples) up to 120 ms")

    @property
    def name(self) -> str:
        """The name on the wire."""
        return "g722"

    @property
    def rate(self) -> int:
        """Its only one, Hz."""
        return RATE

    @property
    def frame(self) -> int:
        """Samples in one frame; half as many bytes in its packet."""
        return round(RATE * self.frame_ms / 1000)

    @property
    def delay(self) -> int:
        """That of the filters which split the bands and join them again, in samples."""
        return DELAY

    def encoder(self) -> AvEncoder:
        """A fresh encoder."""
        options = {"frame_size": str(self.frame)}
        return AvEncoder(libav.open_encoder("g722", RATE, libav.SHORT, options=options), self.frame)

    def decoder(self) -> AvDecoder:
        """A fresh decoder of packets of one length."""
        return AvDecoder(lambda: libav.open_decoder("g722", RATE), RATE, self.frame)
