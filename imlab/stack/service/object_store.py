"""An object store: GET and PUT /objects/SHA256 of a directory, each after the time that a far and large one takes.

python -m imlab.stack.service.object_store DIRECTORY [--below B] [--low-s 0.1] [--high-s 0.2] [--seed 0] [--port 0]
prints {"address": "127.0.0.1:PORT", "pid": N}, serves until stdin closes

What is written comes into DIRECTORY; what is not found there may be in the directory below, which is only read.
An object that is there is whole: it is written beside its place, synced (fsync) and renamed; the directory is not
synced, so that a power cut, not a crash, may lose the name of the newest. That work and the waiting go on together.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import uvloop
from starlette.types import Receive, Scope, Send

from imlab.net.objects.exchange import MOST
from imlab.net.sockets.listening import listen
from imlab.net.web.serving.http import HttpServer
from imlab.stack.service.first_byte import FirstByte

_PATH = re.compile("/objects/([0-9a-f]{64})")


class ObjectStore:
    """An ASGI application over a directory, and one below it or none."""

    def __init__(self, directory: Path, first_byte: FirstByte, below: Path | None = None) -> None:
        self._directory, self._first_byte = directory, first_byte
        self._places = (directory,) if below is None else (directory, below)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. The loop's timers are whole milliseconds."""
        found = _PATH.fullmatch(scope["path"])
        if not found or scope["method"] not in ("GET", "PUT"):
            status, said = 404, b"GET or PUT /objects/SHA256"
        else:
            waited = asyncio.create_task(asyncio.sleep(self._first_byte(found[1])))
            status, said = await (self._get if scope["method"] == "GET" else self._put)(found[1], receive)
            await waited
        headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    async def _get(self, name: str, receive: Receive) -> tuple[int, bytes]:
        for place in self._places:
            try:
                return 200, (place / name).read_bytes()  # 20 kB out of the page cache: a thread would take longer
            except FileNotFoundError:
                continue
        return 404, b"no such object"

    async def _put(self, name: str, receive: Receive) -> tuple[int, bytes]:
        pieces, size, more = [], 0, True
        while more and size <= MOST:
            message = await receive()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)
        if size > MOST:
            return 413, b"an object has at most %d bytes" % MOST
        return await asyncio.to_thread(self._store, name, b"".join(pieces))

    def _store(self, name: str, body: bytes) -> tuple[int, bytes]:
        if sha256(body).hexdigest() != name:
            return 400, b"these are other bytes"
        with tempfile.NamedTemporaryFile(dir=self._directory, delete=False) as file:
            new = Path(file.name)
            try:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
                new.replace(self._directory / name)
            except OSError as error:
                new.unlink()
                return 507, f"cannot write {len(body)} bytes: {error.strerror}".encode()
        return 201, b""


async def serve(store: ObjectStore, port: int) -> None:
    """Until stdin ends."""
    with listen("127.0.0.1", port) as listening:
        server = HttpServer(store)
        server.start(listening)
        host, bound = listening.getsockname()[:2]
        sys.stdout.write(json.dumps({"address": f"{host}:{bound}", "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await server.stop()


def main() -> None:
    """See the top."""
    usual = FirstByte()
    words = argparse.ArgumentParser(prog="object_store")
    words.add_argument("directory", type=Path)
    words.add_argument("--below", type=Path)
    words.add_argument("--low-s", type=float, default=usual.low_s)
    words.add_argument("--high-s", type=float, default=usual.high_s)
    words.add_argument("--seed", type=int, default=usual.seed)
    words.add_argument("--port", type=int, default=0)
    told = words.parse_args()
    store = ObjectStore(told.directory, FirstByte(told.low_s, told.high_s, told.seed), told.below)
    uvloop.run(serve(store, told.port))


if __name__ == "__main__":
    main()
