"""Every kind of file that holds our codecs: who writes it, who reads it, how it is recognised, what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from imlab.codec.codec2 import MODES
from imlab.codec.container import mp4, webm
from imlab.codec.container.amr import AmrReader, AmrWriter
from imlab.codec.container.c2 import C2Reader, C2Writer
from imlab.codec.container.lc3 import Lc3Reader, Lc3Writer
from imlab.codec.container.mp3 import Mp3Reader, Mp3Writer
from imlab.codec.container.oggopus import OggOpusReader, OggOpusWriter
from imlab.codec.container.raw import G722Reader, G722Writer
from imlab.codec.container.track import Reader, Track, Writer
from imlab.codec.container.wav import SHAPES, WavReader, WavWriter

CODEC2 = tuple(f"codec2-{mode}" for mode in MODES)


@dataclass(frozen=True, slots=True)
class Format:
    """codecs: the names it holds; exact: whether the file says where its sound begins and ends, to the sample."""

    codecs: tuple[str, ...]
    writer: Callable[[BinaryIO, Track], Writer]
    reader: Callable[[BinaryIO], Reader]
    exact: bool = True


FORMATS = {  # by the file name's extension
    "ogg": Format(("opus",), OggOpusWriter, OggOpusReader),
    "wav": Format(tuple(SHAPES), WavWriter, WavReader),
    "amr": Format(("amr",), AmrWriter, AmrReader, exact=False),
    "awb": Format(("amr-wb",), AmrWriter, AmrReader, exact=False),
    "mp3": Format(("mp3",), Mp3Writer, Mp3Reader),
    "m4a": Format(("aac",), mp4.writer, mp4.reader),
    "mp4": Format(("opus", "aac"), mp4.writer, mp4.reader),
    "webm": Format(("opus",), webm.WebmWriter, webm.reader),
    "g722": Format(("g722",), G722Writer, G722Reader, exact=False),
    "lc3": Format(("lc3",), Lc3Writer, Lc3Reader),
    "c2": Format(CODEC2, C2Writer, C2Reader, exact=False),
}
ALIASES = {"opus": "ogg", "oga": "ogg", "mka": "webm", "mkv": "webm", "wave": "wav"}
SNIFFED = 12  # bytes


def usual(codec: str) -> str | None:
    """The format that a codec goes into when nobody asks; None: no file holds it."""
    return next((name for name, kind in FORMATS.items() if codec in kind.codecs), None)


def recognise(head: bytes) -> str | None:
    """The format of a file that begins with these bytes, at least SNIFFED; raw G.722 looks like nothing."""
    begins = {
        b"OggS": "ogg", b"#!AMR\n": "amr", b"#!AMR-WB\n": "awb", b"\x1a\x45\xdf\xa3": "webm", b"\xc0\xde\xc2": "c2",
        b"\x1c\xcc": "lc3", b"ID3": "mp3",
    }  # fmt: skip
    if head[:4] + head[8:12] == b"RIFFWAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "mp4"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:  # sync, layer III
        return "mp3"
    return next((name for magic, name in begins.items() if head.startswith(magic)), None)
