"""One tus upload, of a part of a file or all of it, as a state machine with one request at a time.

| state    | its request | leaves on                                                                             |
|----------|-------------|---------------------------------------------------------------------------------------|
| creating | POST        | 201 -> sending, done                                                                  |
| asking   | HEAD        | 200 -> sending, done; 404, 410 -> creating, once                                      |
| sending  | PATCH       | 204 -> sending, done; 409 (another offset), 460 (checksum) -> asking after a while    |
| waiting  | none        | wake -> creating; asking (careful) or sending (optimistic)                            |
| done, refused | none   | never                                                                                 |

Any state with a request: broken, or a status that may pass -> waiting; another 4xx -> refused, with the server's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from imlab.client.backoff import Backoff
from imlab.client.fetching.requests import Answer, Headers, Request, Span, passing, words
from imlab.client.fetching.tries import TRIES, Tries
from imlab.client.uploading import tus
from imlab.errors import DoorError, PeerError, UsageError


@dataclass(frozen=True, slots=True)
class Tus:
    """How a file goes by tus. chunk: most bytes of a request, None: all that is left; parallel: uploads at once.

    careful: ask what arrived before going on; else go on from what is known to have, and ask when that was wrong.
    checksum: a hash by hashlib's name that the server must support, or none. at_once: bytes go with the creation.
    """

    chunk: int | None = 1 << 20  # as Chromium's and Signal's; PEERS: 5 MB gains 2 % over it, and loses more when cut
    parallel: int = 1
    careful: bool = True
    checksum: str = ""
    at_once: bool = True
    backoff: Backoff = Backoff()  # noqa: RUF009 - a frozen value
    tries: int = TRIES

    def __post_init__(self) -> None:
        if self.parallel < 1 or self.tries < 1 or (self.chunk is not None and self.chunk < 1):
            raise UsageError(f"parts, tries and chunks count from 1: {self!r}")


class Part:
    """span: which bytes of the file; url: where it was begun by another process."""

    def __init__(
        self,
        span: Span,
        target: str,
        policy: Tus,
        random: Random,
        metadata: Mapping[str, str],
        headers: Headers,
        url: str = "",
    ) -> None:
        self._span, self._target, self._policy = span, target, policy
        self._metadata, self._headers = metadata, headers
        self._tries = Tries(policy.backoff, policy.tries, random)
        self._after_wait = ""
        self._lost = False
        self.url, self.offset = url, 0  # offset: bytes that the server is known to have of this part
        self.due: float | None = None
        self.state = "asking" if url else "creating"
        self.result: Answer | None = None
        self.error: Exception | None = None

    def request(self) -> Request | None:
        """What to ask in this state."""
        checksum = self._policy.checksum
        match self.state:
            case "creating":
                piece = self._piece() if self._policy.at_once and self._span.size else None
                return tus.create(self._target, self._span.size, self._metadata, self._headers, piece, checksum)
            case "asking":
                return tus.ask(self.url)
            case "sending":
                return tus.go_on(self.url, self.offset, self._piece(), checksum)
        return None

    def answered(self, answer: Answer, now: float) -> None:
        """The server said this."""
        try:
            if passing(answer.status):
                self._wait(words(answer), now, answer)
            elif answer.status >= 300:
                self._refused(answer, now)
            else:
                self._went_on(answer, now)
        except PeerError as error:
            self._end("refused", error)

    def broke(self, why: str, now: float) -> None:
        """There was no answer: what arrived is not known."""
        self._wait(why, now, None)

    def wake(self, now: float) -> None:
        """The waiting is over."""
        if self.due is not None and now >= self.due:
            self.state, self.due = self._after_wait, None

    def _went_on(self, answer: Answer, now: float) -> None:
        before = self.offset
        if self.state == "creating":
            self.url = tus.location(answer, self._target)
            self.offset = tus.offset(answer, self._span.size) if "upload-offset" in answer.headers else 0
        else:
            self.offset = tus.offset(answer, self._span.size)
        if self.offset == self._span.size:
            self.result = answer
            self._end("done", None)
        elif self.state == "sending" and self.offset <= before:
            self._wait(f"the server took nothing at {before}", now, None)
        else:
            if self.offset > before:
                self._tries.succeeded()
            self.state = "sending"

    def _refused(self, answer: Answer, now: float) -> None:
        if answer.status in (404, 410) and self.url and not self._lost:  # forgotten, or expired: once from the start
            self.url, self.offset, self._lost = "", 0, True
            self.state = "creating"
        elif answer.status in (409, 460) and self.state == "sending":
            self._wait(words(answer), now, answer, "asking")
        else:
            raise PeerError(f"the server refused it: {words(answer)}")

    def _wait(self, why: str, now: float, answer: Answer | None, after: str = "") -> None:
        careful = "asking" if self.state == "sending" and self._policy.careful else self.state
        self._after_wait = after or careful
        self.state, self.due = "waiting", self._tries.failed(now, answer)
        if self.due is None:
            self._end("refused", DoorError(f"not uploaded, and tried too often: {why}"))

    def _end(self, state: str, error: Exception | None) -> None:
        self.state, self.error, self.due = state, error, None

    def _piece(self) -> Span:
        """The next bytes of the file."""
        start = self._span.start + self.offset
        stop = self._span.stop if self._policy.chunk is None else min(self._span.stop, start + self._policy.chunk)
        return Span(start, stop)
