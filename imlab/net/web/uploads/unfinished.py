"""An upload in parts that is under way."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from hashlib import sha256

from imlab.errors import PeerError
from imlab.net.web.uploads.posting import Intent, Posted
from imlab.server.doors import Claimed
from imlab.server.part_store import Kept
from imlab.server.parts import Cut


class Unfinished:
    """What was said of it, which parts have arrived, and whose turn it is to touch it on disk."""

    def __init__(self, file: str, how: Cut, wanted: Intent, heard: float) -> None:
        self.file, self.cut, self.wanted, self.heard = file, how, wanted, heard
        self.arrived = bytearray(how.total)
        self.size: int | None = None  # of the file; the last part tells
        self.hashed, self.digest = 0, sha256()  # of the bytes from the beginning, as far as parts came in order
        self.bringing: dict[int, object] = {}  # the request that brings a part now, by its index
        self.turn = asyncio.Lock()
        self.ended: Posted | PeerError | None = None

    @property
    def missing(self) -> int:
        """How many parts have not arrived."""
        return self.arrived.count(0)

    def about(self) -> bytes:
        """As JSON, for ``reopened``."""
        return json.dumps({"cut": asdict(self.cut), "wanted": asdict(self.wanted)}).encode()


def reopened(file: str, kept: Kept) -> Unfinished:
    """An upload as the last server left it."""
    about = json.loads(kept.about)
    claimed = Claimed(**about["wanted"].pop("claimed"))
    upload = Unfinished(file, Cut(**about["cut"]), Intent(**about["wanted"], claimed=claimed), kept.heard)
    upload.arrived[:] = kept.arrived
    upload.size = kept.size if upload.arrived[-1] else None
    return upload
