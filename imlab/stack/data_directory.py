"""Where a server keeps notes when nobody says otherwise: the user's data directory."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_directory() -> Path:
    """IMLAB_DATA, or the platform's place for what a user's programs keep."""
    return Path(os.environ.get("IMLAB_DATA") or platformdirs.user_data_path("imlab"))
