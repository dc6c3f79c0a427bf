"""Two builds of libopus held against each other: tables for people, JSON for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imlab.lab.machine.facts import facts, said
from imlab.lab.statistics.intervals import FEWEST, Interval
from imlab.studies.two_libopus.build import Build
from imlab.studies.two_libopus.comparison import (
    PANEL,
    Difference,
    Outcome,
    Outcomes,
    Way,
    between_builds,
    between_complexities,
    between_decoders,
)

SIDES = ("ours", "the other")
METRICS = tuple(metric.name for metric in PANEL.metrics)
SETTINGS = ("bitrate", "complexity", "decoder_complexity")
COSTS = ("size", "encode", "decode")
NAME, NARROW, BROAD = 44, 9, 25  # characters of a row's name, of a number, of one with its interval


@dataclass(frozen=True)
class Found:
    """All that was measured. builds: ours and the other; clips: how many; seconds: of each, at most; rate in Hz."""

    builds: Sequence[Build]
    outcomes: Outcomes
    corpus: str
    clips: int
    seconds: float
    rate: int

    def questions(self) -> Iterator[tuple[str, list[Difference]]]:
        """By the name of each question that has an answer here."""
        yield "builds", list(between_builds(self.outcomes))
        yield "complexity", list(between_complexities(self.outcomes))
        if mended := list(between_decoders(self.outcomes)):
            yield "networks", mended


def tables(found: Found) -> Iterator[str]:
    """Lines: on what it was measured, what each way is worth by itself, and every difference."""
    yield said(facts())
    yield f"{found.corpus}: {found.clips} clips, the first {found.seconds:g} s of each"
    for side, build in zip(SIDES, found.builds, strict=True):
        yield f"{side}: {build}, from {build.source}, {build.path}"
    yield from _levels(found)
    few = ", too few for intervals" if found.clips < FEWEST else ""
    manner = f"20 ms, {found.rate // 1000} kHz; clip by clip, n={found.clips}{few}"
    for question, differences in found.questions():
        yield f"\n{question}: {_title(question, found)}; {manner}"
        yield _row("", BROAD, *METRICS, "bytes", "encoder's CPU", "decoder's CPU")
        yield from (_line(question, found, told) for told in differences)


def _levels(found: Found) -> Iterator[str]:
    yield f"\nmeans over clips; scores {PANEL.against}; CPU in milliseconds for a second of sound"
    yield _row("", NARROW, "kbit/s", *METRICS, "encode", "decode")
    for way, outcomes in found.outcomes.items():
        level = _level(way, outcomes)
        scores = (level["scores"].get(metric) for metric in METRICS)
        numbers = (level["kbps"], *scores, level["encode_ms"], level["decode_ms"])
        yield _row(_called(found, way), NARROW, *("-" if number is None else f"{number:.2f}" for number in numbers))
    yield from (f"no score: {why}" for why in _reasons(found.outcomes.values()))


def _title(question: str, found: Found) -> str:
    """What stands over what, with versions."""
    ours, other = found.builds
    return {
        "builds": f"the other, {other}, over ours, {ours}",
        "complexity": f"the encoder's complexity 3 over 10; ours {ours}, the other {other}",
        "networks": f"decoder complexity 6 (LACE) or 7 (NoLACE) over 0; ours {ours}, the other {other}",
    }[question]


def _line(question: str, found: Found, told: Difference) -> str:
    name = _setting(told.new) if question == "builds" else _called(found, told.new)
    scores = (_points(told.scores.get(metric)) for metric in METRICS)
    return _row(name, BROAD, *scores, *(_percent(getattr(told, cost)) for cost in COSTS))


def _called(found: Found, way: Way) -> str:
    return f"{SIDES[way.build]}, {found.builds[way.build].features.version}, {_setting(way)}"


def _setting(way: Way) -> str:
    decoder = f", decoder {way.codec.decoder_complexity}" if way.codec.decoder_complexity else ""
    return f"{way.codec.bitrate / 1000:g} kbit/s, c{way.codec.complexity}{decoder}"


def _row(name: str, width: int, *cells: str) -> str:
    return f"  {name:<{NAME}}" + "".join(f"{cell:>{width}}" for cell in cells)


def _points(gain: Interval | None) -> str:
    return _cell(gain, 1, 2, "") if gain else "-"


def _percent(change: Interval) -> str:
    return _cell(change, 100, 1, " %")


def _cell(interval: Interval, scale: float, digits: int, unit: str) -> str:
    ends = (interval.estimate, interval.low, interval.high)
    middle, low, high = (f"{round(scale * value, digits) + 0.0:+.{digits}f}" for value in ends)  # no -0.00
    return f"{middle}{unit} [{low}, {high}]" if interval.given else f"{middle}{unit}"


def plain(found: Found) -> dict[str, Any]:
    """As JSON values, by the keys that --help promises."""
    return {
        "machine": said(facts()),
        "corpus": found.corpus,
        "clips": found.clips,
        "seconds": found.seconds,
        "against": PANEL.against,
        "builds": [
            {"side": side, "libopus": str(build.features), "source": build.source, "path": build.path}
            for side, build in zip(SIDES, found.builds, strict=True)
        ],
        "levels": [_level(way, outcomes) for way, outcomes in found.outcomes.items()],
        "differences": [_told(question, told) for question, every in found.questions() for told in every],
    }


def _told(question: str, told: Difference) -> dict[str, Any]:
    scores = {metric: _numbers(gain) for metric, gain in told.scores.items()}
    costs = {cost: _numbers(getattr(told, cost)) for cost in COSTS}
    return {"question": question, "new": _place(told.new), "old": _place(told.old), "scores": scores, **costs}


def _level(way: Way, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Means over the clips; of a metric, over those that it judged."""
    judged = {metric: [each.scores[metric] for each in outcomes if metric in each.scores] for metric in METRICS}
    return {
        **_place(way),
        "kbps": 0.008 * statistics.fmean(each.size for each in outcomes),
        "encode_ms": 1000 * statistics.fmean(each.encode for each in outcomes),
        "decode_ms": 1000 * statistics.fmean(each.decode for each in outcomes),
        "scores": {metric: statistics.fmean(values) for metric, values in judged.items() if values},
        "reasons": _reasons([outcomes]),
    }


def _place(way: Way) -> dict[str, Any]:
    return {"side": SIDES[way.build], **{name: getattr(way.codec, name) for name in SETTINGS}}


def _reasons(every: Iterable[Sequence[Outcome]]) -> list[str]:
    """Why there is no score, each reason once."""
    return sorted({why for outcomes in every for outcome in outcomes for why in outcome.reasons.values()})


def _numbers(interval: Interval) -> dict[str, Any]:
    """JSON knows no NaN."""
    return asdict(interval) if interval.given else asdict(interval) | {"low": None, "high": None}
