"""Media types of the files that notes are, and the extensions of their names."""

from __future__ import annotations

import re

TYPES = {  # by the extension of codec/container/formats.py
    "ogg": "audio/ogg; codecs=opus",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "m4a": "audio/mp4",
    "amr": "audio/amr",  # RFC 4867, as the next
    "awb": "audio/amr-wb",
    "g722": "audio/g722",  # RFC 3551
    "lc3": "audio/x-lc3",  # nobody has registered one, nor for the next
    "c2": "audio/x-codec2",
    "webm": "audio/webm",
}
_EXTENSIONS = {kind.partition(";")[0]: extension for extension, kind in TYPES.items()}
_SOUND = re.compile(r"audio/[a-zA-Z0-9.+-]{1,60}(; ?codecs=[a-zA-Z0-9.,\"+-]{1,60})?")


def is_sound(type: str) -> bool:
    """Whether a media type names sound, and holds nothing that could not stand in a header."""
    return _SOUND.fullmatch(type) is not None


def extension_of(type: str) -> str:
    """The end of a file's name, without the dot."""
    return _EXTENSIONS.get(type.partition(";")[0].strip().lower(), "bin")
