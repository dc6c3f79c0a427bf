"""The sounds that the synthesiser speaks with: where the vocal tract resonates, what excites it, for how long.

Vowels are the averages of Peterson and Barney (1952) for men; consonants follow Klatt (1980), simplified.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Phone:
    """One sound of speech. seconds: its mean length; formants: the three lowest resonances of the tract, in Hz.

    voice, breath and hiss are amplitudes of 0..1: the vocal folds, noise through the whole tract, and noise made at
    the teeth around ``hiss_hz`` (``hiss_width`` wide, both in Hz). along: how far the phrase has come, 0..1.
    """

    seconds: float
    formants: tuple[float, float, float]
    voice: float = 0.0
    breath: float = 0.0
    hiss: float = 0.0
    hiss_hz: float = 4000.0
    hiss_width: float = 2000.0
    along: float = 0.0


def _vowel(first: float, second: float, third: float) -> Phone:
    return Phone(0.15, (first, second, third), voice=1.0, breath=0.03)


VOWELS = (
    _vowel(270, 2290, 3010),  # beat
    _vowel(390, 1990, 2550),  # bit
    _vowel(530, 1840, 2480),  # bet
    _vowel(660, 1720, 2410),  # bat
    _vowel(730, 1090, 2440),  # father
    _vowel(570, 840, 2410),  # bought
    _vowel(440, 1020, 2240),  # book
    _vowel(300, 870, 2240),  # boot
    _vowel(640, 1190, 2390),  # but
    _vowel(490, 1350, 1690),  # bird
)
GLIDES = (
    Phone(0.07, (310, 1050, 2880), voice=0.55),  # l
    Phone(0.07, (310, 1060, 1380), voice=0.55),  # r
    Phone(0.06, (290, 610, 2150), voice=0.5),  # w
    Phone(0.06, (260, 2070, 3020), voice=0.5),  # y
    Phone(0.07, (280, 1250, 2500), voice=0.35),  # m
    Phone(0.07, (280, 1700, 2600), voice=0.35),  # n
)
FRICATIVES = (
    Phone(0.11, (320, 1390, 2530), hiss=0.55, hiss_hz=5800, hiss_width=2600),  # s
    Phone(0.11, (300, 1840, 2750), hiss=0.50, hiss_hz=3200, hiss_width=1600),  # sh
    Phone(0.09, (340, 1100, 2080), hiss=0.10, hiss_hz=5000, hiss_width=6000),  # f
    Phone(0.07, (500, 1500, 2500), breath=0.35),  # h
    Phone(0.07, (240, 1390, 2530), voice=0.3, hiss=0.22, hiss_hz=5800, hiss_width=2600),  # z
    Phone(0.06, (270, 1290, 2540), voice=0.4, hiss=0.04, hiss_hz=4500, hiss_width=5000),  # th in this
)
STOPS = (  # a closure, then a burst
    (Phone(0.06, (250, 900, 2200)), Phone(0.02, (300, 900, 2200), breath=0.5, hiss=0.06, hiss_hz=1000)),  # p
    (Phone(0.06, (250, 1700, 2600)), Phone(0.03, (300, 1700, 2600), breath=0.3, hiss=0.4, hiss_hz=4500)),  # t
    (Phone(0.06, (250, 1900, 2300)), Phone(0.03, (300, 1900, 2300), breath=0.4, hiss=0.3, hiss_hz=2000)),  # k
    (Phone(0.05, (220, 900, 2200), voice=0.12), Phone(0.01, (300, 900, 2200), voice=0.4, hiss=0.1, hiss_hz=1000)),  # b
    (Phone(0.05, (220, 1700, 2600), voice=0.12), Phone(0.01, (300, 1700, 2600), voice=0.4, hiss=0.2)),  # d
    (
        Phone(0.05, (220, 1900, 2300), voice=0.12),
        Phone(0.02, (300, 1900, 2300), voice=0.4, hiss=0.2, hiss_hz=2000),
    ),  # g
)
PAUSE = Phone(0.4, (500, 1500, 2500))


def babble(draw: np.random.Generator, seconds: float) -> list[Phone]:
    """Phrases with pauses between, at least one and at least ``seconds`` long: about four syllables a second."""
    phones = [_stretched(PAUSE, draw, 0.5), *phrase(draw)]
    while sum(phone.seconds for phone in phones) < seconds:
        phones += [_stretched(PAUSE, draw, 1.0), *phrase(draw)]
    return phones


def phrase(draw: np.random.Generator) -> list[Phone]:
    """4 to 11 syllables in one breath."""
    syllables = int(draw.integers(4, 12))
    return [replace(phone, along=number / syllables) for number in range(syllables) for phone in syllable(draw)]


def syllable(draw: np.random.Generator) -> list[Phone]:
    """An onset, a vowel of any length and stress, and sometimes a tail."""
    onsets = [[phone] for phone in (*GLIDES, *FRICATIVES)] + [list(stop) for stop in STOPS] + [[]]
    onset = onsets[draw.integers(len(onsets))]
    tails = (*GLIDES, *FRICATIVES)
    tail = [tails[draw.integers(len(tails))]] if draw.random() < 0.3 else []
    vowel = _stressed(_stretched(VOWELS[draw.integers(len(VOWELS))], draw, 1.0), draw)
    return [
        *(_stretched(phone, draw, 1.0) for phone in onset),
        vowel,
        *(_stretched(phone, draw, 0.8) for phone in tail),
    ]


def _stretched(phone: Phone, draw: np.random.Generator, factor: float) -> Phone:
    return replace(phone, seconds=phone.seconds * factor * float(draw.uniform(0.65, 1.45)))


def _stressed(phone: Phone, draw: np.random.Generator) -> Phone:
    return replace(phone, voice=phone.voice * float(draw.uniform(0.3, 1.0)))
