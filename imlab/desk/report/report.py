"""The report: one page with every answer, how it was measured, on what, and what was rejected.

A pure function of the stored rows: nothing in it comes from the clock or from the machine that writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imlab.desk.measuring.account import rejected
from imlab.desk.measuring.answer import Answer
from imlab.desk.measuring.budget import told
from imlab.desk.measuring.places import Places
from imlab.desk.measuring.study import Study
from imlab.desk.measuring.verdicts import Line, ledger, summary
from imlab.desk.report import page
from imlab.desk.report.words import count
from imlab.lab.record.manifest import Manifest
from imlab.lab.record.reading import Run
from imlab.lab.running.folder import write_whole

TITLE = "Voice messages, measured"
OLDER = "The study has changed since these rows were stored: its plan today is another one."


@dataclass(frozen=True, slots=True)
class Entry:
    """A study in the report. ``answer`` is None where no run is stored; ``note`` says why it was not measured now;
    ``failed`` that it should have been.
    """

    study: Study
    answer: Answer | None
    note: str = ""
    failed: bool = False


def write(places: Places, entries: Sequence[Entry], pages: Mapping[str, str]) -> Path:
    """The report, and the pages (name -> HTML) of the notebooks just executed; earlier pages stay where they are."""
    letters = places.report / "notebooks"
    letters.mkdir(parents=True, exist_ok=True)
    for name, letter in pages.items():
        write_whole(letters / f"{name}.html", letter.encode())
    sources = {path.stem for path in places.notebooks.glob("*.ipynb")}
    for gone in {path.stem for path in letters.glob("*.html")} - sources:
        (letters / f"{gone}.html").unlink()
    lines = ledger(places, [entry.answer for entry in entries if entry.answer])
    told = html(entries, sorted(path.stem for path in letters.glob("*")), lines)
    write_whole(places.report / "index.html", told.encode())
    return places.report / "index.html"


def html(entries: Sequence[Entry], letters: Sequence[str], lines: Sequence[Line]) -> str:
    """The page; ``letters`` are the names of the notebooks that lie beside it, ``lines`` the ledger of claims."""
    return page.fill(
        "report.html",
        title=TITLE,
        lead=_lead(entries),
        notebooks=[(name.replace("_", " "), f"notebooks/{name}.html") for name in letters],
        claims=[_claimed(line) for line in lines],
        counted=summary(lines),
        parts=[_part(number, entry, letters) for number, entry in enumerate(entries, 1)],
        machines=list(_machines([entry.answer.run for entry in entries if entry.answer])),
    )


def _lead(entries: Sequence[Entry]) -> str:
    """How many answers there are, and from where."""
    sound = [entry.answer.run for entry in entries if entry.answer and not entry.answer.run.manifest.watermark]
    away = sum(run.reference for run in sound)
    numbers = {
        "measured on this machine": len(sound) - away,
        "measured on the reference machine": away,
        "without an answer": len(entries) - len(sound),
    }
    told = ", ".join(f"{number} {what}" for what, number in numbers.items() if number)
    return f"{count(len(entries), 'question')}: {told}."


def _claimed(line: Line) -> dict[str, str]:
    """A published claim as the template shows it."""
    judged = line.judged
    return {
        "id": line.claim.id,
        "statement": line.claim.statement,
        "doubt": line.claim.doubt,
        "verdict": judged.verdict,
        "why": line.why,
        "study": judged.endpoint.study or "no study yet",
    }


def _part(number: int, entry: Entry, letters: Sequence[str]) -> dict[str, Any]:
    """All that the template shows of one study."""
    name, answer = entry.study.name, entry.answer
    letter = name.removeprefix("q")
    notes = [entry.note] if entry.note else []
    part = {
        "number": number,
        "name": name,
        "letter": f"notebooks/{letter}.html" if letter in letters else "",
        "question": " ".join(entry.study.experiment.question.split()),
        "expectation": entry.study.experiment.expectation,
        "notes": notes,
    }
    return part | (_silence() if answer is None else _speech(answer, notes))


def _silence() -> dict[str, Any]:
    """A study that was never run."""
    return {
        "conclusion": "Not measured yet.", "where": "no run is stored", "watermark": "", "away": True, "standing": [],
        "table": Markup(""), "figures": [], "design": [], "rejected": [],
    }  # fmt: skip


def _speech(answer: Answer, notes: list[str]) -> dict[str, Any]:
    """A study with a run: the words of the run's own manifest come before the study's of today."""
    run = answer.run.manifest
    return {
        "question": " ".join(run.question.split()),
        "expectation": run.expectation,
        "notes": notes + ([OLDER] if answer.older else []),
        "conclusion": answer.conclusion,
        "where": answer.run.label.split(",")[0],
        "watermark": run.watermark,
        "away": answer.run.reference,
        "standing": _standing(answer.run),
        "table": Markup("") if answer.table.empty else page.table(answer.table),
        "figures": [
            {"name": name, "image": page.image(plot.svg(), plot.alt), "title": plot.title, "alt": plot.alt}
            for name, plot in answer.figures.items()
        ],
        "design": list(_design(answer)),
        "rejected": list(rejected(answer)),
    }


def _standing(run: Run) -> list[str]:
    """Which run, and how much of it counts."""
    manifest = run.manifest
    return [
        f"{manifest.started[:10]}, {manifest.scale}, run {run.path.name}",
        f"{manifest.kept} of {count(manifest.blocks, 'block')} kept, {len(manifest.rejected)} rejected",
    ]


def _design(answer: Answer) -> Iterator[tuple[str, str]]:
    """The design and the cost of a run, a line each."""
    run = answer.run.manifest
    for factor, levels in run.factors.items():
        yield f"factor: {factor}", " | ".join(levels)
    trials = sum(run.outcomes.values())
    yield "size", f"{count(run.blocks, 'block')} of {count(trials // run.blocks, 'cell')}, {count(trials, 'trial')}"
    yield "rows counted", f"{len(answer.rows):,} of {len(answer.run.rows()):,} stored"
    yield "ends of trials", ", ".join(f"{number} {outcome}" for outcome, number in run.outcomes.items())
    yield "scale", run.scale
    yield "plan", f"sha256 {run.hash[:16]}, seed {run.seed}"
    yield "warm-up", f"{run.warm_up_s:g} s at the head of each trial, stored and not counted"
    yield "does not matter below", f"{run.margin * 100:g} %"
    yield "a block is rejected above", ", ".join(_limits(run))
    yield "cores", _cores(run)
    yield "versions", ", ".join(f"{name} {text}" for name, text in sorted(run.versions.items()))
    yield "began", run.started[:16].replace("T", " ") + " UTC"
    yield "took", f"{told(run.seconds)}, predicted {told(run.predicted_s)}; a trial is ended after {run.limit_s:g} s"
    yield "run", answer.run.path.name
    yield "machine", run.fingerprint


def _limits(run: Manifest) -> Iterator[str]:
    """The gates in words; a share of 1 rejects nothing."""
    for name, limit in run.gates.items():
        if name == "switches":
            yield f"{limit:,.0f} involuntary switches/s"
        elif name == "drift":
            yield from (f"drift of {canary} {most * 100:g} %" for canary, most in limit.items())
        elif name == "throttled":
            yield f"throttled {limit * 100:g} %"
        elif limit < 1:
            yield f"{name} {'taken' if name == 'steal' else 'pressure'} {limit * 100:g} %"


def _cores(run: Manifest) -> str:
    load, system = (", ".join(map(str, run.cores[who])) for who in ("load", "system"))
    return f"load on {load}, system on {system}" if load and system else "not pinned"


def _machines(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Each machine that the answers come from, once, as the newest of its runs saw it."""
    newest = {run.manifest.fingerprint: run for run in sorted(runs, key=lambda run: run.manifest.started)}
    for print_, run in newest.items():
        studies = ", ".join(other.manifest.study for other in runs if other.manifest.fingerprint == print_)
        kind = "Reference machine" if run.reference else "This machine"
        yield {"name": f"{kind} {print_}: {studies}", "facts": list(_facts(run.manifest.facts))}


def _facts(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A machine, a line each; what the system did not tell is left out."""
    yield "processor", f"{facts['cores']} cores, {facts['cpu']}"
    yield "memory", f"{facts['memory_gb']:g} GB"
    yield "system", f"{facts['system']} {facts['kernel']}"
    build = "" if facts["optimised"] else ", built without optimisation (pure Python runs about 1.4 times slower)"
    yield "Python", f"{facts['python']}, {facts['compiler']}{build}"
    if facts["governor"]:
        yield "frequency governor", facts["governor"]
    if facts["congestion"]:
        yield "TCP congestion control", facts["congestion"]
    yield "load before the run", ", ".join(f"{load:g}" for load in facts["load"]) + " (1, 5, 15 minutes)"
    yield "code", (facts["commit"][:12] or "no commit") + (" with changes" if facts["dirty"] else "")
    yield "lock", facts["lock"]
