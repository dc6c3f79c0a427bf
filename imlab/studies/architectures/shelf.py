"""A catalogue as it is kept: a file for each body, and one for all rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imlab.errors import DoorError
from imlab.wire.head import decode_head, encode_head
from imlab.wire.messages import VoiceMessage
from imlab.wire.recording import Recording

ROWS, BODIES = "rows.npz", "bodies"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Notes by number: the first ``stored`` are in the database, the others wait to be sent.

    ids: 32 hex digits each; sha256: of each body, 64; sizes: of the bodies, in bytes. All of shape (notes,).
    """

    place: Path
    stored: int
    ids: tuple[str, ...]
    sha256: tuple[str, ...]
    sizes: NDArray[np.int64]
    sequences: NDArray[np.int64]
    heads: tuple[bytes, ...]

    @classmethod
    def opened(cls, place: Path, stored: int) -> Shelf:
        """What ``write`` wrote."""
        try:
            with np.load(place / ROWS, allow_pickle=False) as kept:
                ids, sums = (tuple(kept[name].astype("U").tolist()) for name in ("ids", "sha256"))
                ends, heads = kept["ends"].tolist(), kept["heads"].tobytes()
                parts = tuple(heads[start:end] for start, end in zip([0, *ends], ends, strict=False))
                return cls(place, stored, ids, sums, kept["sizes"], kept["sequences"], parts)
        except (OSError, ValueError, KeyError) as error:
            raise DoorError(f"{place} is no catalogue of notes: {error}; remove it") from error

    def __len__(self) -> int:
        return len(self.ids)

    def note(self, number: int) -> VoiceMessage:
        """The row."""
        return decode_head(self.heads[number], b"", int(self.sequences[number]))

    def file(self, number: int) -> Path:
        """Where its body lies."""
        return self.place / BODIES / self.sha256[number]

    def recording(self, number: int) -> Recording:
        """The row and the body."""
        return Recording(self.note(number), self.file(number).read_bytes())

    def notes(self) -> Iterator[VoiceMessage]:
        """The rows of what is stored, in order of their sequences."""
        return map(self.note, range(self.stored))


def write(place: Path, recordings: Iterable[Recording]) -> None:
    """Keep them in an empty directory."""
    bodies = place / BODIES
    bodies.mkdir()
    notes = []
    for recording in recordings:
        note = recording.note
        assert note.file is not None
        (bodies / note.file.sha256).write_bytes(recording.body)
        notes.append(note)
    files = [note.file for note in notes if note.file is not None]
    heads = [encode_head(note) for note in notes]
    np.savez(
        place / ROWS,
        ids=np.array([note.id for note in notes], dtype="S32"),
        sha256=np.array([file.sha256 for file in files], dtype="S64"),
        sizes=np.array([file.size for file in files], dtype=np.int64),
        sequences=np.array([note.sequence for note in notes], dtype=np.int64),
        ends=np.cumsum([len(head) for head in heads]),
        heads=np.frombuffer(b"".join(heads), dtype=np.uint8),
    )
