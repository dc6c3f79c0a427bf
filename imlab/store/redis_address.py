"""Where a Redis or Valkey answers, as a URL says it, and what it must hear first."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from imlab.errors import UsageError

SHAPES = "redis://[[NAME]:PASSWORD@]HOST[:PORT][/DB], rediss://... over TLS, or unix://[[NAME]:PASSWORD@]PATH[?db=DB]"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """path: of a unix socket, else "". database: the number that SELECT takes."""

    host: str = "127.0.0.1"
    port: int = 6379
    path: str = ""
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0

    @classmethod
    def parse(cls, url: str) -> Self:
        """The URLs of redis-py and most others; UsageError for anything else."""
        try:
            split = urlsplit(url)
            near = split.scheme == "unix"
            number = parse_qs(split.query).get("db", ["0"])[0] if near else split.path.strip("/") or "0"
            if split.scheme not in ("redis", "rediss", "unix") or (near and not split.path):
                raise ValueError(split.scheme)
            return cls(
                host=split.hostname or "127.0.0.1",
                port=split.port or 6379,
                path=unquote(split.path) if near else "",
                tls=split.scheme == "rediss",
                user=unquote(split.username or ""),
                password=unquote(split.password or ""),
                database=int(number),
            )
        except ValueError as error:
            shown = url.rpartition("@")[2]  # no password in a message
            raise UsageError(f"no address of a Redis: {shown!r}; it looks like {SHAPES}") from error

    def greeting(self) -> list[tuple[str, ...]]:
        """The commands that begin a connection."""
        known = ("AUTH", self.user, self.password) if self.user else ("AUTH", self.password)
        return [*([known] if self.password else []), *([("SELECT", str(self.database))] if self.database else [])]

    def connected(self, patience_s: float) -> socket.socket:
        """A blocking socket that gives up after so long, at each step. OSError: nobody is there."""
        if self.path:
            there = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            there.settimeout(patience_s)
            try:
                there.connect(self.path)
            except OSError:
                there.close()
                raise
            return there
        there = socket.create_connection((self.host, self.port), patience_s)
        return ssl.create_default_context().wrap_socket(there, server_hostname=self.host) if self.tls else there

    def for_asyncio(self) -> dict[str, Any]:
        """Arguments of create_connection, or of create_unix_connection where there is a path."""
        if self.path:
            return {"path": self.path}
        return {"host": self.host, "port": self.port, "ssl": True if self.tls else None}

    def __str__(self) -> str:
        """Without the password."""
        return self.path or f"{self.host}:{self.port}"
