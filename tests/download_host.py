"""A server of downloads in a process of its own: ``python -m tests.download_host STORE LOOP [CERT KEY]``.

It prints its port, and ends when its stdin closes.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from pathlib import Path

import uvloop

from imlab.net.sockets.listening import listen
from imlab.net.web.downloads.download import Downloads
from imlab.net.web.serving.http import HttpServer
from imlab.store.sqlite import SqliteStore
from imlab.wire.messages import VoiceMessage

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def no_file(note: VoiceMessage) -> tuple[str, bytes]:
    """Here are no notes of packets."""
    raise AssertionError(note.id)


async def serve(directory: Path, tls: tuple[Path, Path] | None) -> None:
    """Until stdin ends."""
    with closing(SqliteStore(directory)) as store:
        downloads = Downloads(store, no_file)
        server = HttpServer(downloads, tls, downloads.at_once)
        listening = listen("127.0.0.1", 0)
        server.start(listening)
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        await server.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=LOOPS[sys.argv[2]]) as runner:
        directory, _, *tls = map(Path, sys.argv[1:])
        runner.run(serve(directory, (tls[0], tls[1]) if tls else None))
