"""Bits and quality read from stored rows: the small table, the figures, the sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.plots.bars import stage_bars
from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.figure import Imprint, Plot, imprint
from imlab.lab.record.reading import Run
from imlab.lab.statistics.intervals import Interval
from imlab.studies.bitrate.clips import GAIN, ORIGINAL, TELEPHONE, USUAL, Clips, knee, said
from imlab.studies.bitrate.settings import ANCHOR
from imlab.studies.bitrate.tables import shipped
from imlab.studies.bitrate.tables import tables as tables

GOOD = 4.0  # of ViSQOL's scale: what a note should reach; decided before the run
RIVALS = ("AMR-NB", "AMR-WB", "LC3", "MP3", "AAC-LC", "Codec2")
ALONE = {"G711(law='a', frame_ms=20)": "G.711", "G722(frame_ms=20)": "G.722"}  # one bitrate: no curve
QUALITY = {"visqol": "ViSQOL (1 to 5)", "pesq": "PESQ (1 to 4.6)"}


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """What each codec needs to be good: its setting of fewest bits that reaches ViSQOL 4.0, or its best."""
    clips = Clips.of(rows)
    best = [_cheapest_good(group) for _, group in clips.settings.groupby("curve", sort=False)]
    return pd.DataFrame([_line(clips, label) for label in best]).sort_values("kbit/s").reset_index(drop=True)


def _cheapest_good(group: pd.DataFrame) -> str:
    good = group[group["visqol"] >= GOOD]
    return str(good["kbps"].idxmin() if len(good) else group["visqol"].idxmax())


def _line(clips: Clips, label: str) -> dict[str, object]:
    good = clips.at(label, "visqol") >= GOOD
    return {
        "codec": clips.settings["curve"][label],
        "setting": clips.title(label),
        "kbit/s": round(clips.at(label, "kbps"), 1),
        "ViSQOL": said(clips.mean("visqol", label)),
        "PESQ": said(clips.mean("pesq", label)),
        f"reaches {GOOD:g}": "yes" if good else "no",
        "file, % over payload": round(100 * clips.at(label, "container_bytes") / clips.at(label, "payload_bytes"), 1),
        "encodes, x real time": round(1 / clips.at(label, "encode_cpu")),
        "decodes, x real time": round(1 / clips.at(label, "decode_cpu")),
        "delay + frame, ms": f"{clips.at(label, 'delay_ms'):g} + {clips.at(label, 'waiting_ms'):g}",
        "clips": clips.rows.loc[clips.rows["codec"] == label, "clip"].nunique(),
    }


def figures(run: Run) -> dict[str, Plot]:
    """Bits and quality on both scales, with what apps ship; then bytes, CPU and complexity."""
    rows, stamp = run.rows(), imprint(run)
    wide, narrow = Clips.of(rows), Clips.of(rows, "narrow")
    drawn = {
        "rate_quality": _rate_quality(
            wide, ("Opus", *RIVALS), "Bits and quality, against the 16 kHz original", "wide", stamp, _alone(wide)
        ),
        "shipped": _shipped(wide, stamp),
        "rate_quality_narrow": _rate_quality(
            narrow,
            ("Opus at 8 kHz", "AMR-NB", "Codec2"),
            "Bits and quality, against the 8 kHz original",
            "narrow",
            stamp,
            _alone(narrow),
        ),
        "cost": _cost(wide, stamp),
        "bytes": _bytes(wide, stamp),
        "complexity": _complexity(wide, stamp),
    }
    return {name: plot for name, plot in drawn.items() if plot}


def _rate_quality(
    clips: Clips, names: tuple[str, ...], title: str, band: str, stamp: Imprint, marks: Mapping[str, str] | None = None
) -> Plot | None:
    """Quality over measured bits: a panel for each metric that answered."""
    drawn = [_panel(clips, names, column, quantity, marks or {}) for column, quantity in QUALITY.items()]
    sheets = [panel for panel in drawn if panel.curves]
    subtitle = f"{band} band; mean and 95 % interval over {clips.rows['clip'].nunique()} clips; dotted: anchors"
    return curves(sheets, title, "payload, kbit/s", subtitle, imprint=stamp) if sheets else None


def _alone(clips: Clips) -> dict[str, str]:
    return {name: label for label, name in ALONE.items() if label in clips.settings.index}


def _panel(clips: Clips, names: tuple[str, ...], column: str, quantity: str, marks: Mapping[str, str]) -> Panel:
    shown = {name: _points(clips, name, column) for name in names}
    levels = {
        _anchor(str(label)): level.estimate
        for label in clips.curve(ANCHOR).index
        if (level := clips.mean(column, str(label)))
    }
    stars = {name: point for name, label in marks.items() if (point := _point(clips, label, column))}
    return Panel(quantity, {name: points for name, points in shown.items() if points}, levels, stars)


def _points(clips: Clips, name: str, column: str) -> list[Point]:
    """A curve; of Opus only one frame length and complexity, or it would be no curve."""
    settings = clips.curve(name, **USUAL) if name == "Opus" else clips.curve(name)
    return [point for label in settings.index if (point := _point(clips, str(label), column))]


def _point(clips: Clips, label: str, column: str) -> Point | None:
    quality, bits = clips.mean(column, label), clips.mean("kbps", label)
    return Point(bits.estimate, quality) if quality and bits else None


def _anchor(label: str) -> str:
    """An anchor as a reader calls it."""
    return {ORIGINAL: "original", TELEPHONE: "8 kHz PCM"}.get(label, label)


def _shipped(clips: Clips, stamp: Imprint) -> Plot | None:
    """What messengers ship, on the curves of the codecs they ship: numbered by rising bits, with the key below."""
    there = shipped(clips)
    key = "; ".join(f"{number} {', '.join(names)}" for number, names in enumerate(there.values(), 1))
    marks = {str(number): label for number, label in enumerate(there, 1)}
    keyed = replace(stamp, caption=f"{key}\n{stamp.caption}")
    return (
        _rate_quality(clips, ("Opus", "MP3", "AAC-LC"), "What messengers ship", "wide", keyed, marks) if there else None
    )


def _cost(clips: Clips, stamp: Imprint) -> Plot:
    """CPU of both directions, of each codec's setting in the small table."""
    return stage_bars(
        {
            clips.title(label): {"encode": clips.at(label, "encode_cpu"), "decode": clips.at(label, "decode_cpu")}
            for label in _in_the_table(clips, "encode_cpu")
        },
        "What coding costs",
        f"one thread; each codec at its fewest bits that reach ViSQOL {GOOD:g}, or at its best",
        axis="CPU time for a second of sound",
        imprint=stamp,
    )


