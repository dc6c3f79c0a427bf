"""What the canaries sang around the blocks of a run, and by how much a block's songs differ from the run's.

They sing before the first trial of every block and after the last of all, so that one song serves the block before it
and the block after; and once more where an interrupted run is taken up within a block.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal

from imlab.lab.machine import canary
from imlab.lab.running.cores import Cores

Song = Mapping[str, Any]
Place = Literal["before", "within", "after"]
LIMIT_S = 20.0  # eighty times what they need: a disk that hangs costs a song, not a run


def sing(block: int, place: Place, folder: Path, cores: Cores) -> Song:
    """The song at a place of a run, with its fsync in the run's own folder; what could not be sung has a reason."""
    pinned = (",".join(map(str, some)) if cores.pinned else "" for some in (cores.load, cores.system))
    words = [sys.executable, "-I", "-S", canary.__file__, str(folder), *pinned]
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=True)
        heard = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError) as error:
        heard = [{"name": name, "reason": type(error).__name__} for name in canary.NAMES]
    return {"block": block, "place": place, "started": started, "canaries": heard}


def sung(song: Song) -> Iterator[dict[str, Any]]:
    """A song as lines of canaries.csv: costs in seconds per operation, n operations."""
    columns = ("fastest_s", "median_s", "p99_s", "n", "reason")
    for one in song["canaries"]:
        place = {name: song[name] for name in ("block", "place", "started")}
        yield place | {"name": one["name"]} | {name: one.get(name, "") for name in columns}


def summary(songs: Sequence[Song]) -> dict[str, dict[str, float]]:
    """Each canary over a run: its songs' median cost in seconds, and their spread (largest over smallest, less 1)."""
    heard = {name: list(costs.values()) for name, costs in _costs(songs).items()}
    return {
        name: {"median_s": median(costs), "spread": max(costs) / min(costs) - 1, "songs": len(costs)}
        for name, costs in heard.items()
    }


def drifts(songs: Sequence[Song], blocks: int) -> list[dict[str, float]]:
    """For each block and canary: the furthest of the songs within and around it from the run's median, relative.

    Around a block are its own songs and the first one after them.
    """
    found: list[dict[str, float]] = [{} for _ in range(blocks)]
    for name, costs in _costs(songs).items():
        usual = median(costs.values())
        for block in range(blocks):
            near = [costs[place] for place in _around(songs, block) if place in costs]
            if near:
                found[block][name] = max(abs(cost / usual - 1) for cost in near)
    return found


def _around(songs: Sequence[Song], block: int) -> list[int]:
    """The numbers of a block's songs, and of the next."""
    own = [place for place, song in enumerate(songs) if song["block"] == block]
    return [*own, own[-1] + 1] if own else []


def _costs(songs: Sequence[Song]) -> dict[str, dict[int, float]]:
    """Canary -> number of the song -> median cost in seconds, where it could sing."""
    found: dict[str, dict[int, float]] = {}
    for place, song in enumerate(songs):
        for one in song["canaries"]:
            if one.get("median_s"):
                found.setdefault(one["name"], {})[place] = one["median_s"]
    return found
