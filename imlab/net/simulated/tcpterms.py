"""On what terms a simulated TCP connection runs, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

from imlab.net.fate.bounds import positive, within
from imlab.net.simulated.congestion import Congestion, Cubic

Dialogue = tuple[tuple[int, int], ...]  # bytes that the client sends, bytes that the server answers, and so on
TCP: Dialogue = ((0, 0),)
TLS: Dialogue = ((517, 3000),)  # RFC 8446: a padded ClientHello; ServerHello to Finished, two elliptic certificates
WEBSOCKET: Dialogue = ((250, 160),)  # an HTTP request and its 101


@dataclass(frozen=True, slots=True)
class Terms:
    """Sizes in segments, times in seconds.

    handshake: what is said before the first message. limit: segments under way at most (Linux: 4 MB of send buffer).
    every, wait: acknowledge every so many segments, or after so many seconds. probes: tail loss probes. patience:
    until a dial is given up (``websockets``' open_timeout).
    """

    congestion: Congestion = field(default_factory=Cubic)
    handshake: Dialogue = TCP + WEBSOCKET
    limit: int = 2896
    every: int = 1
    wait: float = 0.04
    probes: bool = True
    patience: float = 10.0

    def __post_init__(self) -> None:
        within("segments under way at most", self.limit, 1)
        within("segments for an acknowledgement", self.every, 1)
        positive("an acknowledgement's wait", self.wait)
        positive("a dial's patience", self.patience)
        within("a handshake's exchanges", len(self.handshake), 1)
