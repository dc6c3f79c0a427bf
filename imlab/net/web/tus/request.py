"""A request of tus, as words and a body; and the reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from imlab.net.web.answers import Refusal, answer, answer_json, refuse
from imlab.net.web.uploads.incoming import Incoming, turn_away
from imlab.server import tus
from imlab.server.upload_terms import UploadTerms
from imlab.server.uploads import Declined

RESUMABLE = (b"tus-resumable", tus.VERSION.encode())


@dataclass(frozen=True, slots=True)
class Reply:
    """status, headers, and a value for programs, if any."""

    status: int
    headers: tus.Answer
    value: Any = None


class Request:
    """One request. ours: headers of its reply, whatever that will be."""

    def __init__(self, scope: Scope, receive: Receive, terms: UploadTerms) -> None:
        self.headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text
        self.method = self.headers.get("x-http-method-override") or str(scope["method"])
        self.path: str = scope["path"]
        self.ours = [RESUMABLE]
        self._receive, self._terms = receive, terms
        self._incoming = Incoming(receive, terms.file, terms.patience)

    @property
    def declared(self) -> int | None:
        """Bytes of the body, None if they come in chunks."""
        return None if "transfer-encoding" in self.headers else tus.number(self.headers, "content-length") or 0

    @property
    def of_bytes(self) -> bool:
        """Does it say that it brings bytes of an upload?"""
        return self.headers.get("content-type", "").strip().lower() == tus.BYTES

    def body(self, most: int) -> Incoming:
        """What it brings, of which there may be so many bytes."""
        self._incoming = Incoming(self._receive, most, self._terms.patience)
        return self._incoming

    def offset(self) -> int:
        """Where its bytes belong."""
        offset = tus.number(self.headers, "upload-offset")
        if offset is None:
            raise tus.bad("a PATCH says Upload-Offset")
        return offset

    def key(self) -> str:
        """The id that its sender has chosen for the note; "" if we are to choose."""
        key = self.headers.get("idempotency-key", "")
        if key and not tus.ID.fullmatch(key):
            raise tus.bad(f"Idempotency-Key is 32 lower-case hex digits, not {key!r:.60}")
        return key

    async def reply(self, send: Send, reply: Reply) -> None:
        """Answer it."""
        headers = [*self.ours, *reply.headers]
        if reply.value is None:
            await answer(send, reply.status, headers)
        else:
            await answer_json(send, reply.status, reply.value, headers)

    async def refuse(self, send: Send, refusal: Refusal) -> None:
        """Answer it with an error, maybe in the middle of its body."""
        refusal.headers = (*self.ours, *refusal.headers)
        if self._incoming.whole or self._bodiless():
            await refuse(send, refusal)
        else:
            await turn_away(self._incoming, send, refusal)

    def _bodiless(self) -> bool:
        try:
            return self.declared == 0
        except Declined:
            return False
