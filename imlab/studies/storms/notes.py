"""Notes to load a server with: sound that nobody decodes, of lengths that people speak, and ids that tell when.

Bytes are random, so nothing between here and the disk can make them smaller. The first half of an id is the moment for
which its sending was intended, in nanoseconds of the machine's monotonic clock: whoever hears the note, in any process
of this machine, knows how long it took.
"""

from __future__ import annotations

import hashlib
import time
from random import Random, SystemRandom

from imlab.studies.architectures.lengths import Lengths
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from imlab.wire.recording import Recording

BYTES_S = 3_000  # of sound a second: Opus at 24 kbit/s
PACKET = 60  # bytes of its packets, of 20 ms each
TOC = b"\xf8"  # how they begin: CELT, full band, 20 ms, mono, one frame (RFC 6716, 3.1)
LENGTHS = Lengths().spaced(48).tolist()  # seconds
SEED = SystemRandom()  # no two runs may send one note twice


def note(room: str, sender: str, moment: float, random: Random = SEED) -> VoiceMessage:
    """A note for the WebSocket, intended for ``moment`` of time.monotonic; its length is drawn."""
    sizes = (PACKET,) * round(random.choice(LENGTHS) * BYTES_S / PACKET)
    return VoiceMessage(
        id=f"{round(moment * 1e9):016x}{random.getrandbits(64):016x}",
        sender=sender,
        room=room,
        timestamp_ms=round(time.time() * 1000),
        duration_ms=20 * len(sizes),
        codec="opus",
        layout=PacketLayout(48_000, 312, 960 * len(sizes) - 312, 960, sizes),
        size=PACKET * len(sizes),
        audio=b"".join(TOC + random.randbytes(PACKET - 1) for _ in sizes),
        waveform=random.randbytes(64),
    )


def recording(room: str, sender: str, random: Random = SEED) -> Recording:
    """A note with its file, for the service on trial."""
    body = random.randbytes(round(random.choice(LENGTHS) * BYTES_S))
    return Recording(
        VoiceMessage(
            id=f"{random.getrandbits(128):032x}",
            sender=sender,
            room=room,
            timestamp_ms=round(time.time() * 1000),
            duration_ms=round(1000 * len(body) / BYTES_S),
            codec="opus",
            layout=PacketLayout(),
            size=0,
            audio=b"",
            waveform=random.randbytes(64),
            file=File(hashlib.sha256(body).hexdigest(), len(body), "audio/ogg"),
        ),
        body,
    )


def age(id: str) -> float:
    """Seconds since the moment for which a note was intended."""
    return time.monotonic() - int(id[:16], 16) / 1e9
