"""The tables of the index, and how an older index becomes one of today.

notes: the log of all rooms. bodies: what of content is kept, where, and how many notes have it. blobs: bodies that lie
in the index itself. log: how far into the segments the index has read.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from imlab.errors import DoorError

SCHEMA = 2  # of the file, in its user_version; 0: the file is new

_NOTES = """
CREATE TABLE notes (
    room         TEXT NOT NULL,
    sequence     INTEGER NOT NULL,
    id           TEXT NOT NULL UNIQUE,
    sender       TEXT NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    duration_ms  INTEGER NOT NULL,
    codec        TEXT NOT NULL,
    size         INTEGER NOT NULL,
    sha256       TEXT NOT NULL,
    head         BLOB NOT NULL,
    PRIMARY KEY (room, sequence)
);
"""
_SINCE_2 = """
ALTER TABLE notes ADD COLUMN type TEXT NOT NULL DEFAULT '';
CREATE TABLE bodies (
    sha256  TEXT PRIMARY KEY,
    size    INTEGER NOT NULL,
    uses    INTEGER NOT NULL,
    since   REAL NOT NULL,
    segment INTEGER NOT NULL,
    offset  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE log (segment INTEGER NOT NULL, offset INTEGER NOT NULL);
INSERT INTO log VALUES (0, 0);
INSERT INTO bodies SELECT sha256, max(size), count(*), 0, 0, 0 FROM notes WHERE size > 0 GROUP BY sha256;
"""
_STEPS = (_NOTES, _SINCE_2)  # from schema 0 to 1, from 1 to 2


def bring_up(base: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or make them today's, all in one transaction."""
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise DoorError(f"{path} was written by a newer imlab: its schema is {version}, this one knows {SCHEMA}")
    if version < SCHEMA:
        steps = "".join(_STEPS[version:])
        base.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA}; COMMIT;")
