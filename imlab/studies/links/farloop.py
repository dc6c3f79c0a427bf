"""An event loop whose connections begin on the host that the calling task stands for.

A socket belongs for ever to the namespace that it was opened in, so one thread can hold phones on a hundred hosts:
only the opening is done inside.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from imlab.net.tun import Host

HOST: ContextVar[Host] = ContextVar("host")  # whom a task, and the tasks that it starts, stand for


class FarLoop(asyncio.SelectorEventLoop):
    """For clients that dial an IPv4 address."""

    async def create_connection(  # type: ignore[override]
        self, factory: Callable[[], Any], host: str, port: int, **options: Any
    ) -> tuple[asyncio.Transport, Any]:
        """See asyncio."""
        with HOST.get().entered():
            opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            opened.setblocking(False)
            await self.sock_connect(opened, (host, port))
            return await super().create_connection(factory, sock=opened, **options)
        except BaseException:
            opened.close()
            raise
