"""The work of ./lab corpus check."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from pathlib import Path
from statistics import median

from tqdm import tqdm

from imlab.audio.speech.manifest import NAME, write_manifest
from imlab.audio.speech.survey import Finding, survey, survey_size
from imlab.errors import UsageError

BAR_AFTER = 1.0  # seconds


def run(options: Namespace) -> int:
    """Decode all, say what can be used and what not; exit code 1 when nothing can."""
    directory: Path = options.directory
    found = list(survey(directory)) if not directory.is_dir() else _watched(directory)
    if not found:
        raise UsageError(f"{directory} holds no sound files")
    usable = [finding for finding in found if finding.usable]
    print(json.dumps(_told(found)) if options.json else _in_words(found, directory))
    if options.write and usable:
        _write(usable, directory)
    return 0 if usable else 1


def _watched(directory: Path) -> list[Finding]:
    bar = tqdm(survey(directory), total=survey_size(directory), unit="file", delay=BAR_AFTER, leave=False, disable=None)
    return list(bar)


def _write(usable: list[Finding], directory: Path) -> None:
    if (directory / NAME).exists():
        raise UsageError(f"{directory / NAME} is already there: remove it to have it written anew")
    write_manifest(directory, [finding.entry for finding in usable if finding.entry])


def _told(found: list[Finding]) -> dict[str, object]:
    entries = [finding.entry for finding in found if finding.entry and finding.usable]
    levels = _levels(found)
    return {
        "files": len(found),
        "usable": len(entries),
        "seconds": round(sum(entry.seconds for entry in entries), 3),
        "rates": Counter(entry.rate for entry in entries),
        "level_lufs": [round(level, 1) for level in (min(levels), median(levels), max(levels))] if levels else None,
        "refused": {finding.name: finding.refused for finding in found if finding.refused},
        "remarks": {finding.name: finding.remarks for finding in found if finding.remarks},
    }


def _in_words(found: list[Finding], directory: Path) -> str:
    entries = [finding.entry for finding in found if finding.entry and finding.usable]
    minutes = sum(entry.seconds for entry in entries) / 60
    rates = ", ".join(f"{count} at {rate} Hz" for rate, count in sorted(Counter(e.rate for e in entries).items()))
    lines = [
        f"{directory}: {len(entries)} of {len(found)} recordings can be used, {minutes:.1f} min; {rates or 'none'}"
    ]
    if levels := _levels(found):
        lines.append(f"levels: {min(levels):.0f} to {max(levels):.0f} LUFS, median {median(levels):.0f}")
    lines += [f"  X {finding.refused}" for finding in found if finding.refused]
    lines += [f"  ! {finding.name}: {', '.join(finding.remarks)}" for finding in found if finding.remarks]
    return "\n".join(lines)


def _levels(found: list[Finding]) -> list[float]:
    """Of the files that have one, LUFS."""
    return [finding.level for finding in found if finding.usable and finding.level > float("-inf")]
