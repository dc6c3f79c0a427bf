"""TCP's congestion control in the network namespace that this thread is in."""

from __future__ import annotations

from imlab.errors import DoorError
from imlab.net.kernel.namespaces import setting

CHOSEN, KNOWN, ALLOWED = (f"ipv4/tcp_{kind}congestion_control" for kind in ("", "available_", "allowed_"))


def chosen() -> str:
    """What a new connection here begins with."""
    return setting(CHOSEN)


def choosable() -> list[str]:
    """What it could be: a namespace takes no more than the kernel allows to everybody."""
    return setting(ALLOWED).split()


def choose(name: str) -> None:
    """Let new connections begin with this one."""
    try:
        setting(CHOSEN, name)
    except DoorError as error:
        allowed = choosable()
        if name in allowed or name not in setting(KNOWN).split():
            raise
        remedy = f'sysctl -w net.{ALLOWED.replace("/", ".")}="{" ".join([*allowed, name])}"'
        raise DoorError(f"a namespace may not choose tcp_congestion_control {name} here: {remedy}") from error
