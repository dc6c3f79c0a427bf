"""A note together with its file: what a service that gives notes out whole puts into one answer."""

from __future__ import annotations

from dataclasses import dataclass

from imlab.wire.messages import VoiceMessage


@dataclass(frozen=True, slots=True)
class Recording:
    """note: with ``file``, which says the body's sha256, size and type; without audio. body: the bytes of that file."""

    note: VoiceMessage
    body: bytes
