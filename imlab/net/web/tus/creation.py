"""Uploads begin: empty, with their first bytes, with all of them, or joined from parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from os import urandom

from imlab.errors import DoorError
from imlab.net.web.answers import Refusal
from imlab.net.web.tus.finishing import Finishing, headers_of, moved, reached
from imlab.net.web.tus.request import Reply, Request
from imlab.net.web.tus.standings import Standing, Standings
from imlab.net.web.tus.taking import Taking
from imlab.net.web.tus.turns import Replaced, Turn, Turns
from imlab.net.web.uploads.incoming import Gone
from imlab.net.web.uploads.posting import Posted
from imlab.net.web.uploads.spool import in_a_thread
from imlab.server import tus
from imlab.server.upload_terms import UploadTerms
from imlab.server.uploads import Declined, Upload, UploadStore, Wish, begin, joined, joined_id, room_left


class Creation:
    """A POST. at: the path before an upload's id; clock: Unix time in seconds."""

    def __init__(
        self,
        store: UploadStore,
        standings: Standings,
        finishing: Finishing,
        turns: Turns,
        terms: UploadTerms,
        clock: Callable[[], float],
        at: str,
    ) -> None:
        self._store, self._standings, self._finishing, self._turns = store, standings, finishing, turns
        self._terms, self._clock, self._at = terms, clock, at

    async def __call__(self, request: Request) -> Reply:
        """Begin an upload; what was begun before, under the same id, is told as it stands."""
        asked, key, now = tus.creation(request.headers, self._at), request.key(), self._clock()
        given = key or (joined_id(asked.parts, asked.metadata) if asked.parts else "")
        expires = now + self._terms.keep
        upload = Upload(given or urandom(16).hex(), asked.length, asked.metadata, asked.concat, now, expires)
        wish = tus.wished(asked)
        begin(upload, wish, self._terms)
        if request.declared != 0 and (asked.parts or not request.of_bytes):
            raise Declined(415, "unsupported_media_type", f"only the bytes of one upload come with it, as {tus.BYTES}")
        async with self._turns.take(upload.id) as turn:
            before = await in_a_thread(partial(self._standings.before, upload, wish)) if given else None
            if before is not None:
                return self._reply(request, before.upload, _told(before))
            if wish is not None and asked.parts:
                upload, posted = await self._join(upload, asked.parts, wish)
                return self._reply(request, upload, moved(upload, upload.length or 0, posted), posted)
            return await self._begin(request, upload, turn)

    async def _begin(self, request: Request, upload: Upload, turn: Turn) -> Reply:
        check, declared = tus.check(request.headers), request.declared
        left = room_left(upload, 0, declared, self._terms)
        at_once = not upload.partial and 0 < left <= self._terms.memory and declared == left
        if not at_once:
            await self._save(request, upload)
        taking = Taking(self._store, upload.id, 0, check, self._terms.memory)
        if declared != 0:
            try:
                await taking.take(request.body(left), turn)
            except (Gone, Replaced, Refusal):
                if at_once:
                    await self._save(request, upload)
                raise
        posted = await self._finishing.settle(upload, taking)
        return self._reply(request, upload, moved(upload, taking.offset, posted), posted)

    async def _save(self, request: Request, upload: Upload) -> None:
        """From now on it exists, whatever else happens to this request."""
        await in_a_thread(partial(self._store.save, upload))
        request.ours.append(self._location(upload))

    async def _join(self, upload: Upload, ids: tuple[str, ...], wish: Wish) -> tuple[Upload, Posted]:
        """A note from parts. They stay until they expire, for a client that does not hear the answer comes again."""
        parts = await in_a_thread(partial(self._standings.parts, ids))
        senders = [tus.sender(part.upload.metadata) for part in parts]
        length = joined([(part.upload, part.held) for part in parts], senders, wish.sender, self._terms)
        upload = begin(replace(upload, length=length), wish, self._terms)
        try:
            await in_a_thread(partial(self._store.join, upload.id, ids))
            posted = await self._finishing.post(upload)
        except DoorError:
            await in_a_thread(partial(self._store.remove, upload.id))
            raise
        await in_a_thread(partial(self._store.save, upload))
        return upload, posted

    def _reply(self, request: Request, upload: Upload, headers: tus.Answer, posted: Posted | None = None) -> Reply:
        place = self._location(upload)
        told = headers if place in request.ours else [place, *headers]
        return Reply(201, told, posted.told if posted else None)

    def _location(self, upload: Upload) -> tuple[bytes, bytes]:
        return b"location", f"{self._at}{upload.id}".encode()


def _told(at: Standing) -> tus.Answer:
    if at.note is None:
        return [reached(at.held), tus.expiry(at.upload)]
    return [reached(at.held), *headers_of(at.note.id, at.note.sequence)]
