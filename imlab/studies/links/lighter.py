"""Half the bits over a weak uplink, in virtual time: what the published advice on adaptation (C11) gains in waiting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imlab.audio.speech.corpus import open_corpus
from imlab.codec.opus import Opus
from imlab.lab.plan.design import Row, Trial
from imlab.studies.links.networks import NETWORKS
from imlab.studies.links.simulated import tap_once
from imlab.studies.links.taps import KEPT, SETTLE_S, Tap, rng_of
from imlab.studies.stop_to_play.takes import DISTINCT, takes

BITRATES = (24_000, 12_000)  # bit/s, as the claim has them
NETWORK, NOTE_S = "8 kB/s uplink", 15
LUCKS = {"smoke": 4, "quick": 70, "full": 70}  # for each recording: 210 notes allow a p95


def lighter(trial: Trial) -> Iterator[Row]:
    """p95 of stop-to-play at each bitrate: the same speech, the same luck."""
    tap = Tap(0, NETWORK, NETWORKS[NETWORK], NOTE_S, KEPT, SETTLE_S)
    for bitrate in BITRATES:
        codec = Opus(bitrate=bitrate, frame_ms=20)
        times = [
            tap_once(tap, take.stop(tap.note_id, tap.sender, tap.room, 0), trial.seed + luck).seconds
            for luck, take in enumerate(
                takes(open_corpus(), codec, NOTE_S, DISTINCT * LUCKS[trial.scale], rng_of(trial))
            )
        ]
        p95 = float(np.quantile(times, 0.95, method="inverted_cdf"))
        yield {"what": "bitrate", "network": NETWORK, "note_s": NOTE_S, "connection": KEPT, "bitrate": bitrate,
               "notes": len(times), "p95_s": p95}  # fmt: skip
