"""Words inside a sound file: Vorbis comments in Ogg Opus and FLAC, ID3 TXXX in MP3 and WAV, free atoms in M4A.

mutagen writes and reads them; this is its one door. The sound itself is not touched.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

from imlab.codec.contract import CodecError
from imlab.errors import UsageError

ATOM = "----:imlab:"  # mean and name of a free atom (iTunes metadata)
KEY = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
DAMAGED = (struct.error, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, OverflowError)


def write_tags(data: bytes, tags: Mapping[str, str]) -> bytes:
    """The file with these tags beside those that it has; one of the same name is replaced.

    Keys are capitals, digits and _, which every format can hold. CodecError for a file that is none of the formats.
    """
    for key in tags:
        if not key or not KEY.issuperset(key):
            raise UsageError(f"a tag is called by capitals, digits and _, not {key!r}")
    kind = _kind(data)
    file = io.BytesIO(data)
    sound = _open(file, kind)
    if sound.tags is None:
        sound.add_tags()
    for key, value in tags.items():
        _put(sound.tags, kind, key, value)
    file.seek(0)
    try:
        sound.save(file, padding=lambda _: 0)
    except (_broken(), *DAMAGED) as error:
        raise CodecError(f"this {kind} file takes no tags: {error}") from error
    return file.getvalue()


def read_tags(data: bytes) -> dict[str, str]:
    """The free tags of a file by name, in capitals; of several of one name the first. Without tags: nothing."""
    kind = _kind(data)
    try:
        return _got(_open(io.BytesIO(data), kind).tags, kind)
    except DAMAGED as error:
        raise CodecError(f"the tags of this {kind} file cannot be read: {error}") from error


def _kind(data: bytes) -> str:
    """What a file is by its first bytes."""
    if data[:4] == b"OggS" and b"OpusHead" in data[:64]:
        return "Ogg Opus"
    if data[:4] == b"fLaC":
        return "FLAC"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "WAV"
    if data[4:8] == b"ftyp":
        return "M4A"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):  # sync, layer III
        return "MP3"
    raise CodecError(f"tags are read and written in Ogg Opus, FLAC, MP3, WAV and M4A; this begins {data[:8].hex()}")


def _open(file: io.BytesIO, kind: str) -> Any:
    """mutagen's view of a file."""
    from mutagen.flac import FLAC
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.oggopus import OggOpus
    from mutagen.wave import WAVE

    kinds: dict[str, Any] = {"Ogg Opus": OggOpus, "FLAC": FLAC, "WAV": WAVE, "M4A": MP4, "MP3": MP3}
    try:
        return kinds[kind](fileobj=file)
    except (_broken(), *DAMAGED) as error:
        raise CodecError(f"the tags of this {kind} file cannot be read: {error}") from error


def _broken() -> type[Exception]:
    """What mutagen raises by itself."""
    from mutagen import MutagenError

    broken: type[Exception] = MutagenError
    return broken


def _put(tags: Any, kind: str, key: str, value: str) -> None:
    if kind in ("WAV", "MP3"):
        from mutagen import id3

        frame: Any = id3.TXXX
        tags.delall(f"TXXX:{key}")
        tags.add(frame(encoding=3, desc=key, text=[value]))  # UTF-8
    elif kind == "M4A":
        tags[ATOM + key] = [value.encode()]
    else:
        tags[key] = [value]


def _got(tags: Any, kind: str) -> dict[str, str]:
    if tags is None:
        return {}
    if kind in ("WAV", "MP3"):
        return {frame.desc.upper(): str(frame.text[0]) for frame in tags.getall("TXXX") if frame.text}
    if kind == "M4A":
        free = {key.removeprefix(ATOM): value for key, value in tags.items() if key.startswith(ATOM)}
        return {key.upper(): bytes(value[0]).decode("utf-8", "replace") for key, value in free.items()}
    first: dict[str, str] = {}
    for key, value in tags:
        first.setdefault(key.upper(), value)
    return first
