"""A file of any kind that is kept, walked through: the one table of who walks what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imlab.codec.container.formats import SNIFFED, recognise
from imlab.codec.container.ogg import CAPTURE
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

LARGEST = 1 << 30  # bytes, as in wire/limits.py; servers allow less, by policy


def walk(body: bytes | Path, most: int = LARGEST) -> Walked:
    """What a file of at most so many bytes is.

    CodecError for what is broken or too large, Foreign for what is not kept, DoorError for a disk that fails.
    """
    if isinstance(body, bytes):
        return _walk(Window(body), most)
    try:
        with body.open("rb") as file:
            return _walk(Window(file), most)
    except OSError as error:
        raise DoorError(f"cannot read {body.name}: {error.strerror}") from error


def _walk(window: Window, most: int) -> Walked:
    if not 0 < window.size <= most:
        raise CodecError(f"a file of {window.size} bytes: a voice note has 1 to {most}")
    head = bytes(window.buffer[:SNIFFED])
    name = "ogg" if head.startswith(CAPTURE) else recognise(head)  # what most are, first
    if name not in WALKS:
        raise Foreign(f"none of {', '.join(WALKS)}: the file begins with {head[:8].hex()}")
    return WALKS[name](window)
