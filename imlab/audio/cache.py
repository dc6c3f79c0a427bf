"""Where imlab keeps what can be made or fetched again: the user's cache directory."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from imlab.errors import DoorError


def cache_directory(name: str) -> Path:
    """A directory of the cache, made when it is not there. IMLAB_CACHE moves the whole cache elsewhere."""
    root = os.environ.get("IMLAB_CACHE") or platformdirs.user_cache_path("imlab")
    place = Path(root) / name
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DoorError(f"cannot make the cache {place} ({error.strerror}); IMLAB_CACHE names another place") from error
    return place
