"""Scores that were paid for once: kept by the content of both sides, so that a second run is seconds.

One small file per pair and panel, named by the hash of all samples and of what the panel does to them, and holding one
entry per metric with the version of everything that it depends on. A metric that changed, or a package that was
installed since, is computed again, and it alone. A file is written whole under a name of its own and then renamed:
any number of processes may share the directory, and the last of two that computed the same is as good as the first.
A file that is not what was written (its hash is its first line) is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from imlab.audio.cache import cache_directory
from imlab.audio.clip import Clip
from imlab.audio.quality.delay import Delay
from imlab.audio.quality.panels import PREPARED, Panel, Score, Scores, score
from imlab.errors import DoorError


@dataclass(frozen=True, slots=True)
class ScoreCache:
    """A directory of scores."""

    directory: Path


def open_cache() -> ScoreCache:
    """The one in the user's cache; IMLAB_CACHE moves it."""
    return ScoreCache(cache_directory("scores"))


def remember(cache: ScoreCache, reference: Clip, heard: Clip, panel: Panel) -> Scores:
    """The scores of a pair: what is known, and the rest computed and kept."""
    place = _place(cache, reference, heard, panel)
    old = _read(place, panel)
    lacking = _lacking(old, panel)
    if old and not lacking:
        return _ordered(old, panel)
    new = score(reference, heard, replace(panel, metrics=lacking))
    whole = replace(new, scores=(*new.scores, *(old.scores if old else ())))
    _write(place, whole)
    return _ordered(whole, panel)


def known(cache: ScoreCache, reference: Clip, heard: Clip, panel: Panel) -> Scores | None:
    """The scores of a pair if all of the panel's metrics are known, else None; nothing is computed."""
    old = _read(_place(cache, reference, heard, panel), panel)
    return _ordered(old, panel) if old and not _lacking(old, panel) else None


def address(reference: Clip, heard: Clip, panel: Panel) -> str:
    """What the scores of a pair are kept under: the hash of all samples and of what the panel does to them."""
    digest = hashlib.sha256(f"{panel.name} {panel.rate} {PREPARED}".encode())
    for clip in (reference, heard):
        digest.update(f" {clip.rate} {len(clip.samples)} ".encode())
        digest.update(clip.samples.tobytes())
    return digest.hexdigest()


def keep(cache: ScoreCache, address: str, scores: Scores) -> None:
    """Scores that were computed elsewhere: on another machine, with another cache."""
    _write(_at(cache, address), scores)


def _lacking(scores: Scores | None, panel: Panel) -> tuple[Any, ...]:
    """The metrics whose present version has said nothing yet."""
    said = {(score.metric, score.version) for score in scores.scores} if scores else set()
    return tuple(metric for metric in panel.metrics if (metric.name, metric.version) not in said)


def _ordered(scores: Scores, panel: Panel) -> Scores:
    """One score per metric of the panel, in its order, without those of other versions."""
    said = {(score.metric, score.version): score for score in scores.scores}
    return replace(scores, scores=tuple(said[metric.name, metric.version] for metric in panel.metrics))


def _place(cache: ScoreCache, reference: Clip, heard: Clip, panel: Panel) -> Path:
    return _at(cache, address(reference, heard, panel))


def _at(cache: ScoreCache, address: str) -> Path:
    return cache.directory / address[:2] / f"{address}.json"


def _read(place: Path, panel: Panel) -> Scores | None:
    """What a file says, or None where there is none, or one that is not whole."""
    try:
        check, _, body = place.read_text("utf-8").partition("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    except OSError as error:
        raise DoorError(f"cannot read the scores {place}: {error.strerror}") from error
    if check != hashlib.sha256(body.encode()).hexdigest():
        return None
    held = json.loads(body)
    scores = tuple(Score(**entry) for entry in held["scores"])
    return Scores(panel.name, panel.against, Delay(**held["delay"]), held["gain_db"], scores)


def _write(place: Path, scores: Scores) -> None:
    """Whole or not at all; without fsync, for what a crash takes can be computed again."""
    body = json.dumps(asdict(scores))
    text = f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}"
    try:
        place.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=place.parent, suffix=".part", delete=False) as file:
            file.write(text)
        os.replace(file.name, place)  # noqa: PTH105 -- both are names, not paths
    except OSError as error:
        raise DoorError(f"cannot keep the scores {place}: {error.strerror}") from error
