"""Many recordings at once into a PostgreSQL, at the places that they have: before a measurement, not in it."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from imlab.store.recordings.postgres_table import CONNECTING_S, failed, make_table
from imlab.store.recordings.row import COLUMNS, values_of
from imlab.wire.messages import VoiceMessage

_COPY = f"COPY recordings ({', '.join(COLUMNS)}, sequence) FROM STDIN"


def fill(url: str, notes: Iterable[VoiceMessage]) -> None:
    """The table holds them and nothing else: what was in it goes."""
    make_table(url)
    try:
        with psycopg.connect(url, connect_timeout=CONNECTING_S) as base:
            base.execute("TRUNCATE recordings")
            with base.cursor().copy(_COPY) as rows:
                for note in notes:
                    rows.write_row((*values_of(note), note.sequence))
    except psycopg.Error as error:
        raise failed(error, True) from error
