"""The notes of the service on trial, as those who ask for them know them: listed first, grown by what is sent."""

from __future__ import annotations

import hashlib
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import numpy as np

from imlab.errors import DoorError, PeerError
from imlab.lab.load.popularity import Popularity, Recency, Zipf
from imlab.studies.storms.notes import recording
from imlab.wire.framings import Json, Protobuf
from imlab.wire.messages import VoiceMessage
from imlab.wire.recording import Recording

LISTED = 200  # notes of a room: the most that the service lists
PATIENCE = 30.0  # seconds for an answer while we prepare
FRAMINGS = {framing.media_type: framing for framing in (Json(), Protobuf())}
LAWS: dict[str, type[Zipf | Recency]] = {"zipf": Zipf, "recent": Recency}


class Library:
    """Notes by age, and whose turn it is. Learnt from the first ``rooms`` rooms, or sent where there are too few."""

    def __init__(self, host: str, rooms: int, least: int, law: str) -> None:
        self._rooms = [f"room{number}" for number in range(rooms)]
        self._rng = np.random.default_rng()
        self._host, self._least = host, least
        self.framing: Json | Protobuf = Json()
        self._notes = self._learnt()
        self._law: Popularity = LAWS[law](items=len(self._notes))
        self._born = 0

    def chance(self) -> float:
        """A number in [0, 1)."""
        return float(self._rng.random())

    def wanted(self) -> VoiceMessage:
        """Who is asked for next; by the law of popularity."""
        return self._notes[int(self._law.draw(1, self._rng, self._born)[0])]

    def fresh(self) -> Recording:
        """A note that nobody has sent."""
        return recording(self.room(), f"user{self._rng.integers(1000)}")

    def room(self) -> str:
        """Any room."""
        return self._rooms[int(self._rng.integers(len(self._rooms)))]

    def add(self, note: VoiceMessage) -> None:
        """It was sent, and may be asked for from now on."""
        self._notes.append(note)
        self._born += 1

    def encoded(self, fresh: Recording) -> tuple[bytes, dict[str, str]]:
        """A note as this service reads it: body and headers."""
        return self.framing.encode(fresh), {"Content-Type": self.framing.media_type}

    def _learnt(self) -> list[VoiceMessage]:
        """The oldest first."""
        parts = urlsplit(self._host)
        line = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE)
        try:
            known = [note for room in self._rooms for note in self._listed(line, room)]
            while len(known) < self._least:
                known.append(self._sent(line))
        except (OSError, HTTPException) as error:
            raise DoorError(f"the service at {self._host} does not answer: {error}") from error
        finally:
            line.close()
        return sorted(known, key=lambda note: note.timestamp_ms)

    def _listed(self, line: HTTPConnection, room: str) -> tuple[VoiceMessage, ...]:
        line.request("GET", f"/rooms/{room}?newest={LISTED}")
        answer = line.getresponse()
        self.framing, body = framing_of(answer.headers.get("content-type")), answer.read()
        if answer.status != 200:
            raise DoorError(f"{self._host} lists no rooms ({answer.status}): is it ./lab serve --preset old or new?")
        return self.framing.decode_list(body)

    def _sent(self, line: HTTPConnection) -> VoiceMessage:
        fresh = self.fresh()
        line.request("POST", "/recordings", *self.encoded(fresh))
        answer = line.getresponse()
        said = answer.read()
        if answer.status != 201:
            raise DoorError(f"the service at {self._host} does not take notes ({answer.status}): {said[:200]!r}")
        return fresh.note


def framing_of(media_type: str | None) -> Json | Protobuf:
    """How an answer is to be read, by what it says of itself."""
    framing = FRAMINGS.get((media_type or "").partition(";")[0].strip())
    if framing is None:
        raise PeerError(f"an answer of type {media_type!r}; a recording is {' or '.join(FRAMINGS)}")
    return framing


def wrong(asked: VoiceMessage, media_type: str | None, body: bytes) -> str:
    """What is wrong with an answer; "" when it is the note that was asked for, and its very sound."""
    try:
        got = framing_of(media_type).decode(body)
    except PeerError as error:
        return str(error)
    file = got.note.file
    if got.note.id != asked.id:
        return f"asked for {asked.id}, and got {got.note.id}"
    if file is None or hashlib.sha256(got.body).hexdigest() != file.sha256:
        return f"the sound of {asked.id} is not its own"
    return ""
