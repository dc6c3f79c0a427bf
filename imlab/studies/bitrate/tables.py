"""Bits and quality, read further: every setting, those that nobody should use, the knobs, the speakers, the claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from imlab.audio.quality.bd_rate import Point, bd_rate, front
from imlab.client.presets import PRESETS
from imlab.errors import InvalidRun
from imlab.lab.record.reading import Run, trusted
from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.intervals import SEED, Interval
from imlab.studies.bitrate.clips import FEWEST, ORIGINAL, TELEPHONE, USUAL, Clips, said
from imlab.studies.bitrate.settings import ANCHOR

RIVALS = ("AMR-WB", "LC3", "MP3", "AAC-LC")
NOISE = 1.03  # CPU within 3 % is the same CPU
RESAMPLES = 500
METRICS = ("visqol", "pesq", "stoi", "estoi", "si_sdr", "lsd")


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Name -> table; an empty one says that this run cannot tell."""
    rows = run.rows()
    wide, narrow = Clips.of(rows), Clips.of(rows, "narrow")
    return {
        "all": pd.concat([every(wide), every(narrow)], ignore_index=True),
        "shipped": pd.DataFrame(as_shipped(wide)),
        "dominated": dominated(wide),
        "delta_rate": delta_rate(wide),
        "knobs": pd.DataFrame(knobs(wide)),
        "speakers": speakers(wide),
        "claims": pd.DataFrame(claims(wide, narrow)),
        "lacking": lacking(rows),
    }


def every(clips: Clips) -> pd.DataFrame:
    """All settings of a panel, in means over clips."""
    shown = clips.settings
    share = {name: 100 * shown[name] / shown["payload_bytes"] for name in ("framing_bytes", "container_bytes")}
    told = {
        "panel": str(clips.rows["panel"].iloc[0]),
        "codec": shown["curve"],
        "setting": shown.index,
        "kbit/s": shown["kbps"].round(2),
        "message, % over payload": share["framing_bytes"].round(1),
        "file, % over payload": share["container_bytes"].round(1),
        "encode, CPU ms/s": (1000 * shown["encode_cpu"]).round(3),
        "decode, CPU ms/s": (1000 * shown["decode_cpu"]).round(3),
        "delay, ms": shown["delay_ms"],
        "frame, ms": shown["waiting_ms"],
        "lag seen, ms": shown["lag_ms"].round(2),
    }
    told |= {name: shown[name].round(3) for name in METRICS if name in shown}
    return pd.DataFrame(told).reset_index(drop=True)


def shipped(clips: Clips) -> dict[str, list[str]]:
    """The settings that apps ship, by rising bits, each with the presets that have it."""
    found: dict[str, list[str]] = {}
    for preset in PRESETS:
        found.setdefault(repr(preset.codec), []).append(preset.name)
    here = [label for label in found if label in clips.settings.index]
    return {label: found[label] for label in sorted(here, key=lambda label: clips.at(label, "kbps"))}


def as_shipped(clips: Clips) -> Iterator[dict[str, object]]:
    """What apps ship, by the numbers of the figure."""
    for number, (label, names) in enumerate(shipped(clips).items(), 1):
        yield {
            "number": number,
            "presets": ", ".join(names),
            "setting": clips.title(label),
            "kbit/s": round(clips.at(label, "kbps"), 1),
            "ViSQOL": said(clips.mean("visqol", label)),
            "PESQ": said(clips.mean("pesq", label)),
            "encodes, x real time": round(1 / clips.at(label, "encode_cpu")),
        }


def dominated(clips: Clips) -> pd.DataFrame:
    """Settings that another one beats in quality, clip by clip, with no more bytes in the file and no more CPU."""
    found = [line for label in clips.settings.index if (line := _beaten(clips, str(label)))]
    return pd.DataFrame(found)


