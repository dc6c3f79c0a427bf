"""A coded note as a file that anyone's player opens."""

from __future__ import annotations

import io

from imlab.codec.container.formats import FORMATS, usual
from imlab.codec.container.track import track_of
from imlab.codec.contract import CodecError, Coded
from imlab.errors import UsageError


def to_file(coded: Coded, container: str | None = None) -> tuple[str, bytes]:
    """The file name's extension, without the dot, and the bytes; CodecError where the packets hold no such clip.

    container: a name of FORMATS, by default the codec's usual one; UsageError when it does not hold the codec.
    """
    name = container or usual(coded.codec)
    if name is None:
        known = ", ".join(codec for kind in FORMATS.values() for codec in kind.codecs)
        raise CodecError(f"no file holds codec {coded.codec!r}: {known} have one")
    refuse(name, coded.codec)
    file = io.BytesIO()
    writer = FORMATS[name].writer(file, track_of(coded))
    for packet in coded.packets:
        writer.add(packet)
    writer.finish(coded.samples)
    return name, file.getvalue()


def refuse(container: str, codec: str) -> None:
    """UsageError unless the container is known and holds the codec."""
    if container not in FORMATS:
        raise UsageError(f"no container {container!r}: one of {', '.join(FORMATS)}")
    if codec not in FORMATS[container].codecs:
        raise UsageError(f"a {container} file holds {', '.join(FORMATS[container].codecs)}, not {codec}")
