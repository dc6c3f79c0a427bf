"""A server as a value: what it listens on, where it keeps notes, what it holds its clients to."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imlab.net.web.downloads.hot import Warmth
from imlab.server.examination import Limits
from imlab.server.terms import Terms
from imlab.server.upload_terms import UploadTerms


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Ports: 0 is a free one. data: a directory, None for notes that end with the process.

    loop: whose event loop. marks: a file for what happened and when, one JSON object a line. tls: certificate and key.
    names: what browsers may call it beside addresses and localhost, in lower case. bodies: how uploaded files are kept.
    examine: what is done with them before they are taken, within limits. second_cache: redis://..., or none.
    """

    ws_port: int = 0
    http_port: int = 0
    host: str = "127.0.0.1"
    data: Path | None = None
    loop: Literal["asyncio", "uvloop"] = "uvloop" if sys.platform != "win32" else "asyncio"
    terms: Terms = field(default_factory=Terms)
    marks: Path | None = None
    tls: tuple[Path, Path] | None = None
    names: tuple[str, ...] = ()
    bodies: Literal["files", "segments", "blobs"] = "segments"
    examine: Literal["decode", "structure"] = "decode"
    limits: Limits = field(default_factory=Limits)
    uploads: UploadTerms = field(default_factory=UploadTerms)
    warmth: Warmth = field(default_factory=Warmth)
    second_cache: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that accepts connections: its addresses, and its process."""

    ws: str
    media: str
    pid: int
