"""For whom a server runs: for us; where we are root, for nobody, since a server on loopback obeys all who are here.

PostgreSQL refuses to run as root, and should: a Redis of root's would write any file for any user of the machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imlab.errors import DoorError
from imlab.stack.services.contract import Engine

NAME = "nobody"
READ, RUN = 0o444, 0o111  # for everyone


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine; both None: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def other(self) -> bool:
        """Whether it is someone else than we."""
        return self.uid is not None

    def options(self) -> dict[str, Any]:
        """Of subprocess.Popen."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.other else {}

    def own(self, directory: Path) -> None:
        """Make a directory that is the account's alone."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if self.uid is not None and self.gid is not None and directory.stat().st_uid != self.uid:
            os.chown(directory, self.uid, self.gid)


def account() -> Account:
    """Ours, or nobody's where we are root."""
    if os.geteuid() != 0:
        return Account()
    try:
        found = pwd.getpwnam(NAME)
    except KeyError as error:
        raise DoorError(f"servers do not run as root here, and there is no user {NAME}: useradd {NAME}") from error
    return Account(found.pw_uid, found.pw_gid)


def closed(path: Path) -> Path | None:
    """The first on the way to the path, itself included, that not everyone may enter or run; None: there is none."""
    way = [*reversed(path.resolve().parents), path]
    return next((each for each in way if not each.stat().st_mode & stat.S_IXOTH), None)


def within_reach(engine: Engine, who: Account, home: Path) -> Engine:
    """The engine itself, or its copy in ``home`` where the account cannot go to it, as in root's own home."""
    if not who.other or closed(engine.program) is None:
        return engine
    copy = home / "engine"
    shutil.copytree(engine.folder, copy, dirs_exist_ok=True)
    for path in (copy, *copy.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | READ | (RUN if mode & stat.S_IXUSR else 0))
    return replace(engine, program=copy / engine.program.relative_to(engine.folder), folder=copy)
