"""The write-ahead log is folded into the index beside the commits."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from imlab.store.checkpoint import Checkpoints
from imlab.store.entry import entry_of
from imlab.store.index import Writing
from tests.test_store import note

NOTES = 20


@pytest.mark.parametrize(("changes", "folded"), [(NOTES, NOTES), (10 * NOTES, 0)])
def test_after_so_many_changes_the_index_holds_them_without_its_log(tmp_path: Path, changes: int, folded: int) -> None:
    path, alone = tmp_path / "notes.sqlite", tmp_path / "alone.sqlite"
    with closing(Writing(path)) as writing:
        writing.base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = writing.base.total_changes
        with closing(Checkpoints(path, before + changes)) as checkpoints:
            with writing.transaction():
                writing.add([(n + 1, entry_of(note(n))) for n in range(NOTES)])
            checkpoints.committed(writing.base.total_changes)
        shutil.copyfile(path, alone)
        with closing(sqlite3.connect(alone)) as base:
            assert base.execute("SELECT count(*) FROM notes").fetchone() == (folded,)
        assert writing.head("kitchen") == NOTES
