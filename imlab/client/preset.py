"""A preset: an app's voice notes as settings that run here, each fact with the place where it was read."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.codec.contract import Codec


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read, repository and file (at a commit) or issue (with its date), and what stands there."""

    where: str
    says: str


@dataclass(frozen=True, slots=True)
class Preset:
    """An app's voice notes, as_of a year or month. codec: what of them a codec value can say; container: in words.

    waveform: points of the thumbnail; part_bytes: in one part of an upload; longest_s: the longest note, heartbeat_s:
    of its connection, in seconds; None: no source was found. differs: what the codec value does not have of the app's
    sound; unknown: which settings no source tells, and what stands in for them.
    """

    name: str
    app: str
    client: str
    as_of: str
    codec: Codec
    container: str
    sources: tuple[Source, ...]
    waveform: int | None = None
    part_bytes: int | None = None
    longest_s: int | None = None
    heartbeat_s: float | None = None
    differs: str = ""
    unknown: str = ""
