"""The server's terms: every limit it holds a client to, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Sizes in bytes, times in seconds."""

    chunk: int = 65_536  # of audio in one message; a typical 20 kB note is one message, a long one streams
    note: int = 16 * 1024 * 1024  # of audio in one note; 15 min at 128 kbit/s is 14.4 MB
    heartbeat: float = 30.0  # how often a quiet client speaks; the article's 30 s (claim C12)
    dead: float = 60.0  # silence after which a peer is gone; two heartbeats, so one may be lost
    greeting: float = 10.0  # from connection to Hello
    backlog: int = 256 * 1024  # unsent bytes above which a member is fed from the store, not from memory
    page: int = 512 * 1024  # audio read at once for a member that is behind
    unfinished: int = 4  # uploads one client may have open
    keep: float = 60.0  # an unfinished upload outlives its connection this long
    codecs: tuple[str, ...] = ()  # kept, by name; none named: any, since nothing is decoded here (Matrix does the same)
