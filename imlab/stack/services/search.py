"""Where servers lie: in a wheel of this environment, on PATH, where Debian puts them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from imlab.stack.services.contract import Engine


@dataclass(frozen=True, slots=True)
class Search:
    """wheels: a package, and a pattern of the program in it; names: on PATH; places: patterns, the newest first."""

    wheels: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    places: tuple[str, ...] = ()

    def __call__(self) -> Iterator[Engine]:
        """All that there are, best first."""
        for package, pattern in self.wheels:
            for folder in _folders(package):
                yield from (Engine(path, folder, "wheel") for path in sorted(folder.glob(pattern)))
        for name in self.names:
            if path := shutil.which(name):
                yield _system(Path(path))
        for pattern in self.places:
            yield from (_system(path) for path in sorted(Path("/").glob(pattern), key=_version, reverse=True))


def _folders(package: str) -> list[Path]:
    """Where the package lies; it is not imported, for its code is not wanted."""
    spec = find_spec(package)
    return [Path(each) for each in spec.submodule_search_locations or ()] if spec else []


def _system(path: Path) -> Engine:
    return Engine(path, path.parent, "system")


def _version(path: Path) -> list[int]:
    """The numbers in a path: /usr/lib/postgresql/15/bin comes after .../9.6/bin."""
    return [int(number) for number in re.findall(r"\d+", str(path))]
