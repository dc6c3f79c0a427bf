"""Every codec family that imlab knows, and what this machine can do with each: nothing is missing in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from imlab.codec import amr, libopus
from imlab.codec.amr import Amr
from imlab.codec.contract import Codec
from imlab.codec.g711 import G711
from imlab.codec.library import Native, load
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm
from imlab.errors import DoorError

Found = tuple[str, str]  # a library and its version, as manifests name them


@dataclass(frozen=True, slots=True)
class Family:
    """name: on the wire; band: "narrow", "wide" or "both"; examples: settings, the usual first.

    to_encode and to_decode find the library, or raise DoorError with the line that installs it.
    """

    name: str
    title: str
    band: str
    examples: tuple[Codec, ...]
    to_encode: Callable[[], Found]
    to_decode: Callable[[], Found]


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


def _native(native: Native) -> Callable[[], Found]:
    """By codec/library.py."""

    def find() -> Found:
        found = load(native)
        return found.name, found.version

    return find


def family(name: str, title: str, band: str, find: Callable[[], Found], *examples: Codec) -> Family:
    """One that one library both codes and decodes."""
    return Family(name, title, band, examples, find, find)


FAMILIES: tuple[Family, ...] = (
    family("opus", "Opus", "both", _libopus, Opus(), Opus(16_000), Opus(32_000, rate=48_000)),
    family("pcm", "PCM, 16 bits", "both", _ours, Pcm(), Pcm(8_000)),
    family("pcma", "G.711 A-law", "narrow", _ours, G711("a")),
    family("pcmu", "G.711 mu-law", "narrow", _ours, G711("mu")),
    family("amr", "AMR-NB", "narrow", _native(amr.LIBRARY), Amr(), Amr(4_750), Amr(dtx=True)),
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


def _tried(find: Callable[[], Found]) -> Found | str:
    """The library, or why there is none."""
    try:
        return find()
    except DoorError as error:
        return str(error)
