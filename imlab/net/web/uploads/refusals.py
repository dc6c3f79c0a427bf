"""What went wrong with an upload, as an answer: the one table of errors and statuses."""

from __future__ import annotations

import errno

from imlab.errors import DoorError, PeerError
from imlab.net.web.answers import Refusal
from imlab.server.doors import Unacceptable
from imlab.server.parts import Malformed, TooLarge

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, a user's share of it, or what one file may hold


def refusal_of(error: Exception) -> Refusal:
    """The answer to whoever caused or met it."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Unacceptable):
        if error.kind == "type":
            return Refusal(415, "unsupported_media_type", str(error))
        return Refusal(422, "unacceptable_content", str(error))
    if isinstance(error, PeerError):
        status, name = next((told for kind, told in _PEERS.items() if isinstance(error, kind)), (409, "conflict"))
        return Refusal(status, name, str(error))
    if isinstance(error, DoorError) and is_full(error):
        return Refusal(507, "insufficient_storage", str(error), "server")
    return Refusal(503, "unavailable", str(error), "server")


def is_full(error: BaseException | None) -> bool:
    """Was it, in the end, a disk without room?"""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__
    return False


_PEERS: dict[type[PeerError], tuple[int, str]] = {Malformed: (400, "bad_request"), TooLarge: (413, "too_large")}
