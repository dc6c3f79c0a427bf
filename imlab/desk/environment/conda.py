"""Inside an activated conda environment: check that it holds what we need, then work in it."""

from __future__ import annotations

import sys

from imlab.desk import dispatch
from imlab.desk.environment.requirements import missing
from imlab.desk.measuring.places import ROOT


def main(argv: list[str]) -> int:
    """The verb, in this environment; or one line that says what it lacks."""
    lacks = list(missing(ROOT / "pyproject.toml"))
    if lacks:
        line = f"this conda environment lacks {', '.join(lacks)}: conda env update -f environment.yml"
        return dispatch.complain(f"lab: {line}", 1)
    return dispatch.main(argv)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
