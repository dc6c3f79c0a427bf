"""A file by tus: one upload, or several at once that are joined at the end; it can go on in another process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from random import Random

from imlab.client.fetching.requests import Answer, Headers, Request, Span
from imlab.client.fetching.tries import Tries
from imlab.client.uploading import tus
from imlab.client.uploading.part import Part, Tus
from imlab.client.uploading.uploader import Ask
from imlab.client.uploading.whole import OneRequest
from imlab.errors import UsageError

PARTIAL = (("upload-concat", "partial"),)


@dataclass(frozen=True, slots=True)
class Begun:
    """What another process needs to go on. of: what is uploaded, in the caller's words (a hash, or a path and a time);

    size in bytes; urls: where each part was begun, in order, "" where it was not.
    """

    of: str
    size: int
    urls: tuple[str, ...]

    def text(self) -> str:
        """To be kept in a file."""
        return json.dumps(asdict(self))

    @staticmethod
    def read(text: str) -> Begun:
        """The inverse; UsageError for anything else."""
        try:
            told = json.loads(text)
            urls = tuple(told["urls"])
            if not isinstance(told["size"], int) or not all(isinstance(url, str) for url in (told["of"], *urls)):
                raise TypeError("of and urls are text, size is a number")
            return Begun(told["of"], told["size"], urls)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"not the state of an upload: {text[:60]!r}: {error}") from error


class ResumableUpload:
    """target: where uploads are made; metadata: for the server; begun: what another process left."""

    def __init__(
        self,
        target: str,
        size: int,
        random: Random,
        metadata: Mapping[str, str] | None = None,
        policy: Tus | None = None,
        headers: Headers = (),
        of: str = "",
        begun: Begun | None = None,
    ) -> None:
        self._target, self._policy, self._random = target, policy or Tus(), random
        self._metadata, self._headers, self._of = metadata or {}, headers, of
        self.size = size
        self.result: Answer | None = None
        self.error: Exception | None = None
        urls = _urls(begun, of, size, self._policy.parallel)
        spans = _spans(size, len(urls))
        told = (self._metadata, headers) if len(urls) == 1 else ({}, PARTIAL)
        self._parts = [
            Part(span, target, self._policy, random, *told, url) for span, url in zip(spans, urls, strict=True)
        ]
        self._joining: OneRequest | None = None
        self._outbox: list[Ask] = []
        self._asked: set[int] = set()
        self._pump()

    @property
    def received(self) -> int:
        """Bytes that the server is known to have."""
        return sum(part.offset for part in self._parts)

    @property
    def begun(self) -> Begun:
        """To be kept until it is over."""
        return Begun(self._of, self.size, tuple(part.url for part in self._parts))

    def outbox(self) -> list[Ask]:
        """See Uploader, as the next four."""
        asks, self._outbox = self._outbox, []
        return asks

    def answered(self, ticket: int, answer: Answer, now: float) -> None:
        """The server said this."""
        self._asked.discard(ticket)
        if self._joining and ticket == len(self._parts):
            self._joining.answered(0, answer, now)
        else:
            self._parts[ticket].answered(answer, now)
        self._pump()

    def broke(self, ticket: int, why: str, now: float) -> None:
        """There was no answer."""
        self._asked.discard(ticket)
        if self._joining and ticket == len(self._parts):
            self._joining.broke(0, why, now)
        else:
            self._parts[ticket].broke(why, now)
        self._pump()

    def wake_at(self) -> float | None:
        """The next try of any part."""
        dues = [part.due for part in self._parts] + ([self._joining.wake_at()] if self._joining else [])
        return min((due for due in dues if due is not None), default=None)

    def wake(self, now: float) -> None:
        """Some may try again."""
        for part in self._parts:
            part.wake(now)
        if self._joining:
            self._joining.wake(now)
        self._pump()

    def _pump(self) -> None:
        """Ask what is to be asked, one request a part; when all is there, join it."""
        for number, part in enumerate(self._parts):
            if number not in self._asked and (request := part.request()):
                self._ask(number, request)
            self.error = self.error or part.error
        if self.error or any(part.state != "done" for part in self._parts):
            return
        if len(self._parts) == 1:
            self.result = self._parts[0].result
            return
        if self._joining is None:
            self._joining = self._join()
        for each in self._joining.outbox():
            self._ask(len(self._parts), each.request)
        self.result, self.error = self._joining.result, self._joining.error

    def _join(self) -> OneRequest:
        policy, urls = self._policy, [part.url for part in self._parts]
        request = tus.join(self._target, urls, self._metadata, self._headers)
        return OneRequest(request, self.size, Tries(policy.backoff, policy.tries, self._random))

    def _ask(self, ticket: int, request: Request) -> None:
        self._asked.add(ticket)
        self._outbox.append(Ask(ticket, request))


def _urls(begun: Begun | None, of: str, size: int, parallel: int) -> tuple[str, ...]:
    """Where the parts were begun; what was begun in so many parts goes on in so many."""
    if begun is None:
        return ("",) * max(1, min(parallel, size))
    if (begun.of, begun.size) != (of, size) or not begun.urls:
        raise UsageError(f"another upload was begun: {begun.size} bytes of {begun.of!r}, not {size} of {of!r}")
    return begun.urls


def _spans(size: int, count: int) -> list[Span]:
    """Equal parts, to the byte."""
    return [Span(size * number // count, size * (number + 1) // count) for number in range(count)]
