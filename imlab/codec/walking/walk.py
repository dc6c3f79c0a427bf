"""A file of any kind that is kept, walked through: the one table of who walks what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imlab.codec.container.formats import SNIFFED, recognise
from imlab.codec.contract import CodecError
from imlab.codec.walking import frames, mp3, mp4, ogg_opus, wav, webm
from imlab.codec.walking.walked import Foreign, Walked
from imlab.codec.walking.window import Window
from imlab.errors import DoorError

WALKS: dict[str, Callable[[Window], Walked]] = {  # by the names of FORMATS; raw G.722 looks like nothing: not kept
    "ogg": ogg_opus.walk,
    "wav": wav.walk,
    "mp3": mp3.walk,
    "mp4": mp4.walk,
    "webm": webm.walk,
    "amr": frames.amr,
    "awb": frames.amr,
    "lc3": frames.lc3,
    "c2": frames.codec2,
}


def walk(body: bytes | Path) -> Walked:
    """What a file is. CodecError for what is broken, Foreign for what is not kept, DoorError for a disk that fails."""
    if isinstance(body, bytes):
        return _walk(Window(body))
    try:
        with body.open("rb") as file:
            return _walk(Window(file))
    except OSError as error:
        raise DoorError(f"cannot read {body.name}: {error.strerror}") from error


def _walk(window: Window) -> Walked:
    if not window.size:
        raise CodecError("an empty file (0 bytes)")
    head = bytes(window.buffer[:SNIFFED])
    name = recognise(head)
    if name not in WALKS:
        raise Foreign(f"none of {', '.join(WALKS)}: the file begins with {head[:8].hex()}")
    return WALKS[name](window)
