"""Voice activity read from stored rows: who is right, in which way the others err, what the pauses are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from imlab.audio.voice import truth
from imlab.audio.voice.activity import PER_SECOND
from imlab.errors import InvalidRun
from imlab.lab.plots.curves import Panel, Point, curves
from imlab.lab.plots.figure import Plot, imprint
from imlab.lab.record.reading import Run, trusted
from imlab.lab.statistics.intervals import Interval, mean_interval, median_interval
from imlab.studies.voice_activity.contenders import CONTENDERS, QUIET, TRUTH
from imlab.studies.voice_activity.savings import CUT

ALWAYS = "always"
CODERS = ("Opus DTX", "AMR DTX")
DRAWN = ("energy", "WebRTC 0", "WebRTC 3", "Silero", *CODERS)  # modes 1 and 2 lie between 0 and 3
USUAL = "Pink()"  # the noise that tables and sentences speak of: a room, a street
PLACES = {"White()": "white noise", USUAL: "pink noise", "Babble(people=6)": "a crowd of six"}
LOUD = 10  # dB: a café, where sentences ask again
AXIS = "speech over noise, dB (to the right it is quieter)"
PERCENT = 100.0


def heard(rows: pd.DataFrame) -> pd.DataFrame:
    """What was measured: each detector on each note in each noise; InvalidRun when there is nothing."""
    sound = trusted(rows)
    notes = sound[sound["missing"].isna()] if "missing" in sound else sound
    if notes.empty:
        raise InvalidRun("no note can be counted: every trial failed or was rejected")
    return notes


def missing(rows: pd.DataFrame) -> dict[str, str]:
    """Who could not be asked, and why."""
    lacking = rows[rows["missing"].notna()] if "missing" in rows else rows.iloc[:0]
    return dict(zip(lacking["detector"], lacking["missing"], strict=True)) if len(lacking) else {}


def case(notes: pd.DataFrame, detector: str, level: int, noise: str = USUAL) -> pd.DataFrame:
    """The notes of one detector at one level of one noise; in a quiet room one noise stands for all."""
    there = notes[(notes["detector"] == detector) & (notes["snr_db"] == level)]
    return there if level == QUIET else there[there["noise"] == noise]


def mean(notes: pd.DataFrame, value: str, scale: float = 1.0) -> Interval:
    """The mean over notes, each a block of its own."""
    return mean_interval((notes.groupby("block")[value].mean() * scale).to_numpy())


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per detector and level, in pink noise: accuracy, both errors, onsets, savings, cost."""
    notes = heard(rows)
    lines = [_line(notes, name, level) for level in levels(notes) for name in _present(notes, (*CONTENDERS, TRUTH))]
    return pd.DataFrame(lines)


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The rules of the truth; what the notes are like; who was asked, or why not; accuracy in every noise."""
    rows = run.rows()
    notes = heard(rows)
    return {
        "rules": _rules(),
        "notes": _notes(notes),
        "detectors": _detectors(notes, missing(rows)),
        "noises": pd.DataFrame(_in_noises(notes)),
    }


def levels(notes: pd.DataFrame) -> list[int]:
    """From the quiet room to the loudest."""
    return sorted(notes["snr_db"].astype(int).unique().tolist(), reverse=True)


def figures(run: Run) -> dict[str, Plot]:
    """Accuracy in three noises, the kinds of error, the savings."""
    notes, stamp = heard(run.rows()), imprint(run)
    return {
        "accuracy": curves(
            [_panel(notes, "accuracy", f"right in {said}, %", noise) for noise, said in PLACES.items()],
            title="Who knows where somebody speaks",
            subtitle=_subtitle(notes, "share of 10 ms steps"),
            axis=AXIS,
            imprint=stamp,
        ),
        "errors": curves(
            [
                _panel(notes, "missed", "speech missed, %"),
                _panel(notes, "false_alarm", "pauses taken for speech, %"),
                _panel(notes, "onset_lost_ms", "lost of each beginning, ms", scale=1.0),
            ],
            title="How they err in pink noise",
            subtitle=_subtitle(notes, "before any hangover of ours"),
            axis=AXIS,
            imprint=stamp,
        ),
        "savings": curves(
            [
                _panel(notes, "bytes_saved", "bytes saved, %", more=[TRUTH]),
                _panel(notes, "time_saved", "listening time saved, %", more=[TRUTH]),
                _panel(notes, "speech_cut", "speech lost, %"),
            ],
            title="What the pauses are worth, in pink noise",
            subtitle=_subtitle(notes, "coders leave packets out, the others cut"),
            axis=AXIS,
            imprint=stamp,
        ),
    }


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    notes = heard(run.rows())
    best = max(_present(notes, DRAWN), key=lambda name: mean(case(notes, name, LOUD), "accuracy").estimate)
    by = next(name for name in ("Silero", "WebRTC 3", "energy") if name in set(notes["detector"]))
    return (
        f"In pink noise at {LOUD} dB {best} is right on {_percent(notes, best, LOUD, 'accuracy')} of the 10 ms steps; "
        f"cutting by {by} saves {_percent(notes, by, QUIET)} of the bytes and "
        f"{_percent(notes, by, QUIET, 'time_saved')} of the listening time in a quiet room, "
        f"{_percent(notes, by, LOUD)} of the bytes at {LOUD} dB{_coders(notes, by)}."
    )


def _coders(notes: pd.DataFrame, by: str) -> str:
    """What the coders save by themselves, and how much more cutting saves, note by note."""
    told = [f"; {name} saves {_percent(notes, name, QUIET)} and {_percent(notes, name, LOUD)}"
            for name in _present(notes, CODERS)]  # fmt: skip
    if CODERS[0] in _present(notes, CODERS):
        told.append(f"; cutting saves {more(notes, by, CODERS[0], QUIET).text()} points more than {CODERS[0]} in quiet")
    return "".join(told)


def more(notes: pd.DataFrame, one: str, other: str, level: int, value: str = "bytes_saved") -> Interval:
    """How much more of a share one has than the other, in points of a hundred, note by note."""
    each = [case(notes, name, level).set_index("block")[value] for name in (one, other)]
    return mean_interval(((each[0] - each[1]) * PERCENT).to_numpy())


def _percent(notes: pd.DataFrame, name: str, level: int, value: str = "bytes_saved") -> str:
    found = mean(case(notes, name, level), value, PERCENT)
    return found.text(unit="%") if found.estimate else "nothing"


def _present(notes: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Those of these detectors that were asked."""
    asked = set(notes["detector"])
    return [name for name in names if name in asked]


