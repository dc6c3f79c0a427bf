"""./lab services down: what we started is stopped; others' servers are left alone."""

from __future__ import annotations

import sys
from argparse import Namespace

from imlab.desk.servicing.telling import chosen, show
from imlab.stack.services.standing import down, status


def run(options: Namespace) -> int:
    """0: none of ours runs any more."""
    services = chosen(options.names)
    for service in services:
        if down(service) and not options.json:
            print(f"{service.name} stopped", file=sys.stderr)
    if options.json:
        show([status(service) for service in services], as_json=True)
    return 0
