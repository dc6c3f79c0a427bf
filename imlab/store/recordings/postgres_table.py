"""Recordings in PostgreSQL: the table, the questions, and what its errors mean. Both faces ask the same.

A sequence without gaps needs one writer a room at a time: a function of the database takes the room's lock (of the
transaction, by hash) and then looks for the next number, all in one round trip. Its statements see what was committed
before each of them began, because it is VOLATILE (PostgreSQL, "Function Volatility Categories").
"""

from __future__ import annotations

from typing import Any

import psycopg

from imlab.errors import DoorError
from imlab.server.service.kept import Broken
from imlab.server.service.lines import Lines
from imlab.store.recordings.row import COLUMNS, TABLE

MOST = 90  # questions at once, each on a connection: PostgreSQL takes 100 of them unless told otherwise
CONNECTING_S = 5
FIND = "SELECT head, sequence FROM recordings WHERE id = %s"
NEWEST = "SELECT head, sequence FROM recordings WHERE room = %s ORDER BY sequence DESC LIMIT %s"
ADD = f"SELECT recording_added({', '.join(['%s'] * len(COLUMNS))})"
_TYPES = ("text", "text", "text", "bigint", "bigint", "text", "text", "bigint", "text", "bytea")
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION recording_added({", ".join(_TYPES)}) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended($2, 0));
    INSERT INTO recordings ({", ".join(COLUMNS)}, sequence)
    SELECT {", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))}, coalesce(max(sequence), 0) + 1
    FROM recordings WHERE room = $2 ON CONFLICT (id) DO NOTHING;
    SELECT sequence FROM recordings WHERE id = $1;
$$
"""
_LOCK = 0x494D_4C41  # of those who make the table: "IMLA"


def settings(lines: Lines) -> dict[str, Any]:
    """Of a connection: each statement is its own transaction; prepared at once where it will be asked again."""
    return {
        "autocommit": True,
        "prepare_threshold": 0 if lines.most else None,
        "connect_timeout": CONNECTING_S,
        "application_name": "imlab",
    }


def make_table(url: str) -> None:
    """Make the table unless it is there; many may do so at once."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECTING_S) as base:
            base.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            base.execute(TABLE.format(blob="bytea"))
            base.execute(_FUNCTION)
    except psycopg.Error as error:
        raise failed(error, True) from error


def failed(error: psycopg.Error, alive: bool) -> DoorError:
    """Whose fault an error is: the connection's, which is Broken, or the database's."""
    why = " ".join(str(error).split())[:300] or type(error).__name__
    return DoorError(f"PostgreSQL fails: {why}") if alive else Broken(f"PostgreSQL is gone: {why}")
