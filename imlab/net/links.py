"""A network described once, as values: every engine (virtual, proxy, TUN) takes the same Link and the same Path."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from imlab.net.fate.bounds import label, positive, within
from imlab.net.fate.losses import Loss, LossModel
from imlab.net.fate.outages import Outages, Spans
from imlab.net.fate.ratetrace import RateTrace


@dataclass(frozen=True, slots=True)
class Reordering:
    """A share of packets comes ``late`` seconds after its turn, and what follows it does not wait."""

    share: float
    late: float

    def __post_init__(self) -> None:
        within("a reordering's share", self.share, 0, 1)
        positive("a reordering's late", self.late)


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """One way between two machines; the defaults are a perfect link.

    delay: seconds from the end of a packet's transmission to its arrival. jitter: up to so many seconds more, uniform,
    but no packet overtakes another, so that packets closer together than the jitter share it. rate: bytes per second,
    or a trace of rates. loss: the share of packets lost on the air, or a loss model; they have used the rate. queue:
    bytes that may wait, the unsent rest of the packet in transmission included; a packet that finds the link busy and
    does not fit is dropped.
    duplication: the share of packets that arrive twice. outages: ((from_s, to_s), ...) or a value of ``outages``; what
    would arrive during one is lost.
    """

    delay: float = 0.0
    jitter: float = 0.0
    rate: float | RateTrace = inf
    loss: float | LossModel = 0.0
    queue: float = inf
    duplication: float = 0.0
    reordering: Reordering | None = None
    outages: tuple[tuple[float, float], ...] | Outages = ()

    __repr__ = label

    def __post_init__(self) -> None:
        within("a link's delay", self.delay, 0, 1e6)
        within("a link's jitter", self.jitter, 0, 1e6)
        if not isinstance(self.rate, RateTrace):
            positive("a link's rate", self.rate)
        within("a link's queue", self.queue)
        within("a link's duplication", self.duplication, 0, 1)
        if not isinstance(self.loss, LossModel):
            within("a link's loss", self.loss, 0, 1)
        if isinstance(self.outages, tuple):
            Spans(self.outages)  # refuses what is wrong

    @property
    def loss_model(self) -> LossModel:
        """The loss as a model, also where it is a bare share."""
        return self.loss if isinstance(self.loss, LossModel) else Loss(self.loss)

    @property
    def outage_model(self) -> Outages:
        """The outages as a value, also where they are bare spans."""
        return Spans(self.outages) if isinstance(self.outages, tuple) else self.outages


@dataclass(frozen=True, slots=True)
class Path:
    """Both ways between a client and the server; up is from the client."""

    name: str
    up: Link
    down: Link
