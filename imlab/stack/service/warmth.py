"""What a service's caches hold before it is asked for anything, as a file: rows, and where their bodies lie.

A line of JSON, {"objects": DIRECTORY, "memory": COUNT}, then the rows as protobuf's stream has them: those that memory
holds first, then those of the second level; in each the least recently used first. Bodies are read from the directory
itself, so that warming knows no delay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imlab.errors import DoorError, PeerError
from imlab.wire.framings import Protobuf
from imlab.wire.messages import VoiceMessage
from imlab.wire.recording import Recording


@dataclass(frozen=True, slots=True)
class Warmth:
    """objects: the directory of the object store. memory, second: what each level holds, the last used last."""

    objects: Path
    memory: Sequence[VoiceMessage] = ()
    second: Sequence[VoiceMessage] = ()

    def recordings(self, notes: Sequence[VoiceMessage]) -> Iterator[Recording]:
        """With their sound."""
        for note in notes:
            assert note.file
            try:
                yield Recording(note, (self.objects / note.file.sha256).read_bytes())
            except OSError as error:
                raise DoorError(f"the sound of note {note.id} cannot be read: {error}") from error


def write_warmth(path: Path, warmth: Warmth) -> None:
    """The file."""
    told = json.dumps({"objects": str(warmth.objects.absolute()), "memory": len(warmth.memory)})
    rows = Protobuf().encode_list([*warmth.memory, *warmth.second])
    path.write_bytes(told.encode() + b"\n" + rows)


def read_warmth(path: Path) -> Warmth:
    """It again."""
    try:
        head, _, rows = path.read_bytes().partition(b"\n")
        told = json.loads(head)
        notes, count = Protobuf().decode_list(rows), int(told["memory"])
        return Warmth(Path(told["objects"]), notes[:count], notes[count:])
    except (OSError, ValueError, KeyError, TypeError, PeerError) as error:
        raise DoorError(f"{path} does not tell what caches hold: {error}") from error
