"""The first lines of a request, and where it goes: no value makes a line of its own (RFC 9112, section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from imlab.errors import UsageError

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})  # whose length of 0 goes without saying (RFC 9110, 8.6)


def request_head(method: str, target: str, host: str, headers: Iterable[tuple[str, str]], size: int | None) -> bytes:
    """size of the body in bytes; None: unknown, it goes chunked. UsageError for what is no method, target or header."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    if size is None:
        lines.append("transfer-encoding: chunked")
    elif size or method not in BODILESS:
        lines.append(f"content-length: {size}")
    text = "\r\n".join(lines)
    ends = len(lines) - 1
    if text.count("\n") != ends or text.count("\r") != ends or " " in target or "\0" in text:
        raise UsageError(f"a request cannot be made of {method} {target!r:.200} with headers {lines[2:]!r:.200}")
    try:
        return f"{text}\r\n\r\n".encode("latin-1")
    except UnicodeEncodeError as error:
        raise UsageError(f"headers are Latin-1, not {text[error.start : error.end]!r}") from error


def address(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether TLS is spoken, of http://HOST:PORT or https://HOST:PORT."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"an origin is http://HOST:PORT, not {url!r}: {error}") from error
    if parts.scheme not in ("http", "https") or not host or parts.path or parts.query or parts.username is not None:
        raise UsageError(f"an origin is http://HOST:PORT, not {url!r}")
    secure = parts.scheme == "https"
    return host, port or (443 if secure else 80), secure
