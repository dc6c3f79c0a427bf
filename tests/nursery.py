"""A server that comes back: forked again, each time it is killed, from a process that has everything imported.

``python -m tests.nursery PORT DIRECTORY`` prints a ready line for each life, and ends when its stdin closes.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from imlab.stack.plan import Ready, ServerPlan
from imlab.stack.serving import run


def announce(ready: Ready) -> None:
    """To the test, which reads our stdout."""
    sys.stdout.write(json.dumps(asdict(ready)) + "\n")
    sys.stdout.flush()


def main(port: int, directory: Path) -> None:
    """Fork, wait, and once more if the child was killed."""
    plan = ServerPlan(ws_port=port, data=directory)
    while True:
        child = os.fork()
        if not child:
            run(plan, announce, while_stdin=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise SystemExit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
