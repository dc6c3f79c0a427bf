"""Every codec family that imlab knows, and what this machine can do with each: nothing is missing in silence."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from imlab.codec import amr, amr_wb, codec2, lc3, libav, libopus
from imlab.codec.aac import Aac
from imlab.codec.amr import Amr
from imlab.codec.amr_wb import AmrWb
from imlab.codec.codec2 import MODES, Codec2
from imlab.codec.contract import Codec
from imlab.codec.g711 import G711
from imlab.codec.g722 import G722
from imlab.codec.lc3 import Lc3
from imlab.codec.library import Native, candidates, load
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import DoorError

Found = tuple[str, str]  # a library and its version, as manifests name them
Find = Callable[[], Found]
LAME = Native("mp3lame", "", "av", ("get_lame_version",), "")  # only asked for its version: libavcodec loads it


@dataclass(frozen=True, slots=True)
class Family:
    """name: on the wire, or how its names begin; band: "narrow", "wide" or "both"; examples: settings, the usual first.

    to_encode and to_decode find the library, or raise DoorError with the line that installs it.
    """

    name: str
    title: str
    band: str
    examples: tuple[Codec, ...]
    to_encode: Find
    to_decode: Find


@dataclass(frozen=True, slots=True)
class Entry:
    """What this machine can do with a family. missing: empty, or why not all of it, with the line that installs it."""

    family: Family
    encodes: bool
    decodes: bool
    library: str
    version: str
    missing: str


def _libopus() -> Found:
    return "libopus", libopus.load().version.removeprefix("libopus ")


def _ours() -> Found:
    return "numpy", version("numpy")


def _native(native: Native) -> Find:
    """By codec/library.py."""

    def find() -> Found:
        found = load(native)
        return found.name, found.version

    return find


def _av(encoder: str, decoder: str) -> Find:
    """By FFmpeg's names, in PyAV's build of it."""

    def find() -> Found:
        if lack := libav.lacking(encoder, decoder):
            raise DoorError(lack)
        library, number = libav.version().split()
        return library, number

    return find


def _lame() -> Found:
    """The LAME that PyAV's wheel brings for FFmpeg's encoder; where PyAV did not come as a wheel, FFmpeg's version."""
    behind = _av("libmp3lame", "mp3float")()
    for source, path in candidates(LAME):
        if source != "system":
            call = ctypes.CDLL(path).get_lame_version
            call.restype = ctypes.c_char_p
            return "lame", str((call() or b"").decode("ascii", "replace"))
    return behind


def family(name: str, title: str, band: str, find: Find, *examples: Codec) -> Family:
    """One that one library both codes and decodes."""
    return Family(name, title, band, examples, find, find)


FAMILIES: tuple[Family, ...] = (
    family("opus", "Opus", "both", _libopus, Opus(), Opus(16_000), Opus(32_000, rate=48_000)),
    family("pcm", "PCM, 16 bits", "both", _ours, Pcm(), Pcm(8_000)),
    family("pcma", "G.711 A-law", "narrow", _ours, G711("a")),
    family("pcmu", "G.711 mu-law", "narrow", _ours, G711("mu")),
    family("g722", "G.722", "wide", _av("g722", "g722"), G722()),
    family("amr", "AMR-NB", "narrow", _native(amr.LIBRARY), Amr(), Amr(4_750), Amr(dtx=True)),
    Family(
        "amr-wb",
        "AMR-WB",
        "wide",
        (AmrWb(), AmrWb(23_850), AmrWb(dtx=True)),
        _native(amr_wb.ENCODER),
        _native(amr_wb.DECODER),
    ),
    Family("mp3", "MP3", "both", (Mp3(), Mp3(64_000)), _lame, _av("libmp3lame", "mp3float")),
    family("aac", "AAC-LC", "both", _av("aac", "aac"), Aac(), Aac(64_000, 48_000)),
    family("lc3", "LC3", "both", _native(lc3.LIBRARY), Lc3(), Lc3(32_000), Lc3(frame_ms=7.5)),
    family("codec2", "Codec 2", "narrow", _native(codec2.LIBRARY), *(Codec2(mode) for mode in MODES)),
)


def survey() -> list[Entry]:
    """Every family, in the order of the table."""
    return [_entry(member) for member in FAMILIES]


def versions() -> dict[str, str]:
    """The version of every library that was found, by its name, for manifests."""
    found = (_tried(find) for member in FAMILIES for find in (member.to_encode, member.to_decode))
    return dict(sorted(item for item in found if isinstance(item, tuple)))


def _entry(member: Family) -> Entry:
    encoder, decoder = _tried(member.to_encode), _tried(member.to_decode)
    found = next((item for item in (encoder, decoder) if isinstance(item, tuple)), ("", ""))
    missing = next((item for item in (encoder, decoder) if isinstance(item, str)), "")
    return Entry(member, isinstance(encoder, tuple), isinstance(decoder, tuple), *found, missing)


def _tried(find: Find) -> Found | str:
    """The library, or why there is none."""
    try:
        return find()
    except DoorError as error:
        return str(error)
