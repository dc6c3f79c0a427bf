"""./lab services status: who answers."""

from __future__ import annotations

from argparse import Namespace

from imlab.desk.servicing.telling import chosen, show
from imlab.stack.services.standing import status


def run(options: Namespace) -> int:
    """0 unless one that was named does not answer."""
    found = [status(service) for service in chosen(options.names)]
    show(found, options.json)
    return int(bool(options.names) and any(each.state in ("down", "silent") for each in found))
