"""A server of uploads and nothing else: ``python -m tests.upload_host DIRECTORY SILENCE LARGEST`` prints its port.

Notes go straight into a store on disk, without a hub; it ends when its stdin closes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from imlab.net.sockets.listening import listen
from imlab.net.web.serving.http import HttpServer
from imlab.net.web.uploads.chunked import Chunked
from imlab.net.web.uploads.form import Upload
from imlab.net.web.uploads.put import Put
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.store.part_files import PartFiles
from imlab.store.sqlite import SqliteStore
from tests.uploads import posting


def application(directory: Path, store: SqliteStore, terms: UploadTerms) -> ASGIApp:
    """PUT, or the form."""
    place = posting(store)
    put = Put(place, directory / "puts", terms)
    form = Upload(place, directory / "forms", Chunked(place, PartFiles(directory / "parts"), terms), terms)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (put if scope["method"] == "PUT" else form)(scope, receive, send)

    return app


async def serve(directory: Path, terms: UploadTerms, ready: Callable[[int], None]) -> None:
    """Until stdin ends."""
    with closing(SqliteStore(directory / "store")) as store, listen("127.0.0.1", 0) as listening:
        server = HttpServer(application(directory, store, terms))
        server.start(listening, look=terms.patience.silence)
        ready(listening.getsockname()[1])
        await asyncio.to_thread(sys.stdin.read)
        await server.stop()


def announce(port: int) -> None:
    """To the test, which reads our stdout."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    patience = Patience(silence=float(sys.argv[2]), linger=float(sys.argv[2]))
    uvloop.run(serve(Path(sys.argv[1]), UploadTerms(file=int(sys.argv[3]), patience=patience), announce))
