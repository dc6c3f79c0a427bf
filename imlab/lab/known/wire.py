"""How a known server is spoken to: requests of one size with a number, short answers that carry it back.

Little endian. A request is its size (u32), its number (u32) and padding; an answer the number and two moments on
time.monotonic (doubles): when the request was read, and when its answer was written.
"""

from __future__ import annotations

import struct

from imlab.errors import UsageError

ANSWER = struct.Struct("<Idd")
HEAD = struct.Struct("<II")
SIZE = 300  # bytes of a request: a short message
LARGEST = 1 << 16  # bytes; larger requests would measure copying


def request(size: int) -> struct.Struct:
    """How requests of ``size`` bytes are packed."""
    if not HEAD.size <= size <= LARGEST:
        raise UsageError(f"a request has {HEAD.size} to {LARGEST} bytes, not {size}")
    return struct.Struct(f"{HEAD.format}{size - HEAD.size}x")
