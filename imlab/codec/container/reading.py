"""A file that holds one of our codecs, back to a coded note: the packets as they are, nothing decoded."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from imlab.codec.container.formats import ALIASES, FORMATS, SNIFFED, recognise
from imlab.codec.container.track import Reader
from imlab.codec.contract import CodecError, Coded
from imlab.errors import DoorError, UsageError


def from_file(source: bytes | Path, container: str | None = None) -> Coded:
    """The note in a file; CodecError for anything but one whole track of a codec that we have.

    container: a name of FORMATS, by default what the bytes look like, else what the path's suffix says. Where the
    format is not exact (AMR, G.722, Codec 2) the delay is the codec's own and the length goes to the last packet's end.
    """
    if isinstance(source, bytes):
        return _whole(open_reader(io.BytesIO(source), container))
    try:
        with source.open("rb") as file:
            return _whole(open_reader(file, container or by_suffix(source)))
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {source}") from error
    except OSError as error:
        raise DoorError(f"cannot read {source}: {error.strerror}") from error


def open_reader(file: BinaryIO, container: str | None = None) -> Reader:
    """The packets of a file one by one; container: what to take it for when it looks like nothing."""
    head = file.read(SNIFFED)
    file.seek(0)
    if not head:
        raise CodecError("an empty file (0 bytes)")
    name = recognise(head) or container
    if name not in FORMATS:
        raise CodecError(f"not a file of {', '.join(FORMATS)}: it begins with {head[:8].hex()}")
    return FORMATS[name].reader(file)


def by_suffix(path: Path) -> str | None:
    """The format that a file's name promises; None when it promises none of ours."""
    suffix = path.suffix.removeprefix(".").lower()
    name = ALIASES.get(suffix, suffix)
    return name if name in FORMATS else None


def _whole(reader: Reader) -> Coded:
    packets = tuple(reader)
    track = reader.track
    return Coded(track.codec, track.rate, reader.samples, track.delay, packets)
