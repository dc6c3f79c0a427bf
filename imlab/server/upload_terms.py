"""What uploads over HTTP are held to: sizes, counts and times, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field

from imlab.wire import limits


@dataclass(frozen=True, slots=True)
class Patience:
    """How slow a sender may be: ``silence`` seconds without a byte, ``rate`` bytes per second in the long run.

    The rate is what Apache's mod_reqtimeout asks for (MinRate=500): a byte every nine seconds holds a connection for
    ever, if only silence counts. linger: seconds that a refused sender may go on before it is cut off;
    nginx's lingering_close allows 30, and 5 of silence.
    """

    silence: float = 10.0
    rate: float = 500.0
    linger: float = 5.0

    def until(self, begun: float, size: int, now: float) -> float:
        """When it ends for one who began then and has sent ``size`` bytes, the last of them now."""
        return min(now, begun + size / self.rate) + self.silence


@dataclass(frozen=True, slots=True)
class UploadTerms:
    """Sizes in bytes, times in seconds."""

    file: int = 176 << 20  # 15 min of stereo PCM at 48 kHz are 173 MB; Mattermost takes 100 MB, Synapse 50
    memory: int = 128 << 10  # of one upload, held here; uvicorn holds as much again. More goes through a file
    text: int = 1 << 10  # of one field of a form that is no file: names and numbers
    fields: int = 32  # of them in one form
    parts: int = 10_000  # of one upload; S3's limit
    unfinished: int = 1_000  # uploads in parts at a time
    keep: float = 86_400.0  # an unfinished upload in parts, and what became of a finished one, since its last part
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        assert self.file <= limits.FILE, "a note could not name a larger file"
