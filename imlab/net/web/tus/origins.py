"""Web pages that upload: what a browser is told of the headers they may send and see (CORS, the Fetch standard).

Pages of the host that was asked may, whatever port they came from; see sockets/gate.py. Others are refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from imlab.net.sockets.gate import Names, stranger
from imlab.net.web.answers import Refusal

METHODS = "OPTIONS, POST, HEAD, PATCH, DELETE"
SENT = (
    "Authorization, Content-Type, Idempotency-Key, Tus-Resumable, Upload-Checksum, Upload-Concat, Upload-Defer-Length, "
    "Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Request-ID, X-Requested-With"
)
SEEN = (
    "Im-Note, Im-Seq, Location, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "
    "Upload-Concat, Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset"
)
REMEMBERED = 86_400  # seconds; browsers take less


def origin_headers(headers: Mapping[str, str], names: Names) -> list[tuple[bytes, bytes]]:
    """What to add to the answer to a page; Refusal (403) if it is a stranger's. names: see gate."""
    origin = headers.get("origin")
    if origin is None:
        return []
    if why := stranger(headers.get("host", ""), origin, names):
        raise Refusal(403, "forbidden", why)
    told = {"access-control-allow-origin": origin, "vary": "Origin", "access-control-expose-headers": SEEN}
    if "access-control-request-method" in headers:
        told |= {
            "access-control-allow-methods": METHODS,
            "access-control-allow-headers": SENT,
            "access-control-max-age": str(REMEMBERED),
        }
    return [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
