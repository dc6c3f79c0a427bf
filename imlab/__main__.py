"""The front door: python -m imlab VERB ..."""

from __future__ import annotations

import sys

from imlab.desk.dispatch import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
