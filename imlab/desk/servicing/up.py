"""./lab services up: each is started unless it runs, and installed before where there is none and we may."""

from __future__ import annotations

import sys
from argparse import Namespace

from imlab.desk.servicing.apt import install
from imlab.desk.servicing.telling import chosen, show
from imlab.errors import DoorError
from imlab.stack.services.contract import Service
from imlab.stack.services.standing import Status, status, up
from imlab.stack.services.starting import installs


def run(options: Namespace) -> int:
    """0 when all answer; a service that cannot be had does not keep the others down."""
    found, failed = [], False
    for service in chosen(options.names):
        try:
            found.append(_up(service, not options.no_install))
        except DoorError as error:
            print(f"lab services: {error}", file=sys.stderr)
            failed = True
    if options.json:
        show(found, as_json=True)
    else:
        for each in found:
            after = "not ours" if each.state == "named" else f"./lab services down {each.name} stops it"
            print(f"{each.name}: {each.detail}; {after}", file=sys.stderr)
            print(each.endpoint.url)
    return int(failed)


def _up(service: Service, may_install: bool) -> Status:
    if status(service).state == "down" and next(service.engines(), None) is None:
        if not may_install:
            raise DoorError(f"no {service.name} here, and nothing may be installed: {installs(service)}")
        install(service)
    return up(service)
