"""Who may come in by the address they used: the defence against web pages that a user happens to visit.

A browser lets any page open a WebSocket to any address, also to 127.0.0.1, and says in Origin which page it was. A
page from elsewhere must not speak for the user, so Origin, where there is one, has to name the host that was asked.
That alone is not enough: a page may point a name of its own at 127.0.0.1 (DNS rebinding), and then both agree; so
the host has to be an address or localhost, which nobody else can own, or a name that the server was told is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from imlab.net.sockets.websocket import PATH

Names = Collection[str]  # in lower case


def gatekeeper(names: Names) -> Callable[[ServerConnection, Request], Response | None]:
    """``process_request`` of a WebSocket server: the answer to one who is not let in."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        refused = refusal(request.path, request.headers.get("Host", ""), request.headers.get("Origin"), names)
        return connection.respond(*refused) if refused else None

    return answer


def refusal(path: str, host: str, origin: str | None, names: Names = ()) -> tuple[int, str] | None:
    """HTTP status and reason for a WebSocket request that is not let in. host, origin: the headers of these names.

    names: what we are called beside addresses and localhost.
    """
    if urlsplit(path).path != PATH:
        return 404, f"the WebSocket is at {PATH}\n"
    why = stranger(host, origin, names)
    return (403, f"{why}\n") if why else None


def stranger(host: str, origin: str | None, names: Names = ()) -> str:
    """Why a page may not speak to us; "" if it may, or if no page is asking."""
    if origin is None:
        return ""
    if not is_ours(host, names):
        return "a browser must use an address, localhost, or a name that serve --name was told"
    if _name(origin) != _name(f"//{host}"):
        return "a page of another host may not speak here"
    return ""


def is_ours(host: str, names: Names = ()) -> bool:
    """Whether a Host header names us in a way that no stranger's DNS can."""
    name = _name(f"//{host}")
    if name == "localhost" or name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _name(address: str) -> str:
    """The host's name in a URL; "" when there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # "[" without "]"
        return ""
