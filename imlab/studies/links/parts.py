"""What a tap's time is made of: each cause switched off in virtual time, in every combination, and shared fairly.

| part        | switched off it is                                                        |
|-------------|---------------------------------------------------------------------------|
| handshake   | a connection that stands already                                          |
| propagation | no delay, no jitter                                                       |
| rate        | an infinite rate, and so no queue                                         |
| slow start  | a first window of more segments than any note has                         |
| loss and outages | neither, so no recovery and no timeout                               |
| CPU, disk   | free                                                                      |

With all of them off nothing is left to wait for. In seconds, not on ln: the parts are bars of a stack. Shapley values
(imlab/lab/attribution/shapley.py) add up to the whole exactly; what two causes make only together (a round trip of a
handshake needs a handshake and a distance) is halved between them.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import inf

import numpy as np

from imlab.lab.attribution.shapley import shapley
from imlab.net.links import Link, Path
from imlab.net.simulated.congestion import Reno
from imlab.net.simulated.segments import Segments
from imlab.studies.links.simulated import MACHINE, NOTHING, TCP, tap_once
from imlab.studies.links.taps import FRESH, KEPT, Tap
from imlab.wire.messages import VoiceMessage

HANDSHAKE, PROPAGATION, RATE, SLOW_START, LOSS, MACHINERY = (
    "handshake", "propagation", "rate", "slow start", "loss and outages", "CPU, disk")  # fmt: skip
PARTS = (HANDSHAKE, PROPAGATION, RATE, SLOW_START, LOSS, MACHINERY)
COLUMNS = {part: f"{part.replace(', ', '_').replace(' ', '_').lower()}_s" for part in PARTS}
LONG_S = 600.0  # after the tap; a note that is given up cannot be taken apart
AT_ONCE = Segments(Reno(first=2_896))  # segments: all that a send buffer holds


def parts(tap: Tap, note: VoiceMessage, seed: int) -> dict[str, float]:
    """Seconds of each part, by column; their sum is the tap's whole time. nan where a combination was never heard."""
    switches = itertools.product((False, True), repeat=len(PARTS))
    cells = [seconds_with(frozenset(itertools.compress(PARTS, inside)), tap, note, seed) for inside in switches]
    return dict(zip(COLUMNS.values(), shapley(np.array(cells)).tolist(), strict=True))


def seconds_with(causes: frozenset[str], tap: Tap, note: VoiceMessage, seed: int) -> float:
    """From tap to first sound when only these causes are at work."""
    path = Path(tap.path.name, *(_link(way, causes) for way in (tap.path.up, tap.path.down)))
    connection = FRESH if HANDSHAKE in causes else KEPT
    transport = TCP if SLOW_START in causes else AT_ONCE
    costs = MACHINE if MACHINERY in causes else NOTHING
    return tap_once(replace(tap, path=path, connection=connection), note, seed, transport, costs, LONG_S).seconds


def _link(link: Link, causes: frozenset[str]) -> Link:
    if PROPAGATION not in causes:
        link = replace(link, delay=0.0, jitter=0.0)
    if RATE not in causes:
        link = replace(link, rate=inf, queue=inf)
    if LOSS not in causes:
        link = replace(link, loss=0.0, outages=())
    return link
