"""PESQ (ITU-T P.862 with the mappings of P.862.1 and P.862.2), narrow and wide band, by the optional package ``pesq``.

The package compiles ITU-T's own C code, whose notice restricts commercial use. That code levels both sides itself, and
keeps what it finds in arrays for 50 utterances whose end it does not watch: 30 s of bursts abort the process ("stack
smashing detected"). An utterance and the pause after it last 0.4 s at least, so clips of 20 s cannot overrun them;
longer ones are refused.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.quality.metric import Metric, NoScore

LONGEST = 20.0  # seconds
SHORTEST = 0.25  # seconds; P.862 needs as much
INSTALL = "pip install pesq (needs a C compiler)"


def _measure(mode: str, reference: Clip, heard: Clip) -> float:
    from pesq import PesqError, pesq

    if reference.seconds > LONGEST:
        raise NoScore(f"PESQ is for clips of up to {LONGEST:g} s, not {reference.seconds:.0f} s")
    try:
        sides = (np.asarray(clip.samples, np.float64) for clip in (reference, heard))
        return float(pesq(reference.rate, *sides, mode))
    except PesqError as error:
        raise NoScore(f"PESQ: {error.args[0] if error.args else error!r}") from error


PESQ_NB = Metric(
    "pesq_nb",
    "MOS-LQO",
    1.0,
    4.549,
    ceiling=4.549,
    rising=True,
    measure=partial(_measure, "nb"),
    rates=(8_000, 16_000),
    shortest=SHORTEST,
    package="pesq",
    mode="nb",
    install=INSTALL,
)

PESQ_WB = Metric(
    "pesq_wb",
    "MOS-LQO",
    1.0,
    4.644,
    ceiling=4.644,
    rising=True,
    measure=partial(_measure, "wb"),
    rates=(16_000,),
    shortest=SHORTEST,
    package="pesq",
    mode="wb",
    install=INSTALL,
)
