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
from imlab.codec.av_opus import AvOpus
from imlab.codec.codec2 import MODES, Codec2
from imlab.codec.contract import Codec
from imlab.codec.g711 import G711
from imlab.codec.g722 import G722
from imlab.codec.lc3 import Lc3
from imlab.codec.library import Native, candidates, load
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.opus_features import features
from imlab.codec.pcm import Pcm
from imlab.errors import DoorError

AV = "pip install --only-binary av av"
LAME = Native("mp3lame", "", "av", ("get_lame_version",), "")  # only asked for its version: libavcodec loads it


@dataclass(frozen=True, slots=True)
class Found:
    """A library in use. source: where it was found, such as "av wheel"."""

    library: str
    version: str
    source: str

    def __str__(self) -> str:
        return f"{self.library} {self.version} ({self.source})"


Find = Callable[[], Found]


@dataclass(frozen=True, slots=True)
class Family:
    """name: on the wire, or how its names begin; band: "narrow", "wide" or "both"; examples: settings, the usual first.

    to_encode and to_decode find the library, or raise DoorError; install: the line that installs it.
    """

    name: str
    title: str
    band: str
    examples: tuple[Codec, ...]
    to_encode: Find
    to_decode: Find
    install: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What this machine can do with a family. encoder, decoder: None where there is none, for the reason in missing."""

    family: Family
    encoder: Found | None
    decoder: Found | None
    missing: str

    @property
    def libraries(self) -> str:
        """The libraries in use, each once, as "vo-amrwbenc 0.0.4 (system), opencore-amrwb 0.0.5 (av wheel)"."""
        return ", ".join(dict.fromkeys(str(found) for found in (self.encoder, self.decoder) if found))


def _libopus() -> Found:
    found = libopus.load()
    return Found("libopus", str(features()), found.source)


def _ours() -> Found:
    return Found("numpy", version("numpy"), "tables of our own")


def _native(native: Native) -> Find:
    """By codec/library.py."""

    def find() -> Found:
        found = load(native)
        return Found(found.name, found.version, found.source)

    return find


def _av(encoder: str, decoder: str) -> Find:
    """By FFmpeg's names, in PyAV's build of it."""

    def find() -> Found:
        if lack := libav.lacking(encoder, decoder):
            raise DoorError(lack)
        library, number = libav.version().split()
        return Found(library, number, f"PyAV {version('av')}")

    return find


def _lame() -> Found:
    """The LAME that PyAV's wheel brings for FFmpeg's encoder; where PyAV did not come as a wheel, FFmpeg itself."""
    behind = _av("libmp3lame", "mp3float")()
    for source, path in candidates(LAME):
        if source != "system":
            call = ctypes.CDLL(path).get_lame_version
            call.restype = ctypes.c_char_p
            return Found("lame", (call() or b"").decode("ascii", "replace"), source)
    return behind


def family(name: str, title: str, band: str, find: Find, install: str, *examples: Codec) -> Family:
    """One that one library both codes and decodes."""
    return Family(name, title, band, examples, find, find, install)


FAMILIES: tuple[Family, ...] = (
    family("opus", "Opus", "both", _libopus, libopus.LIBOPUS.install, Opus(), Opus(16_000), Opus(rate=48_000)),
    family("opus", "Opus by PyAV", "both", _av("libopus", "libopus"), AV, AvOpus()),
    family("pcm", "PCM, 16 bits", "both", _ours, "", Pcm(), Pcm(8_000)),
    family("pcma", "G.711 A-law", "narrow", _ours, "", G711("a")),
    family("pcmu", "G.711 mu-law", "narrow", _ours, "", G711("mu")),
    family("g722", "G.722", "wide", _av("g722", "g722"), AV, G722()),
    family("amr", "AMR-NB", "narrow", _native(amr.LIBRARY), amr.LIBRARY.install, Amr(), Amr(4_750), Amr(dtx=True)),
    Family(
        "amr-wb",
        "AMR-WB",
        "wide",
        (AmrWb(), AmrWb(23_850), AmrWb(dtx=True)),
        _native(amr_wb.ENCODER),
        _native(amr_wb.DECODER),
        amr_wb.ENCODER.install,
    ),
    Family("mp3", "MP3", "both", (Mp3(), Mp3(64_000)), _lame, _av("libmp3lame", "mp3float"), AV),
    family("aac", "AAC-LC", "both", _av("aac", "aac"), AV, Aac(), Aac(64_000, 48_000)),
    family("lc3", "LC3", "both", _native(lc3.LIBRARY), lc3.LIBRARY.install, Lc3(), Lc3(32_000), Lc3(frame_ms=7.5)),
    family("codec2", "Codec 2", "narrow", _native(codec2.LIBRARY), codec2.LIBRARY.install, *map(Codec2, MODES)),
)


def survey() -> list[Entry]:
    """Every family, in the order of the table."""
    return [_entry(member) for member in FAMILIES]


def versions() -> dict[str, str]:
    """The version of every library that was found, by its name, for manifests."""
    found = (each for entry in survey() for each in (entry.encoder, entry.decoder) if each)
    return dict(sorted((each.library, each.version) for each in found))


def _entry(member: Family) -> Entry:
    encoder, no_encoder = _tried(member.to_encode)
    decoder, no_decoder = _tried(member.to_decode)
    reasons = [why for why in dict.fromkeys((no_encoder, no_decoder)) if why]
    return Entry(member, encoder, decoder, "; ".join(reasons))


def _tried(find: Find) -> tuple[Found | None, str]:
    """The library, or why there is none."""
    try:
        return find(), ""
    except DoorError as error:
        return None, str(error)
