"""All of HTTP as one application: which part answers which path, for those who asked for us by a name that is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from imlab.net.sockets.gate import Names, is_ours
from imlab.net.web.answers import Refusal, refuse
from imlab.net.web.serving.ready import AtOnce, Header, Ready
from imlab.net.web.serving.whole import Order, Orders

MOST_HOSTS = 256  # names that are remembered; whoever sends more of them is no browser of ours
GATE = b"host"


class Application:
    """ASGI, what may be answered at once (see ready), and what is wanted whole (see whole).

    parts: by method and the beginning of the path, the longest first; any method: "". others: the rest.
    """

    def __init__(
        self,
        parts: Mapping[tuple[str, str], ASGIApp],
        others: ASGIApp,
        ready: AtOnce | None = None,
        names: Names = (),
        whole: Orders | None = None,
    ) -> None:
        self._parts = sorted(parts.items(), key=lambda part: -len(part[0][1]))
        self._others, self._ready, self._names, self._whole = others, ready, names, whole
        self._hosts: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        host = _host(scope["headers"])
        if not self._is_ours(host):
            why = f"not known by the name {host.decode('latin-1')!r:.200}"
            await refuse(send, Refusal(403, "forbidden", why))
            return
        await self._part(scope["method"], scope["path"])(scope, receive, send)

    def at_once(self, method: bytes, target: bytes, headers: Sequence[Header]) -> Ready | None:
        """The answer, where it is ready."""
        return self._ready(method, target, headers) if self._ready and self._is_ours(_host(headers)) else None

    def orders(self, method: bytes, target: bytes, headers: Sequence[Header]) -> Order | None:
        """Whether somebody wants the body whole."""
        if method == b"GET" or self._whole is None or not self._is_ours(_host(headers)):
            return None
        return self._whole(method, target, headers)

    def _part(self, method: str, path: str) -> ASGIApp:
        for (its_method, beginning), part in self._parts:
            if path.startswith(beginning) and its_method in ("", method):
                return part
        return self._others

    def _is_ours(self, host: bytes) -> bool:
        known = self._hosts.get(host)
        if known is None:
            if len(self._hosts) >= MOST_HOSTS:
                self._hosts.clear()
            known = self._hosts[host] = is_ours(host.decode("latin-1"), self._names)
        return known


def _host(headers: Sequence[Header]) -> bytes:
    for name, value in headers:
        if name == GATE:
            return value
    return b""
