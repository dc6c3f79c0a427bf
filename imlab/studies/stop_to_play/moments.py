"""From the tap to the first sound: the moments that are marked, and the stages between them.

| stage         | from            | to                                                    |
|---------------|-----------------|-------------------------------------------------------|
| generator lag | intended tap    | tap: our own lateness, no part of the system          |
| encode tail   | tap             | the last packets are coded, the note is sealed        |
| client queue  | sealed          | first byte: the sender hands the head to its transport|
| upload        | first byte      | last byte: the server has the whole note              |
| commit        | last byte       | the store says that it is durable                     |
| delivery      | durable         | notice: the recipient has the note's first message    |
| first bytes   | notice          | the first audio bytes                                 |
| decode        | first bytes     | the first audible sample is in the player's hand      |

What a loudspeaker and its buffers add is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

MOMENTS = (
    "intended",
    "tap",
    "encoded",
    "first_byte",
    "last_byte",
    "committed",
    "notice",
    "first_bytes",
    "audible",
)
STAGES = (
    "generator lag",
    "encode tail",
    "client queue",
    "upload",
    "commit",
    "delivery",
    "first bytes",
    "decode",
)
COLUMNS = tuple(f"{stage.replace(' ', '_').replace('-', '_')}_us" for stage in STAGES)
WHOLE = "stop_to_play_us"


def stages(moments: Mapping[str, float], whole_s: float) -> dict[str, int]:
    """Microseconds per stage from moments in seconds, and the whole as it was measured on its own."""
    times = [moments[name] for name in MOMENTS]
    parts = [round((end - start) * 1e6) for start, end in pairwise(times)]
    return dict(zip(COLUMNS, parts, strict=True)) | {WHOLE: round(whole_s * 1e6)}
