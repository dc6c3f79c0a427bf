"""The options that ./lab send and ./lab listen share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from imlab.errors import UsageError

SERVER = "ws://127.0.0.1:8765"


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """Who we are, and to whom we talk."""
    parser.add_argument("--room", required=True, help="the room's name")
    parser.add_argument("--server", default=SERVER, metavar="WS", help=f"ws://HOST:PORT ({SERVER})")
    parser.add_argument("--media", metavar="HTTP", help="http://HOST:PORT of its files (the next port of --server)")
    parser.add_argument("--as", dest="name", metavar="NAME", help="who we are (a name of this process's own)")
    parser.add_argument("--json", action="store_true", help="one JSON object a note, for programs")
    parser.add_argument("--marks", type=Path, metavar="FILE", help="append what happened and when, as JSON lines")


def media_address(server: str, media: str | None) -> str:
    """Where the files of a WebSocket server are: as said, else on its own host, at the port after its own."""
    if media is not None:
        return media
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"a server is ws://HOST:PORT, not {server!r}") from error
    scheme = "https" if parts.scheme == "wss" else "http"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{scheme}://{host}" + ("" if port is None else f":{port + 1}")


def own_name(verb: str) -> str:
    """A name that no other process has: names are refused twice."""
    return f"{verb}-{os.getpid()}-{token_hex(3)}"
