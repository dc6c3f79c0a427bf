"""Files held against their original, on both panels: a table for people, or JSON for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any

from imlab.audio.clip import Clip
from imlab.audio.files import read_clip
from imlab.audio.quality.cache import open_cache, remember
from imlab.audio.quality.metric import Metric
from imlab.audio.quality.panels import NARROW, PANELS, WIDE, Panel, Scores

ITSELF = "(itself)"
Rows = Sequence[tuple[str, Scores]]


def run(options: argparse.Namespace) -> int:
    """Score, and print."""
    reference = read_clip(options.reference)
    clips = [(path.name, read_clip(path)) for path in options.heard]
    panels = [PANELS[options.panel]] if options.panel else [WIDE, NARROW]
    asked = [(panel, _rows(panel, reference, clips)) for panel in panels]
    if options.json:
        about = {"file": options.reference.name, "seconds": reference.seconds, "rate": reference.rate}
        print(json.dumps({"reference": about, "panels": [_told(panel, rows) for panel, rows in asked]}, indent=1))
        return 0
    print(f"{options.reference.name}: {reference.seconds:.2f} s at {reference.rate} Hz")
    for panel, rows in asked:
        print("\n" + "\n".join(table(panel, rows)))
    return 0


def table(panel: Panel, rows: Rows) -> Iterator[str]:
    """The panel, one line per file, and a line for every score that is missing."""
    heads = ["delay ms", "gain dB", *(_head(metric) for metric in panel.metrics)]
    width = max(len(name) for name, _ in rows)
    yield f"{panel.name}: {panel.against}"
    yield f"  {'':<{width}}  {'  '.join(f'{head:>8}' for head in heads)}"
    for name, scores in rows:
        gain = "-" if scores.gain_db is None else f"{scores.gain_db:+.1f}"
        cells = [f"{scores.delay.ms:+.1f}", gain, *(_cell(scores, metric) for metric in panel.metrics)]
        line = (f"{cell:>{max(8, len(head))}}" for head, cell in zip(heads, cells, strict=True))
        yield f"  {name:<{width}}  {'  '.join(line)}"
    for name, scores in rows:
        yield from (f"  {name}: no {metrics}: {why}" for why, metrics in _lacking(scores))
        if scores.delay.by == "nothing" and scores.gain_db is not None:
            yield f"  {name}: no delay was found: is it the same recording?"


def _rows(panel: Panel, reference: Clip, clips: Sequence[tuple[str, Clip]]) -> Rows:
    """The reference itself, which is the ceiling, and every file."""
    cache = open_cache()
    return [(name, remember(cache, reference, clip, panel)) for name, clip in [(ITSELF, reference), *clips]]


def _lacking(scores: Scores) -> Iterator[tuple[str, str]]:
    """Every reason once, with the metrics that gave it."""
    reasons = scores.reasons()
    for why in dict.fromkeys(reasons.values()):
        yield why, ", ".join(metric for metric, reason in reasons.items() if reason == why)


def _head(metric: Metric) -> str:
    unit = f" {metric.unit}" if metric.unit == "dB" else ""
    return f"{metric.name}{unit}"


def _cell(scores: Scores, metric: Metric) -> str:
    value = scores[metric.name].value
    return "-" if value is None else f"{value:.{3 if not metric.unit else 2}f}"


def _told(panel: Panel, rows: Rows) -> dict[str, Any]:
    """The panel for a program."""
    metrics = [{key: getattr(metric, key) for key in ("name", "unit", "rising", "version")} for metric in panel.metrics]
    files = [
        {
            "file": name,
            "delay_ms": scores.delay.ms,
            "delay_by": scores.delay.by,
            "gain_db": scores.gain_db,
            "scores": scores.values(),
            "reasons": scores.reasons(),
        }
        for name, scores in rows
    ]
    return {"panel": panel.name, "against": panel.against, "metrics": metrics, "files": files}
