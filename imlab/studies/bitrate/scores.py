"""The quality of clips that were sent: looked up, computed where it is not known, and most of it computed ahead."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from imlab.audio.cache import cache_directory
from imlab.audio.clip import Clip, Samples
from imlab.audio.quality.cache import address, keep, open_cache, remember
from imlab.audio.quality.panels import NARROW, WIDE, Panel, Scores
from imlab.codec.catalogue import versions
from imlab.errors import DoorError
from imlab.lab.plan.ahead import Task
from imlab.studies.bitrate.sent_clip import send
from imlab.studies.bitrate.settings import Setting

TOGETHER = 12  # settings in a task: a reference is prepared once for them, and a bar still moves

Kept = list[tuple[str, Scores]]


def panels(setting: Setting) -> tuple[Panel, ...]:
    """The scales on which a setting is judged."""
    return (WIDE, NARROW) if setting.narrow else (WIDE,)


def scores(clip: Clip, heard: Clip, setting: Setting) -> Iterator[Scores]:
    """On each of its scales, against the clip as it was."""
    cache = open_cache()
    return (remember(cache, clip, heard, panel) for panel in panels(setting))


def tasks(clips: Sequence[Clip], settings: Sequence[Setting]) -> list[Task]:
    """What is not known yet of these clips sent in these ways, in handy parts."""
    parts = [tuple(settings[at : at + TOGETHER]) for at in range(0, len(settings), TOGETHER)]
    known = versions()
    done = {(number, part): _done(clip, part, known) for number, clip in enumerate(clips) for part in parts}
    return [
        Task(work, (clips[number].samples, clips[number].rate, part), partial(_keep, place))
        for (number, part), place in done.items()
        if not place.exists()
    ]


def work(samples: Samples, rate: int, settings: Sequence[Setting]) -> Kept:
    """Send and score, on any machine: what is to be kept, with the addresses to keep it under."""
    clip, cache = Clip(samples, rate), open_cache()
    found: Kept = []
    for setting in settings:
        try:
            heard = send(setting, clip).heard
        except DoorError:  # its row will say which library is missing
            continue
        found += [(address(clip, heard, panel), remember(cache, clip, heard, panel)) for panel in panels(setting)]
    return found


def _keep(done: Path, found: Kept) -> None:
    """Into this machine's cache; then the note that there is nothing left to do."""
    cache = open_cache()
    for where, what in found:
        keep(cache, where, what)
    done.touch()


def _done(clip: Clip, settings: Sequence[Setting], known: dict[str, str]) -> Path:
    """The empty file whose presence says that all of this was scored, with these libraries and these metrics."""
    metrics = [metric.version for panel in (WIDE, NARROW) for metric in panel.metrics]
    told = hashlib.sha256(repr((clip.rate, [setting.label for setting in settings], known, metrics)).encode())
    told.update(clip.samples.tobytes())
    return cache_directory("scored") / told.hexdigest()
