"""A file in one PUT, tried until it is there; the same id each time, so that it is there once."""

from __future__ import annotations

from random import Random

from imlab.client.backoff import Backoff
from imlab.client.fetching.requests import Answer, Headers, Request, Span, passing, words
from imlab.client.fetching.tries import TRIES, Tries
from imlab.client.uploading.uploader import Ask
from imlab.errors import DoorError, PeerError


def whole_upload(
    target: str, id: str, size: int, random: Random, headers: Headers = (), backoff: Backoff | None = None
) -> OneRequest:
    """target: where to; id: the note's, 32 lower-case hex digits, told as Idempotency-Key; size in bytes."""
    request = Request("PUT", target, (("idempotency-key", id), *headers), Span(0, size))
    return OneRequest(request, size, Tries(backoff or Backoff(), TRIES, random))


class OneRequest:
    """A request that may be made twice, tried until it is answered; an Uploader. size: bytes it brings there."""

    def __init__(self, request: Request, size: int, tries: Tries) -> None:
        self.size, self.received = size, 0
        self.result: Answer | None = None
        self.error: Exception | None = None
        self._request, self._tries = request, tries
        self._outbox = [Ask(0, request)]
        self._due: float | None = None

    def outbox(self) -> list[Ask]:
        """See Uploader, as the next four."""
        asks, self._outbox = self._outbox, []
        return asks

    def answered(self, ticket: int, answer: Answer, now: float) -> None:
        """Stored, refused, or to be tried again."""
        if answer.status in (200, 201, 204):
            self.result, self.received = answer, self.size
        elif passing(answer.status):
            self._again(words(answer), now, answer)
        else:
            self.error = PeerError(f"the server refused it: {words(answer)}")

    def broke(self, ticket: int, why: str, now: float) -> None:
        """It may be stored or not: asking again settles it."""
        self._again(why, now, None)

    def wake_at(self) -> float | None:
        """The next try."""
        return self._due

    def wake(self, now: float) -> None:
        """Try again."""
        if self._due is not None and now >= self._due:
            self._due = None
            self._outbox.append(Ask(0, self._request))

    def _again(self, why: str, now: float, answer: Answer | None) -> None:
        self._due = self._tries.failed(now, answer)
        if self._due is None:
            self.error = DoorError(f"not uploaded, and tried too often: {why}")
