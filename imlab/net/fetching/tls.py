"""TLS 1.3 for clients: the server is who it says it is, and the second handshake takes the ticket of the first."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from imlab.errors import UsageError


class Resuming(ssl.SSLContext):
    """A context whose next connection offers the newest session; for one origin.

    asyncio and uvloop call ``wrap_bio`` without a session, so it is put in here.
    """

    session: ssl.SSLSession | None = None

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *given: Any, **named: Any) -> ssl.SSLObject:
        """As the parent's, with our session."""
        return super().wrap_bio(incoming, outgoing, *given, **named | {"session": self.session})


def trusting(authorities: Path | None = None) -> Resuming:
    """Trusts the system's authorities (SSL_CERT_FILE is heeded), or those in a PEM file."""
    context = Resuming(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if authorities is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(authorities)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{authorities} holds no certificates: {error}") from error
    return context
