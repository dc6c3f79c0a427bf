"""ViSQOL v3 (Chinen et al., QoMEX 2020) by visqol-python, Google's C++ ported: speech mode with the lattice model.

Speech mode looks at 21 gammatone bands from 50 Hz to 8 kHz, so it takes 16 kHz; it compares only patches in which the
reference speaks. The deep lattice network is what the C++ program uses unless told otherwise; the polynomial that it
replaced gives every identity 5.0 but over-predicts degraded speech by one or two points, so it is not our scale.
Two things to know of the lattice: a clip against itself scores 4.5 to 4.9, by the clip (the score of the identity is
worth printing); and the absolute level of the reference matters, because anything under a fixed floor counts as
silence: the same packets scored 3.5 at -13 dB and 4.3 at -26 dB of full scale. ``panels`` therefore fixes the level.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from imlab.audio.clip import Clip
from imlab.audio.quality.metric import Metric, NoScore

RATE = 16_000  # Hz
SHORTEST = 0.64  # seconds: a first patch begins after 9 hops of 20 ms and takes 20 windows of 80 ms, a hop apart


def _measure(reference: Clip, heard: Clip) -> float:
    try:
        result = _model().measure_from_arrays(reference.samples, heard.samples, RATE)
    except (ValueError, IndexError) as error:
        raise NoScore(f"visqol found nothing to compare: {error}") from error
    return float(result.moslqo)


@cache
def _model() -> Any:
    """The model, loaded once in a process: 80 ms."""
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="speech", use_lattice_model=True)
    return api


VISQOL = Metric(
    "visqol",
    "MOS-LQO",
    1.0,
    5.0,
    ceiling=5.0,
    rising=True,
    measure=_measure,
    rates=(RATE,),
    shortest=SHORTEST,
    package="visqol-python",
    mode="speech, lattice",
    install='pip install "visqol-python[lattice]"',
)
