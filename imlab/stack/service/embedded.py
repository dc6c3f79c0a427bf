"""Backends of one's own: an object store before a directory, a file of SQLite, and Valkey for a second level."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from imlab.stack.presets import Architecture
from imlab.stack.service.backends import Backends
from imlab.stack.service.first_byte import FirstByte
from imlab.stack.service.object_process import object_store
from imlab.stack.services.private import private
from imlab.stack.services.table import service_called


@contextmanager
def embedded(
    objects: Path, database: Path, architecture: Architecture, first_byte: FirstByte, below: Path | None = None
) -> Iterator[Backends]:
    """They stand, inside. objects: the store's directory, over one that it only reads.

    database: a file, made where there is none.
    """
    with ExitStack() as up:
        store = up.enter_context(object_store(objects, first_byte, below=below))
        second = architecture.caching.second
        cache = up.enter_context(private(service_called("redis"))).endpoint.url if second else ""
        yield Backends(f"sqlite:{database}", store.url, cache)
