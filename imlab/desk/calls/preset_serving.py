"""The work of ./lab serve --preset: the service on trial, with backends of its own and some notes to ask for."""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import Namespace
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from imlab.desk.calls.calling import say
from imlab.errors import UsageError
from imlab.stack.presets import PRESETS, Preset
from imlab.stack.service.embedded import embedded
from imlab.stack.service.plan import Ready, ServicePlan
from imlab.stack.service.serving import end_with_stdin, serve
from imlab.stack.service.told import heard
from imlab.store.recordings.bulk import fill
from imlab.studies.architectures.catalogue import Catalogue
from imlab.studies.architectures.shelf import Shelf

OBJECTS, DATABASE = "objects", "recordings.sqlite"


def serve_preset(options: Namespace) -> int:
    """Until Ctrl-C or SIGTERM."""
    preset = _chosen(options.preset, options.architecture)
    with ExitStack() as up:
        folder = options.data or Path(up.enter_context(tempfile.TemporaryDirectory(prefix="imlab-service-")))
        objects, database = folder / OBJECTS, folder / DATABASE
        if not database.exists():
            print("preparing notes of real speech, which takes seconds the first time", file=sys.stderr, flush=True)
            _begin(objects, database, Catalogue(stored=options.notes, unsent=0).shelf())
        backends = up.enter_context(embedded(objects, database, preset.architecture, preset.first_byte))
        plan = ServicePlan(preset.architecture, backends, options.host, options.http)
        if options.while_stdin:
            end_with_stdin()
        serve(plan, lambda ready: _ready(ready, options))
    return 0


def _chosen(name: str, more: str) -> Preset:
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}: there are {', '.join(PRESETS)}")
    try:
        said = json.loads(more)
    except ValueError as error:
        raise UsageError(f"--architecture is a JSON object, not {more!r:.60}: {error}") from error
    return replace(PRESETS[name], architecture=heard(said, PRESETS[name].architecture))


def _begin(objects: Path, database: Path, shelf: Shelf) -> None:
    """Notes of a catalogue, so that there is something to ask for; the database last, for it says that all is there."""
    objects.mkdir(parents=True, exist_ok=True)
    for number in range(shelf.stored):
        (objects / shelf.sha256[number]).write_bytes(shelf.file(number).read_bytes())
    new = database.with_suffix(".new")
    new.unlink(missing_ok=True)
    fill(new, shelf.notes())
    new.replace(database)


def _ready(ready: Ready, options: Namespace) -> None:
    if options.json:
        print(json.dumps(asdict(ready)), flush=True)
        return
    say(f"ready: {ready.service}, architecture {options.preset} (Ctrl-C stops)")
    say(f"try  : curl '{ready.service}/rooms/room0?newest=5'")
    say(f"       .venv/bin/locust -f scenarios/old_and_new.py --host {ready.service}")