def _beaten(clips: Clips, label: str) -> dict[str, object] | None:
    """By the best of those which are no dearer; None where there is none, or where the interval holds zero."""
    settings = clips.settings[clips.settings["curve"] != ANCHOR]
    if label not in settings.index:
        return None
    bytes_, one = settings["payload_bytes"] + settings["container_bytes"], settings.loc[label]
    no_dearer = (bytes_ <= bytes_[label]) & (settings["encode_cpu"] <= NOISE * one["encode_cpu"])
    rivals = settings[no_dearer & (settings.index != label)]
    if rivals.empty or rivals["visqol"].max() <= one["visqol"]:
        return None
    best = str(rivals["visqol"].idxmax())
    gain = clips.gain("visqol", best, label)
    if gain is None or not gain.given or gain.low <= 0:
        return None
    return {
        "setting": clips.title(label),
        "is beaten by": clips.title(best),
        "ViSQOL more": gain.text(),
        "bytes": f"{100 * (bytes_[best] / bytes_[label] - 1):+.0f} %",
        "encoder's CPU": f"{100 * (clips.at(best, 'encode_cpu') / one['encode_cpu'] - 1):+.0f} %",
    }


def delta_rate(clips: Clips) -> pd.DataFrame:
    """How many more bits each rival needs than Opus for the same quality, where their curves overlap."""
    ours = clips.curve("Opus", **USUAL).index
    lines = [_delta(clips, ours, name) for name in RIVALS if len(clips.curve(name))]
    return pd.DataFrame(lines)


def _delta(clips: Clips, ours: pd.Index, name: str) -> dict[str, object]:
    theirs = clips.curve(name).index
    both = [*ours, *theirs]
    quality, bits = clips.values("visqol")[both].dropna(), clips.values("kbps")[both].loc[lambda t: t.index]
    bits = bits.loc[quality.index]
    try:
        whole = bd_rate(_line(bits, quality, ours), _line(bits, quality, theirs))
    except InvalidRun as error:
        return {"codec": name, "more bits than Opus": f"not comparable: {error}", "compared from": "", "to": ""}
    interval = _resampled(bits, quality, ours, theirs, whole.percent)
    return {
        "codec": name,
        "more bits than Opus": interval.text(unit="%"),
        "compared from": f"{whole.low:.2f}",
        "to": f"{whole.high:.2f} ViSQOL, {whole.share:.0%} of what either reaches",
    }


def _resampled(bits: pd.DataFrame, quality: pd.DataFrame, ours: pd.Index, theirs: pd.Index, whole: float) -> Interval:
    """The percentile bootstrap over clips; a resample whose curves do not overlap is left out."""
    n = len(quality)
    if n < FEWEST:
        return Interval(whole, float("nan"), float("nan"), n, f"n={n} clips: no interval")
    draw, seen = np.random.default_rng(SEED), []
    for _ in range(RESAMPLES):
        picks = draw.integers(0, n, n)
        try:
            seen.append(
                bd_rate(*(_line(bits.iloc[picks], quality.iloc[picks], side) for side in (ours, theirs))).percent
            )
        except InvalidRun:
            continue
    low, high = np.quantile(seen, [0.025, 0.975])
    return Interval(whole, float(low), float(high), n, f"percentile bootstrap, {len(seen)}")


def _line(bits: pd.DataFrame, quality: pd.DataFrame, labels: pd.Index) -> tuple[Point, ...]:
    """A curve of means, without the points that cost more and bring less."""
    means = zip(bits[labels].mean(), quality[labels].mean(), strict=True)
    return front(Point(float(rate), float(score)) for rate, score in means)


def knobs(clips: Clips) -> Iterator[dict[str, object]]:
    """What frame and complexity change, all else equal: quality by difference, cost by ratio, clip by clip."""
    for bitrate in (8_000, 12_000, 16_000, 24_000, 32_000):
        usual = clips.find("Opus", bitrate, **USUAL)
        for knob, value in (
            ("complexity", 0.0),
            ("complexity", 3.0),
            ("complexity", 5.0),
            ("frame_ms", 40.0),
            ("frame_ms", 60.0),
        ):
            other = clips.find("Opus", bitrate, **(USUAL | {knob: value}))
            if usual and other:
                yield _knob(clips, f"{knob} {USUAL[knob]:g} to {value:g}, {bitrate // 1000} kbit/s", usual, other)


