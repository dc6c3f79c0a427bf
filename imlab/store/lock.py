"""One directory, one server: a lock that the system takes back from a process that dies."""

from __future__ import annotations

import fcntl
from pathlib import Path

from imlab.errors import DoorError


class DirectoryLock:
    """Held from construction to ``release``; DoorError when another holds it, in this process or elsewhere."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = (directory / "lock").open("ab")
        except OSError as error:
            raise DoorError(f"cannot use {directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise DoorError(
                f"{directory} is in use by another server: stop it, or give this one its own --data"
            ) from error

    def release(self) -> None:
        """Let another have it."""
        self._file.close()