def _panel(
    notes: pd.DataFrame, value: str, quantity: str, noise: str = USUAL, scale: float = PERCENT, more: Sequence[str] = ()
) -> Panel:
    """One quantity of every detector over the levels; over accuracy a dotted line where everything is called speech."""
    drawn = {
        name: [Point(at, mean(case(notes, name, at, noise), value, scale)) for at in levels(notes)]
        for name in _present(notes, (*DRAWN, *more))
    }
    speech = (1 - notes["pauses"].mean()) * PERCENT
    return Panel(quantity, drawn, {"everything is called speech": speech} if value == "accuracy" else {})


def _subtitle(notes: pd.DataFrame, what: str) -> str:
    count, share = notes["block"].nunique(), notes["pauses"].mean() * PERCENT
    return f"mean over {count} notes with {share:.0f} % of pauses, 95 % interval; {what}"


def _line(notes: pd.DataFrame, name: str, level: int) -> dict[str, object]:
    """A detector at a level."""
    there = case(notes, name, level)
    told = {
        "right, %": mean(there, "accuracy", PERCENT).text(),
        "missed, %": _mean(there, "missed"),
        "false alarms, %": _mean(there, "false_alarm"),
        "onset lost, ms": _mean(there, "onset_lost_ms", 1.0),
        "bytes saved, %": mean(there, "bytes_saved", PERCENT).text(),
        "time saved, %": _mean(there, "time_saved"),
        "speech lost, %": _mean(there, "speech_cut"),
    }
    return {"snr_db": level, "detector": name} | told | {"x real time": _speed(there)}


def _mean(there: pd.DataFrame, value: str, scale: float = PERCENT) -> str:
    return f"{mean(there, value, scale).estimate:.1f}"


def _speed(there: pd.DataFrame) -> str:
    """Seconds of sound per second of CPU, to two digits: the median over notes."""
    cost = there.groupby("block")["cpu_ms_per_s"].median().dropna()
    if cost.empty or cost.median() <= 0:
        return ""
    return f"{float(f'{1000 / median_interval(cost.to_numpy()).estimate:.2g}'):,.0f}"


def _rules() -> pd.DataFrame:
    """By what is decided what speech is, which recordings may say so, and what cutting keeps."""
    told = {
        "a step is speech within so much of its recording's loud steps": f"{truth.WITHIN:g} dB",
        "a shorter pause inside speech counts as speech": f"{truth.SHORTEST_PAUSE / PER_SECOND:g} s",
        "a shorter sound counts as a click": f"{truth.SHORTEST_SOUND / PER_SECOND:g} s",
        "a recording is used whose floor lies so far under its loud steps": f"{truth.CLEAN:g} dB",
        "a step is in doubt that changes sides when the line moves by": f"{truth.DOUBT:g} dB",
        "a recording is used with no more steps in doubt than": f"{truth.MOST_DOUBT * PERCENT:g} %",
        "cutting keeps, ahead of each stretch of speech": f"{CUT.before_s:g} s",
        "cutting keeps, behind it": f"{CUT.after_s:g} s",
    }
    return pd.DataFrame(list(told.items()), columns=["rule", "value"])


def _detectors(notes: pd.DataFrame, lacking: Mapping[str, str]) -> pd.DataFrame:
    """Everybody, with their settings, asked or not."""
    asked = dict.fromkeys(_present(notes, tuple(CONTENDERS)), "yes")
    asked |= {name: f"no: {reason}" for name, reason in lacking.items()}
    settings = {name: repr(detector) for name, detector in CONTENDERS.items()}
    who = [{"detector": name, "settings": settings.get(name, ""), "asked": said} for name, said in asked.items()]
    return pd.DataFrame(who)


def _in_noises(notes: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {"noise": said if level != QUIET else "a quiet room", "snr_db": level}
        | {name: f"{mean(case(notes, name, level, noise), 'accuracy', PERCENT).estimate:.1f}" for name in names}
        for names in [_present(notes, tuple(CONTENDERS))]
        for noise, said in PLACES.items()
        for level in levels(notes)
        if level != QUIET or noise == USUAL
    ]


def _notes(notes: pd.DataFrame) -> pd.DataFrame:
    """What was listened to."""
    each = notes.groupby("block")[["note_s", "pauses", "doubt"]].first()
    return pd.DataFrame(
        {
            "notes": [len(each)],
            "length, s (mean)": [f"{each['note_s'].mean():.1f}"],
            "pauses, % (mean)": [f"{each['pauses'].mean() * PERCENT:.1f}"],
            "steps in doubt, % (mean)": [f"{each['doubt'].mean() * PERCENT:.1f}"],
            "steps in doubt, % (worst note)": [f"{each['doubt'].max() * PERCENT:.1f}"],
        }
    )
