"""The options that choose a codec: by its name and settings, or by what an app ships.

A parser must be quick, so this file knows only words; the codec is imported once the words are right.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imlab.errors import UsageError

if TYPE_CHECKING:
    from imlab.codec.contract import Codec


@dataclass(frozen=True, slots=True)
class Kind:
    """A codec by its words. takes: the options that it has; fixed: the settings that its name says already."""

    module: str
    type: str
    takes: tuple[str, ...] = ()
    fixed: dict[str, str] = field(default_factory=dict)


DEFAULT = "opus"
FIELDS = {"bitrate": "bitrate", "frame": "frame_ms", "complexity": "complexity", "rate": "rate", "dtx": "dtx"}
KINDS = {  # by name on the wire
    "opus": Kind("opus", "Opus", ("bitrate", "frame", "complexity", "rate", "dtx")),
    "pcm": Kind("pcm", "Pcm", ("frame", "rate")),
    "pcma": Kind("g711", "G711", ("frame",), {"law": "a"}),
    "pcmu": Kind("g711", "G711", ("frame",), {"law": "mu"}),
    "amr": Kind("amr", "Amr", ("bitrate", "dtx")),
    "amr-wb": Kind("amr_wb", "AmrWb", ("bitrate", "dtx")),
    "g722": Kind("g722", "G722", ("frame",)),
    "mp3": Kind("mp3", "Mp3", ("bitrate", "rate")),
    "aac": Kind("aac", "Aac", ("bitrate", "rate")),
    "lc3": Kind("lc3", "Lc3", ("bitrate", "frame", "rate")),
    **{
        f"codec2-{mode}": Kind("codec2", "Codec2", (), {"mode": mode})
        for mode in ("3200", "2400", "1600", "1400", "1300", "1200", "700c")
    },
}


def add_codec_options(parser: argparse.ArgumentParser) -> None:
    """--codec or --preset, and the settings; what is not given stays as the codec or the preset has it."""
    takes = "\n".join(f"{name:<7} takes {_options(name)}" for name, kind in KINDS.items() if kind.takes)
    group = parser.add_argument_group("codec", f"{takes}\ncodec2-* take nothing more")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--codec", choices=KINDS, metavar="NAME", help=f"one of {', '.join(KINDS)} ({DEFAULT})")
    which.add_argument(
        "--preset", metavar="NAME", help="as an app ships it: telegram-ios, signal-android, ... (docs/presets.md)"
    )
    group.add_argument("--bitrate", type=int, metavar="BITS", help="bits per second (opus: 24000)")
    group.add_argument("--frame", type=float, metavar="MS", help="milliseconds in a packet (opus: 20)")
    group.add_argument("--complexity", type=int, metavar="N", help="0 to 10 (10)")
    group.add_argument("--rate", type=int, metavar="HZ", help="samples per second (16000)")
    group.add_argument("--fullband", dest="rate", action="store_const", const=48_000, help="--rate 48000")
    group.add_argument("--dtx", action="store_const", const=True, help="pauses in a few bytes")


def codec_of(options: argparse.Namespace) -> Codec:
    """The codec that the options name. UsageError for a setting that it does not have, or that cannot be."""
    usual = _shipped(options.preset) if options.preset else _usual(KINDS[options.codec or DEFAULT])
    given = {option: value for option in FIELDS if (value := getattr(options, option)) is not None}
    for option in given:
        if option not in KINDS[usual.name].takes:
            raise UsageError(f"{usual.name} has no --{option}; it takes {_options(usual.name) or 'no settings'}")
    settings: Any = usual  # a frozen dataclass, as every codec's are
    codec: Codec = replace(settings, **{FIELDS[option]: value for option, value in given.items()})
    return codec


def _shipped(preset: str) -> Codec:
    codec: Codec = import_module("imlab.client.presets").preset(preset).codec
    return codec


def _usual(kind: Kind) -> Codec:
    codec: Codec = getattr(import_module(f"imlab.codec.{kind.module}"), kind.type)(**kind.fixed)
    return codec


def _options(name: str) -> str:
    """What it takes, in words."""
    return ", ".join(f"--{option}" for option in KINDS[name].takes)
