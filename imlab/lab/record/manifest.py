"""What a finished run says about itself: the question, the design, the machine, what was rejected and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from imlab.errors import DoorError
from imlab.lab.machine.facts import said

SMOKE = "SMOKE: not a measurement"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A run's own account. ``rejected`` maps a block to the limits it passed; ``outcomes`` counts trials by end.

    ``seconds`` were spent in trials, ``block_s`` of them in each block, ``predicted_s`` announced. ``design`` and
    ``cells`` are the plan's, where not all levels are crossed. ``canaries`` has each one's median cost and its
    spread over the run. What has a default is not in runs that are older.
    """

    study: str
    question: str
    expectation: str
    scale: str
    hash: str
    factors: Mapping[str, Sequence[str]]
    seed: int
    blocks: int
    rejected: Mapping[str, Sequence[str]]
    void: bool
    outcomes: Mapping[str, int]
    margin: float
    warm_up_s: float
    limit_s: float
    gates: Mapping[str, Any]
    cores: Mapping[str, Sequence[int]]
    started: str
    finished: str
    seconds: float
    predicted_s: float
    facts: Mapping[str, Any]
    fingerprint: str
    versions: Mapping[str, str]
    design: Mapping[str, Any] = field(default_factory=dict)
    cells: Sequence[Sequence[str]] = ()
    block_s: Sequence[float] = ()
    canaries: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def smoke(self) -> bool:
        """Whether this run only walked every path and measured nothing."""
        return self.scale == "smoke"

    @property
    def kept(self) -> int:
        """How many blocks may be counted."""
        return self.blocks - len(self.rejected)

    @property
    def watermark(self) -> str:
        """What must stand across every figure of this run; empty where nothing must."""
        return SMOKE if self.smoke else "VOID: too many blocks rejected" if self.void else ""

    @property
    def caption(self) -> str:
        """Design, machine and versions, a line each, to stand under every figure."""
        rejected = f", {len(self.rejected)} rejected" if self.rejected else ""
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        blocks = "1 block" if self.blocks == 1 else f"{self.blocks} blocks"
        first = f"{self.study}, {blocks}{rejected}, plan {self.hash[:8]}"
        return "\n".join(line for line in (first, said(self.facts), versions) if line)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a run's folder; one of an older version lacks what has a default.

    One of a newer version is refused by what is not known of it: a field may take back what the others say.
    """
    try:
        told = json.loads((folder / "manifest.json").read_text())
        strange = sorted(set(told) - {part.name for part in fields(Manifest)})
        if not strange:
            return Manifest(**told)
    except (OSError, ValueError, TypeError) as error:
        raise DoorError(f"no whole run in {folder.name}: {error.__class__.__name__} at its manifest") from error
    raise DoorError(
        f"{folder.name} was written by a newer imlab: its manifest says {', '.join(strange)}; update to read it"
    )
