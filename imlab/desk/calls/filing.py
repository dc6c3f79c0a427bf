"""A note that was uploaded as a file, saved as it is: fetched, compared with its hash, there when it is whole."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from random import SystemRandom

from imlab.audio.publish import growing
from imlab.client.fetching.download import Copy, Download
from imlab.errors import DoorError, PeerError
from imlab.net.fetching.downloading import Downloading
from imlab.net.fetching.origin import Origin
from imlab.net.web.downloads.kinds import extension_of
from imlab.wire.messages import File, VoiceMessage


def target_of(note: VoiceMessage) -> str:
    """Where a server gives out a note's file."""
    return f"/audio/{note.id}"


async def save_file(note: VoiceMessage, file: File, directory: Path, origin: Origin) -> Path:
    """It may be there already, if it is the same."""
    path = directory / f"{note.sequence}-{note.id}.{extension_of(file.type)}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if sha256(path.read_bytes()).hexdigest() != file.sha256:
                raise DoorError(f"{path} is there already and holds something else")
            return path
    except OSError as error:
        raise DoorError(f"cannot save to {path}: {error.strerror}") from error
    seen = sha256()
    with growing(path) as out:

        def keep(data: bytes) -> None:
            out.write(data)
            seen.update(data)

        await Downloading(origin, Download(target_of(note), Copy(keep, file.size), SystemRandom())).run()
        if seen.hexdigest() != file.sha256:
            raise PeerError(f"the file of note {note.sequence} is not the one that was announced")
    return path
