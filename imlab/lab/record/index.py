"""Every run that is stored, in one table: read from the folders anew each time, so that it cannot be wrong or lost.

Why no cache: a manifest is 3 kB, and 300 of them are read in a twentieth of a second; importing pandas takes longer.
A folder that cannot be read is named with the reason, and a run that was cut short says how far it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from imlab.errors import DoorError
from imlab.lab.record.manifest import Manifest, read_manifest

State = Literal["whole", "unfinished", "broken"]

REFERENCE = "reference"
TABLES = ("rows.csv.gz", "trials.csv")  # what a manifest speaks of


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder of a run. ``reason``: what is wrong with it, or how far it came; ``seconds``: what its trials took.

    ``outcomes`` counts trials by their end. What a folder does not tell is empty or zero.
    """

    study: str
    run: str
    path: Path
    state: State
    reason: str = ""
    started: str = ""
    scale: str = ""
    hash: str = ""
    commit: str = ""
    dirty: bool = False
    fingerprint: str = ""
    machine: str = ""
    blocks: int = 0
    rejected: int = 0
    void: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def reference(self) -> bool:
        """Whether this is the published run that travels with the code."""
        return self.run == REFERENCE

    @property
    def standing(self) -> int:
        """Sound and local before the reference, that before smoke, smoke before void, void before what is not whole."""
        if self.state != "whole":
            return -1
        if self.scale == "smoke":
            return 1
        return 0 if self.void else 2 if self.reference else 3

    def plain(self) -> dict[str, Any]:
        """As JSON values; ``path`` is the folder."""
        return asdict(self) | {"path": str(self.path), "reference": self.reference}


def index(results: Path) -> list[Entry]:
    """Every run under a folder of results: by study, its reference first, then by age."""
    folders = [folder for folder in results.glob("*/*") if folder.is_dir() and _claims_to_be_a_run(folder)]
    return [look(folder) for folder in sorted(folders, key=lambda at: (at.parent.name, at.name != REFERENCE, at.name))]


def look(folder: Path) -> Entry:
    """What one folder holds."""
    if (folder / "manifest.json").exists():
        return _whole(folder)
    if (folder / "plan.json").exists():
        return _unfinished(folder)
    return _entry(folder, "broken", reason="neither a plan nor a manifest in it")


def _claims_to_be_a_run(folder: Path) -> bool:
    """By what it holds, or by its name: a moment, or the reference."""
    held = any((folder / name).exists() for name in ("manifest.json", "plan.json"))
    return held or folder.name == REFERENCE or (folder.name[:8].isdecimal() and folder.name[8:9] == "T")


def _whole(folder: Path) -> Entry:
    """A closed run; broken where a part of it is missing or belongs to another study."""
    try:
        manifest = read_manifest(folder)
    except DoorError as error:
        return _entry(folder, "broken", reason=str(error))
    faults = [f"{name} is missing" for name in TABLES if not (folder / name).exists()]
    if manifest.study != folder.parent.name:
        faults.append(f"its manifest is of {manifest.study}")
    if folder.name.endswith(".part"):
        faults.append("a publication that was cut short")
    return _entry(folder, "broken" if faults else "whole", reason=", ".join(faults), **_told(manifest))


def _told(manifest: Manifest) -> dict[str, Any]:
    facts = manifest.facts
    parts = (f"{facts.get('cores', '')} cores {facts.get('cpu', '')}".strip(), facts.get("kernel"), facts.get("python"))
    return {
        "started": manifest.started,
        "scale": manifest.scale,
        "hash": manifest.hash,
        "commit": str(facts.get("commit", "")),
        "dirty": bool(facts.get("dirty")),
        "fingerprint": manifest.fingerprint,
        "machine": ", ".join(str(part) for part in parts if part),
        "blocks": manifest.blocks,
        "rejected": len(manifest.rejected),
        "void": manifest.void,
        "outcomes": dict(manifest.outcomes),
        "seconds": manifest.seconds,
    }


def _unfinished(folder: Path) -> Entry:
    """A run that is under way or was cut short, by its plan and the trials that ended."""
    try:
        plan = json.loads((folder / "plan.json").read_text())
        origin, trials = plan.get("origin", {}), len(plan["trials"])
        told = {name: plan[name] for name in ("scale", "hash", "blocks")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return _entry(folder, "broken", reason=f"no plan can be read: {error.__class__.__name__}")
    ends = dict(_ends(folder))
    told |= {"commit": origin.get("commit", ""), "dirty": bool(origin.get("diff")), "outcomes": ends}
    told |= {"fingerprint": origin.get("fingerprint", ""), "started": _moment(folder.name)}
    return _entry(folder, "unfinished", reason=f"{sum(ends.values())} of {trials} trials ended", **told)


def _ends(folder: Path) -> Iterator[tuple[str, int]]:
    """Trials that ended; how they did is told by the manifest, once there is one."""
    ended = len(list((folder / "trials").glob("*.json")))
    if ended:
        yield "ended", ended


def _moment(name: str) -> str:
    """``20260102T030405Z-abababab`` -> ``2026-01-02T03:04:05+00:00``; empty where a name is no moment."""
    day, _, clock = name.partition("-")[0].rstrip("Z").partition("T")
    if not (len(day) == 8 and len(clock) == 6 and (day + clock).isdecimal()):
        return ""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}+00:00"


def _entry(folder: Path, state: State, **told: Any) -> Entry:
    return Entry(folder.parent.name, folder.name, folder, state, **told)
