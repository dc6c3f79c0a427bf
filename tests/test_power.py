"""A note that was acknowledged survives a power cut, at any moment, whatever else the disk had not written yet.

A child commits notes on a file system that knows what was synced (power.py); the parent has it draw up at random
moments what would be left, and opens that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from imlab.errors import DoorError
from imlab.server.doors import Committed
from imlab.store.sqlite import SqliteStore
from tests.test_crash import BIN, KINDS, ROOMS, check, committing
from tests.test_store import note
from tests.tools import lacking

CUTS = 12  # of each kind of store


@contextmanager
def forgetful_disk(place: Path) -> Iterator[tuple[Path, Path]]:
    """Where it is mounted, and where it writes what a cut leaves."""
    if shutil.which("fusermount3") is None:
        lacking("fusermount3", "apt-get install fuse3")
    if find_spec("mfusepy") is None:
        lacking("mfusepy", "pip install mfusepy")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs /dev/fuse: in a container, docker run --device /dev/fuse --cap-add SYS_ADMIN")
    mount, left = place / "mount", place / "left"
    mount.mkdir()
    left.mkdir()
    script = Path(__file__).with_name("power.py")
    disk = subprocess.Popen([sys.executable, script, mount, left, "7"], stdout=subprocess.PIPE)
    try:
        assert disk.stdout and disk.stdout.readline() == b"mounted\n"
        yield mount, left
    finally:
        subprocess.run(["fusermount3", "-u", "-z", mount], check=False)
        disk.communicate(timeout=30)


@pytest.mark.process
@pytest.mark.outside
@pytest.mark.parametrize("kind", KINDS)
def test_an_acknowledged_note_survives_a_power_cut(tmp_path: Path, kind: str) -> None:
    random = Random(11)
    acknowledged: dict[int, int] = {}
    with forgetful_disk(tmp_path) as (mount, left), committing(mount / "data", kind, 0) as (child, told):
        for cut in range(CUTS):
            lines = [told.readline() for _ in range(random.randrange(1, 30))]
            acknowledged |= {int(ticket): int(sequence) for ticket, sequence in map(bytes.split, lines)}
            child.join(random.uniform(0, 0.02))
            (mount / f".cut-{cut}").mkdir()
            with closing(SqliteStore(left / str(cut) / "data", KINDS[kind])) as store:
                check(store, acknowledged, dict.fromkeys((*ROOMS, BIN), 0))
        assert child.exitcode is None, "the child ended by itself"
    assert len(acknowledged) > CUTS


@pytest.mark.process
@pytest.mark.outside
@pytest.mark.parametrize("kind", KINDS)
def test_a_sync_that_fails_costs_its_note_and_what_follows_is_durable(tmp_path: Path, kind: str) -> None:
    with forgetful_disk(tmp_path) as (mount, left):
        with closing(SqliteStore(mount / "data", KINDS[kind])) as store:
            assert store.commit([note(1)]) == [Committed(1)]
            (mount / ".fail").mkdir()
            (failed,) = store.commit([note(2)])
            assert isinstance(failed, DoorError)
            assert store.find(note(2).id) is None
            assert store.commit([note(3), note(2)]) == [Committed(2), Committed(3)]
            (mount / ".cut-0").mkdir()
        with closing(SqliteStore(left / "0" / "data", KINDS[kind])) as store:
            kept = [each.id for each in store.load("kitchen", 0, 10_000).notes]
            assert kept == [note(n).id for n in (1, 3, 2)]
