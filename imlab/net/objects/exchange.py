"""One request to an object store and its answer, without I/O: the bytes that both faces send, and how both read."""

from __future__ import annotations

from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

from imlab.client.fetching.head import request_head
from imlab.client.fetching.requests import Patience
from imlab.errors import DoorError

PATIENCE = Patience(dial=5.0, answer=10.0, silence=10.0)  # seconds
MOST = 16 << 20  # bytes of an object
TYPE = (("content-type", "application/octet-stream"),)


def target(sha256: str) -> str:
    """Where an object is."""
    return f"/objects/{sha256}"


def head_of(method: str, url: str, sha256: str, size: int) -> bytes:
    """The first bytes of a request, the same as Origin's; size: bytes of the body that follows."""
    return request_head(method, target(sha256), urlsplit(url).netloc, TYPE if size else (), size)


def body_of(status: int, body: bytes, sha256: str) -> bytes:
    """What GET has brought; DoorError for anything but an object."""
    if status != 200:
        raise DoorError(f"the object store has no {sha256}: it says {status} {body[:200].decode(errors='replace')}")
    return body


def stored(status: int, body: bytes, sha256: str) -> None:
    """What PUT has brought; DoorError: it is not there."""
    if status != 201:
        raise DoorError(f"the object store takes no {sha256}: it says {status} {body[:200].decode(errors='replace')}")


class Answered:
    """An answer as it comes: ``feed`` it until it is ``whole``. begun: has anything come?

    Whether its connection may carry another request shows when it is asked: one that was closed is asked once more.
    """

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self.status = 0
        self.begun = self.whole = False

    @property
    def body(self) -> bytes:
        """All of it: one piece is not copied."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def feed(self, data: bytes) -> None:
        """More of it; DoorError: that is not HTTP."""
        self.begun = True
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            raise DoorError(f"the object store speaks no HTTP: {data[:16].hex()}") from error

    def on_headers_complete(self) -> None:
        """See httptools."""
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """See httptools."""
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        self.whole = True
