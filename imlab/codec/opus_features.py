"""What this libopus can do beyond the format, found by trying it: a version says what was written, not what was built.

From 1.5 on a build may hold neural networks, and most builds do not. The requests that switch them on are taken all the
same, or some of them, and change nothing; so each is switched on here, and its work is looked for:

    LACE, NoLACE  the decoder mends what few bits have done to a wide-band voice (Buethe et al., ICASSP 2024):
                  the same packets sound otherwise at decoder complexity 6, and otherwise again at 7
    deep PLC      the decoder knows better what was in a lost packet: it makes up another at decoder complexity 5
    DRED          a packet carries the second before it once more, in few bits (Valin et al., ICASSP 2023):
                  it has an extension, which packets of the same sound without DRED have not
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from imlab.audio.clip import Samples
from imlab.codec.libopus import load
from imlab.codec.opus import Opus, OpusDecoder
from imlab.errors import DoorError

SET_PACKET_LOSS_PERC, SET_DRED_DURATION = 4014, 4050  # opus_defines.h
DEEP_PLC, LACE, NOLACE = 5, 6, 7  # decoder complexities, opus_decoder.c
WIDE = Opus(12_000)  # the networks of the decoder take wide-band voice only, which begins here
ROOMY = Opus(32_000)  # DRED takes its bits from the voice's, and takes none where there are few
LOSS, LONGEST_DRED = 20, 100  # per cent expected: without loss there is no DRED; in units of 10 ms
LOST = (10, 11)  # packets of the twenty
PITCH, HARMONICS = 120, 40  # Hz; up to 4.8 kHz


@dataclass(frozen=True, slots=True)
class Features:
    """version: such as "1.6.1"; takes_complexity: whether its decoder can be told one; deep: networks that work."""

    version: str
    takes_complexity: bool
    deep: tuple[str, ...] = ()

    @property
    def listening(self) -> tuple[int, ...]:
        """Decoder complexities at which whole packets sound different from each other, the usual one first."""
        return (0, *(complexity for name, complexity in (("LACE", LACE), ("NoLACE", NOLACE)) if name in self.deep))

    def __str__(self) -> str:
        """As manifests and captions have it: "1.5.2 with LACE, DRED"."""
        return f"{self.version} with {', '.join(self.deep)}" if self.deep else self.version


@cache
def features() -> Features:
    """Those of the libopus that is loaded. DoorError where there is none."""
    version = load().version.removeprefix("libopus ")
    try:
        OpusDecoder(WIDE.rate, NOLACE)
    except DoorError:  # libopus before 1.5
        return Features(version, takes_complexity=False)
    works = {"LACE": _lace, "NoLACE": _nolace, "deep PLC": _deep_plc, "DRED": _dred}
    return Features(version, True, tuple(name for name, work in works.items() if work()))


def _lace() -> bool:
    return not np.array_equal(_heard(LACE), _heard(0))


def _nolace() -> bool:
    return not any(np.array_equal(_heard(NOLACE), _heard(other)) for other in (0, LACE))


def _deep_plc() -> bool:
    return not np.array_equal(_heard(DEEP_PLC, LOST), _heard(0, LOST))


def _dred() -> bool:
    """Whether packets get an extension (in the padding of RFC 6716, 3.2.5) for being asked to repeat the past."""
    encoder = ROOMY.encoder()
    encoder.control(SET_PACKET_LOSS_PERC, LOSS)
    try:
        encoder.control(SET_DRED_DURATION, LONGEST_DRED)
    except DoorError:
        return False
    return any(packet[0] & 3 == 3 and packet[1] & 0x40 for packet in map(encoder.encode, _frames()))


def _heard(complexity: int, lost: Sequence[int] = ()) -> Samples:
    """The hum decoded, but for the packets that were lost."""
    encoder, decoder = WIDE.encoder(), OpusDecoder(WIDE.rate, complexity)
    packets = [encoder.encode(frame) for frame in _frames()]
    parts = [
        decoder.conceal(WIDE.frame) if place in lost else decoder.decode(packet) for place, packet in enumerate(packets)
    ]
    return np.concatenate(parts)


def _frames() -> Samples:
    """A wavering hum with the harmonics of a voice, 400 ms, shape (20, 320)."""
    time = np.arange(20 * WIDE.frame) / WIDE.rate
    phase = 2 * np.pi * PITCH * (time + 0.01 * np.sin(2 * np.pi * 2 * time))
    hum = sum(np.sin(number * phase) / number for number in range(1, HARMONICS + 1))
    return np.asarray(0.1 * hum, np.float32).reshape(-1, WIDE.frame)
