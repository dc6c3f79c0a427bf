"""The same clips through several builds of libopus, and what one way has over another, clip by clip."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

from imlab.audio.clip import Clip, Samples
from imlab.audio.quality.cache import open_cache, remember
from imlab.audio.quality.panels import WIDE, Scores
from imlab.audio.quality.pesq import PESQ_WB
from imlab.audio.quality.visqol import VISQOL
from imlab.codec.opus import Opus
from imlab.lab.plan.ahead import Task, do
from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.studies.two_libopus.build import Build, Take

PANEL = replace(WIDE, metrics=(VISQOL, PESQ_WB))
COMPLEXITIES = (3, 10)
TOGETHER = 6  # clips that are scored in one task: their reference is prepared once
SEED = 20_261_105  # of the order in which ways and builds take their turn

Tick = Callable[[int], object]  # told how many clips have just been sent, or scored


@dataclass(frozen=True, slots=True)
class Way:
    """build: its place among the builds."""

    build: int
    codec: Opus


@dataclass(frozen=True, slots=True)
class Outcome:
    """A clip, one way: bytes and CPU seconds for a second of sound; scores: by metric, where there are any."""

    size: float
    encode: float
    decode: float
    scores: dict[str, float]
    reasons: dict[str, str]


Outcomes = dict[Way, list[Outcome]]  # one a clip, in the order of the clips


@dataclass(frozen=True, slots=True)
class Difference:
    """What the new way has over the old one: scores in points, the rest as a part, 0.1 for a tenth more."""

    new: Way
    old: Way
    scores: dict[str, Interval]
    size: Interval
    encode: Interval
    decode: Interval


def ways(builds: Sequence[Build], bitrates: Iterable[int]) -> list[Way]:
    """Both complexities of the encoder on every build; with the better encoder, all that the decoder can do."""
    return [
        Way(number, Opus(bitrate, complexity=complexity, decoder_complexity=listening))
        for bitrate in bitrates
        for complexity in COMPLEXITIES
        for number, build in enumerate(builds)
        for listening in (build.features.listening if complexity == COMPLEXITIES[-1] else (0,))
    ]


def measure(
    builds: Sequence[Build], chosen: Sequence[Way], clips: Iterable[Clip], pool: Executor, tick: Tick
) -> Outcomes:
    """Every clip in every way. While a build works, nobody else of ours does: scores wait until the clip is through."""
    found: Outcomes = {way: [] for way in chosen}
    drawn = random.Random(SEED)
    for clip in clips:
        takes: dict[Way, Take] = {}
        for way in _turns(chosen, drawn):
            takes[way] = builds[way.build].take(way.codec, clip)
            tick(1)
        for way, told in _scored(clip, takes, pool, tick).items():
            found[way].append(_outcome(takes[way], clip.seconds, told))
    return found


def _outcome(take: Take, seconds: float, told: Scores) -> Outcome:
    size, encode, decode = take.size / seconds, take.encode_s / seconds, take.decode_s / seconds
    return Outcome(size, encode, decode, told.values(), told.reasons())


def _turns(chosen: Sequence[Way], drawn: random.Random) -> Iterator[Way]:
    """Settings in an order drawn anew, and the builds that are compared on one of them right after each other."""
    codecs = list(dict.fromkeys(way.codec for way in chosen))
    for codec in drawn.sample(codecs, len(codecs)):
        same = [way for way in chosen if way.codec == codec]
        yield from drawn.sample(same, len(same))


def _scored(clip: Clip, takes: dict[Way, Take], pool: Executor, tick: Tick) -> dict[Way, Scores]:
    """By all of the pool's workers."""
    told: dict[Way, Scores] = {}
    order = list(takes)
    parts = [order[at : at + TOGETHER] for at in range(0, len(order), TOGETHER)]
    tasks = [Task(score, (clip, [takes[way].heard for way in part]), partial(_keep, told, part)) for part in parts]
    for task in do(tasks, pool):
        tick(len(task.arguments[1]))
    return told


def _keep(told: dict[Way, Scores], part: Sequence[Way], scores: Sequence[Scores]) -> None:
    told.update(zip(part, scores, strict=True))


def score(clip: Clip, heard: Sequence[Samples]) -> list[Scores]:
    """In a worker: what is known is looked up."""
    cache = open_cache()
    return [remember(cache, clip, Clip(samples, clip.rate), PANEL) for samples in heard]


def between_builds(found: Outcomes) -> Iterator[Difference]:
    """The second build over the first, with decoders that do nothing special."""
    for way in found:
        if way.build and not way.codec.decoder_complexity:
            yield difference(found, way, replace(way, build=0))


def between_complexities(found: Outcomes) -> Iterator[Difference]:
    """The light encoder over the heavy one, within each build."""
    for way in found:
        if way.codec.complexity == COMPLEXITIES[0]:
            yield difference(found, way, replace(way, codec=replace(way.codec, complexity=COMPLEXITIES[-1])))


def between_decoders(found: Outcomes) -> Iterator[Difference]:
    """The decoder's networks over none, within each build."""
    for way in found:
        if way.codec.decoder_complexity:
            yield difference(found, way, replace(way, codec=replace(way.codec, decoder_complexity=0)))


def difference(found: Outcomes, new: Way, old: Way) -> Difference:
    """Clip by clip, with intervals over clips; a metric counts the clips on which it answered both times."""
    pairs = list(zip(found[new], found[old], strict=True))
    scores = {}
    for metric in (metric.name for metric in PANEL.metrics):
        gains = [a.scores[metric] - b.scores[metric] for a, b in pairs if metric in a.scores and metric in b.scores]
        if gains:
            scores[metric] = mean_interval(gains)
    costs = (
        paired([getattr(b, cost) for _, b in pairs], [getattr(a, cost) for a, _ in pairs]).change
        for cost in ("size", "encode", "decode")
    )
    return Difference(new, old, scores, *costs)