def _knob(clips: Clips, what: str, usual: str, other: str) -> dict[str, object]:
    told: dict[str, object] = {"change": what}
    for name, column in (("ViSQOL", "visqol"), ("PESQ", "pesq")):
        gain = clips.gain(column, other, usual)
        told[name] = gain.text() if gain else "not scored"
    for name, column in (
        ("encoder's CPU", "encode_cpu"),
        ("decoder's CPU", "decode_cpu"),
        ("payload", "payload_bytes"),
    ):
        told[name] = _ratio(clips, column, usual, other)
    return told


def _ratio(clips: Clips, column: str, old: str, new: str) -> str:
    """A relative change of something that costs, with its interval."""
    both = clips.values(column)[[old, new]].dropna()
    change = paired(both[old], both[new]).change
    low, high = (f"{100 * end:+.1f}" for end in (change.low, change.high))
    return f"{100 * change.estimate:+.1f} %" + (f" [{low}, {high}]" if len(both) >= FEWEST and change.given else "")


def speakers(clips: Clips) -> pd.DataFrame:
    """Whether it is the same for all: Opus by sex and language of the speaker."""
    labels = [label for rate in (8_000, 12_000, 16_000, 24_000) if (label := clips.find("Opus", rate, **USUAL))]
    lines = []
    for column in ("sex", "lang"):
        for value, group in clips.rows.groupby(clips.rows[column].astype(str).str.rstrip("?")):
            some = Clips(group)
            scores = {f"ViSQOL, {_kilo(clips, label)} kbit/s": said(some.mean("visqol", label)) for label in labels}
            lines.append({"speakers": f"{column} {value}", "clips": group["clip"].nunique(), **scores})
    return pd.DataFrame(lines)


def _kilo(clips: Clips, label: str) -> str:
    return f"{clips.at(label, 'bitrate') / 1000:g}"


def claims(wide: Clips, narrow: Clips) -> Iterator[dict[str, object]]:
    """The material for verdicts on the published claims C7, C10 and C11: numbers, and no verdict."""
    usual = wide.find("Opus", 12_000, **USUAL)
    light = wide.find("Opus", 12_000, **(USUAL | {"complexity": 3.0}))
    pairs = (
        ("C7", "Opus 12 against AMR-NB 12.2, wide panel", wide, usual, wide.find("AMR-NB", 12_200)),
        ("C7", "Opus 12 against all that 8 kHz can carry, wide panel", wide, usual, TELEPHONE),
        ("C7", "Opus 12 at 8 kHz against AMR-NB 12.2, narrow panel", narrow, narrow.find("Opus at 8 kHz", 12_000),
         narrow.find("AMR-NB", 12_200)),
        ("C7", "Opus 12 against AMR-WB 12.65, wide panel", wide, usual, wide.find("AMR-WB", 12_650)),
        ("C11", "complexity 3 against 10, 12 kbit/s", wide, light, usual),
        ("C11", "12 kbit/s against 24", wide, usual, wide.find("Opus", 24_000, **USUAL)),
    )  # fmt: skip
    for claim, what, clips, new, old in pairs:
        gain = clips.gain("visqol", new, old) if new and old else None
        if gain:
            yield {"claim": claim, "what": what, "value": gain.text(unit="ViSQOL"), "clips": gain.n}
    if usual:
        bits = wide.gain("kbps", usual, ORIGINAL)
        yield {
            "claim": "C7",
            "what": "bits of Opus 12 less those of PCM at 16 kHz",
            "value": said(bits),
            "clips": bits.n if bits else 0,
        }
    rate = wide.mean("kbps", ORIGINAL)
    if rate:
        yield {
            "claim": "C10",
            "what": "PCM, 16 kHz, 16 bit, mono, kbit/s as measured",
            "value": rate.text(digits=4),
            "clips": rate.n,
        }


def lacking(rows: pd.DataFrame) -> pd.DataFrame:
    """Codecs that were not there, and metrics that did not answer, by name and reason."""
    sound = trusted(rows)
    lines: list[Mapping[str, object]] = []
    for column in ("lacks", "silent"):
        if column in sound:
            told = sound[sound[column].notna()]
            for (curve, why), some in told.groupby(["curve", column], sort=False):
                lines.append({"codec": curve, "why": why, "clips": some["clip"].nunique()})
    return pd.DataFrame(lines, columns=["codec", "why", "clips"])
