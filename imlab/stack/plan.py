"""A server as a value: what it listens on, where it keeps notes, what it holds its clients to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imlab.server.terms import Terms


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Ports: 0 is a free one. data: a directory, None for notes that end with the process.

    loop: whose event loop. marks: a file for what happened and when, one JSON object a line. tls: certificate and key.
    names: what browsers may call it beside addresses and localhost, in lower case.
    """

    ws_port: int = 0
    http_port: int = 0
    host: str = "127.0.0.1"
    data: Path | None = None
    loop: Literal["asyncio", "uvloop"] = "asyncio"
    terms: Terms = field(default_factory=Terms)
    marks: Path | None = None
    tls: tuple[Path, Path] | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that accepts connections: its addresses, and its process."""

    ws: str
    media: str
    pid: int
