"""What a run is called at a prompt: short, and unlike every other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imlab.desk.measuring.study import meant
from imlab.errors import UsageError
from imlab.lab.record.index import Entry, index, look

CUTS = (8, 13, 16)  # of 20261123T175453Z-9a8b6cf7: the day, the minute, the second


def find(word: str, results: Path) -> Entry:
    """The run that a word means: a folder, STUDY/RUN, STUDY (the one that stands for it), or how a name begins."""
    folder = Path(word)
    if any((folder / name).is_file() for name in ("manifest.json", "plan.json")):
        return look(folder.resolve())
    entries = index(results)
    study, _, run = word.rstrip("/").partition("/")
    studies = list(dict.fromkeys(entry.study for entry in entries))
    try:
        own = [entry for entry in entries if entry.study == meant(study, studies)]
    except UsageError:
        begun = [] if run else [entry for entry in entries if entry.run.startswith(study)]
        if not begun:
            raise
        return _only(word, begun, entries)
    if not run:
        return max(enumerate(own), key=lambda place: (place[1].standing, place[0]))[1]
    fits = [entry for entry in own if entry.run == run] or [entry for entry in own if entry.run.startswith(run)]
    if not fits:
        raise UsageError(f"no run {word}; there are {', '.join(_called(own, entries))}")
    return _only(word, fits, entries)


def shorts(entries: Sequence[Entry]) -> dict[Path, str]:
    """Folder -> the shortest name that ``find`` takes for it and for nothing else: ``q01/20261123``."""
    return {entry.path: f"{_study(entry.study, entries)}/{_run(entry, entries)}" for entry in entries}


def _study(name: str, entries: Sequence[Entry]) -> str:
    number, studies = name.split("_")[0], {entry.study for entry in entries}
    alone = [other for other in studies if other.split("_")[0] == number] == [name]
    return number if alone and number[1:].isdecimal() else name


def _run(entry: Entry, entries: Sequence[Entry]) -> str:
    others = [other.run for other in entries if other.study == entry.study and other.run != entry.run]
    cuts = [] if entry.reference else [entry.run[:cut] for cut in CUTS if cut < len(entry.run)]
    return next((cut for cut in cuts if not any(other.startswith(cut) for other in others)), entry.run)


def _only(word: str, fits: Sequence[Entry], entries: Sequence[Entry]) -> Entry:
    if len(fits) > 1:
        raise UsageError(f"{word} may mean {' or '.join(_called(fits, entries))}")
    return fits[0]


def _called(fits: Sequence[Entry], entries: Sequence[Entry]) -> list[str]:
    names = shorts(entries)
    return [names[entry.path] for entry in fits]
