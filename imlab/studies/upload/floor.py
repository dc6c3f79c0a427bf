"""The floor under every ASGI server here: take the body, answer 201, or answer a GET out of memory, and nothing else.

python -m imlab.studies.upload.floor     prints {"address": "127.0.0.1:PORT"}, serves until stdin closes
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from starlette.types import Receive, Scope, Send

from imlab.net.sockets.listening import listen
from imlab.net.web.serving.http import HttpServer

_kept: dict[str, bytes] = {}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """PUT keeps one body in memory, GET gives it."""
    status, body = 201, b""
    if scope["method"] == "GET":
        status, body = 200, _kept["last"]
    else:
        pieces, more = [], True
        while more:
            message = await receive()
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
        _kept["last"] = b"".join(pieces)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve() -> None:
    with listen("127.0.0.1", 0) as listening:
        server = HttpServer(app)
        server.start(listening)
        host, port = listening.getsockname()[:2]
        sys.stdout.write(json.dumps({"address": f"{host}:{port}"}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await server.stop()


if __name__ == "__main__":
    uvloop.run(_serve())
