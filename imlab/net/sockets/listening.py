"""A TCP socket that listens."""

from __future__ import annotations

import socket

from imlab.errors import DoorError, UsageError

BACKLOG = 1024  # connections that may wait to be accepted, as when all clients of a restarted server come back


def listen(host: str, port: int) -> socket.socket:
    """Bound and listening; what it accepts sends small messages at once.

    asyncio sets TCP_NODELAY itself, but only on sockets whose protocol number says TCP, and create_server leaves that
    at 0: an Ack then waits up to 40 ms for the client's delayed acknowledgement of the one before. Accepted sockets
    inherit the option.
    """
    if not 0 <= port <= 65_535:
        raise UsageError(f"a port is 0 to 65535, not {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise DoorError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
