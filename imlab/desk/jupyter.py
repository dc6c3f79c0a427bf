"""./lab jupyter: JupyterLab on the notebooks, in this environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping

from imlab.desk.measuring.places import ROOT

EPILOG = """\
Whatever is not known here goes to JupyterLab as it stands.

examples:
  ./lab jupyter                            opens a browser where there is a display
  ./lab jupyter --port 9999 --ip 0.0.0.0   from another machine; the address with its token is printed
  ./lab jupyter notebooks/00_start_here.ipynb
"""


def main(argv: list[str]) -> int:
    """This process becomes JupyterLab, so Ctrl-C and exit codes are its own."""
    parser = argparse.ArgumentParser(
        prog="lab jupyter",
        description="JupyterLab on the notebooks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _, extra = parser.parse_known_args(argv)
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options(os.environ, os.getuid()), *extra])


def options(environment: Mapping[str, str], user: int) -> list[str]:
    """What JupyterLab must be told here. user: 0 is root."""
    chosen = [f"--ServerApp.root_dir={ROOT}", "--LabApp.default_url=/lab/tree/notebooks"]
    if user == 0:
        chosen.append("--allow-root")
    if sys.platform == "linux" and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        chosen.append("--no-browser")
    return chosen