def _bytes(clips: Clips, stamp: Imprint) -> Plot:
    """Where the bytes of a second are: in packets, and in the usual file around them."""
    seconds = clips.rows.groupby("codec")["clip_s"].mean().to_dict()
    parts = {"packets": "payload_bytes", "file around them": "container_bytes"}
    return stage_bars(
        {
            clips.title(label): {part: clips.at(label, column) / seconds[label] for part, column in parts.items()}
            for label in _in_the_table(clips, "payload_bytes")
        },
        "What a file weighs",
        f"clips of {clips.rows['clip_s'].mean():.1f} s on average; settings as for the cost",
        unit="B",
        scale=1.0,
        axis="bytes for a second of sound",
        imprint=stamp,
    )


def _in_the_table(clips: Clips, column: str) -> list[str]:
    """The settings of the small table without the anchors, by a rising column."""
    groups = clips.settings.groupby("curve", sort=False)
    return sorted(
        (_cheapest_good(group) for name, group in groups if name != ANCHOR), key=lambda label: clips.at(label, column)
    )


def _complexity(clips: Clips, stamp: Imprint) -> Plot | None:
    """What complexity buys at three bitrates."""
    shown = {f"{rate // 1000} kbit/s": _by_cpu(clips, rate) for rate in (12_000, 16_000, 24_000)}
    known = {name: points for name, points in shown.items() if len(points) > 1}
    if not known:
        return None
    subtitle = "Opus, 20 ms; each point a complexity, up to 10 at the right; 95 % intervals over clips"
    panel = Panel(QUALITY["visqol"], known)
    return curves([panel], "What complexity buys", "encoder's CPU, ms for a second of sound", subtitle, False, stamp)


def _by_cpu(clips: Clips, bitrate: int) -> list[Point]:
    found = clips.curve("Opus", bitrate=bitrate, frame_ms=20.0)
    return [
        Point(1000 * clips.at(label, "encode_cpu"), quality)
        for label in found.index
        if (quality := clips.mean("visqol", label))
    ]


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    clips = Clips.of(run.rows())
    settings = clips.curve("Opus", **USUAL)
    if settings.empty:
        raise InvalidRun("no clip went through Opus")
    bend = knee(clips, [str(label) for label in settings.index])
    best = _cheapest_good(settings)
    first = (
        f"Opus at {clips.at(best, 'kbps'):.3g} kbit/s scores {said(clips.mean('visqol', best))} of ViSQOL's 5 "
        f"(the original itself: {said(_original(clips))})"
    )
    second = f"from {bend.text(unit='kbit/s')} on, doubling the bits buys less than {GAIN:g}" if bend else ""
    return "; ".join(part for part in (first, second, _against_amr(clips)) if part) + "."


def _original(clips: Clips) -> Interval | None:
    return clips.mean(
        "visqol", next(str(label) for label in clips.curve(ANCHOR).index if _anchor(str(label)) == "original")
    )


def _against_amr(clips: Clips) -> str:
    ours, theirs = clips.find("Opus", 12_000, **USUAL), clips.find("AMR-NB", 12_200)
    lead = clips.gain("visqol", ours, theirs) if ours and theirs else None
    return f"at 12 kbit/s it leads AMR-NB at 12.2 by {lead.text()}" if lead else ""
