"""For whom a command runs: whoever called sudo, and not root, whose rights only the network needed."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import Any

from imlab.errors import UsageError


def owner(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Options of subprocess.Popen; none where root itself called."""
    if os.geteuid() != 0 or not environment.get("SUDO_UID"):
        return {}
    try:
        user = pwd.getpwuid(int(environment["SUDO_UID"]))
    except (KeyError, ValueError) as error:
        raise UsageError(f"SUDO_UID is {environment['SUDO_UID']}, which is nobody here") from error
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    names = {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups, "env": {**environment, **names}}
