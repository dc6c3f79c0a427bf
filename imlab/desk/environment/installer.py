"""How a lock gets into .venv: by uv, which pip fetches for the occasion, or by pip alone where there is no uv.

Only archives whose hash is in a lock, with the user's own index, mirror, proxy and certificates (uv does not read
pip's configuration, so it is translated). What has no wheel is built with tools from the same locks.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imlab.desk.environment.errand import Failed, run
from imlab.errors import DoorError

BUILDERS = ("setuptools", "cython")  # what our two source archives, opuslib and pesq, are built with

CALM = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_REQUIRE_VIRTUALENV": "0",  # we install into our own directory, which is what that setting asks for
    "PIP_USER": "0",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYTHONWARNINGS": "ignore",
    "UV_SYSTEM_CERTS": "1",
}
PATIENCE = {"PIP_RETRIES": "2", "UV_HTTP_RETRIES": "2"}  # without a network, an answer within seconds

NO_ANSWER = "no answer from the package index: set-up needs the network once (pip's mirror and proxy settings are used)"
CAUSES = {
    r"No space left|Disk quota": "the disk is full",
    r"UnknownIssuer|CERTIFICATE_VERIFY|invalid peer certificate": (
        "the package index's certificate is not trusted: name its authority, PIP_CERT=/path/to/ca.pem ./lab"
    ),
    r"dns error|name resolution|Name or service|Connection|[Tt]imed? ?out|error sending request|unreachable": NO_ANSWER,
    r"[Hh]ash mismatch|DO NOT MATCH THE HASHES": "a downloaded archive is not the one in the lock (hash mismatch)",
    r"No module named '?pip": "this Python has no pip: apt install python3-pip, or put uv on PATH",
    r"Python\.h": "Python.h is missing: apt install python3-dev",
}


class Installer(Protocol):
    """Installs what a lock names."""

    def install(self, lock: Path) -> None:
        """Every archive of ``lock``, by hash, or DoorError in one line."""


@dataclass(frozen=True, slots=True)
class Uv:
    """uv at ``program``: parallel, several times faster than pip."""

    program: str
    root: Path

    def install(self, lock: Path) -> None:
        """Byte-compiled: starts are three times faster."""
        into = ["--python", str(self.root / ".venv/bin/python"), "--no-deps", "--require-hashes", "--compile-bytecode"]
        tools = [f"--build-constraints={path}" for path in {self.root / "requirements.lock", lock}]
        install = [self.program, "pip", "install", *into, *tools, "-r", str(lock)]
        demand(install, self.root, uv_settings(pip_settings()), enough=b"Bytecode compiled")  # 180 names follow


@dataclass(frozen=True, slots=True)
class Pip:
    """The pip of the Python that runs now, working on .venv from outside: slower, and everywhere."""

    root: Path

    def install(self, lock: Path) -> None:
        """Build tools first: the rest is built with them, not with what pip would fetch unasked."""
        tools = self.root / ".venv/tools.lock"
        tools.write_text("".join(stanza(lock.read_text(), name) for name in BUILDERS))
        pip = [sys.executable, "-m", "pip", "--python", str(self.root / ".venv/bin/python"), "install"]
        sure = ["--no-deps", "--require-hashes", "--no-build-isolation", "--use-pep517"]
        for path in (tools, lock):
            demand([*pip, *sure, "-r", str(path)], self.root, {})


def find_installer(root: Path) -> Installer:
    """uv by pip, by hash; a uv on PATH where this Python has no pip; pip alone where uv has no wheel."""
    home = root / ".venv/uv"
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(home), "--no-deps", "--require-hashes"]
    try:
        run([*fetch, "--only-binary", ":all:", "-r", str(root / "requirements-uv.lock")], environment({}))
    except Failed as error:
        if "No module named" in error.text and (theirs := shutil.which("uv")):
            return Uv(theirs, root)
        if cause(error.text):
            raise DoorError(explain(error.text)) from error
        return Pip(root)
    return Uv(str(home / "bin/uv"), root)


def demand(command: list[str], root: Path, settings: Mapping[str, str], enough: bytes | None = None) -> None:
    """Run to a good end, or say in one line what went wrong and where all of it is written."""
    log = root / ".venv/setup.log"
    try:
        run(command, environment(settings), enough)
    except Failed as error:
        log.write_text(error.text)
        raise DoorError(f"{explain(error.text)} (all of it: {log})") from error


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The user's environment, which wins over what we translate and over our patience, but not over our calm."""
    return {**PATIENCE, **settings, **os.environ, **CALM}


def cause(text: str) -> str | None:
    """What went wrong, where it is one of the things that go wrong everywhere."""
    return next((line for pattern, line in CAUSES.items() if re.search(pattern, text)), None)


def explain(text: str) -> str:
    """One line from an installer's many."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it gave no reason"]
    blamed = [line for line in lines if re.match(r"(?i)(error|×|cause)", line)] or lines[-1:]
    if "(from versions: none)" in text:  # all that pip says of an index that does not answer, once it is tired of it
        return NO_ANSWER
    return cause(text) or f"packages could not be installed: {blamed[0]}"


def stanza(lock: str, name: str) -> str:
    """The lines of one package in a lock, hashes and all; empty where it is not there."""
    found = re.search(rf"^{name}==.*\n(?:[ \t]+.*\n)*", lock, re.MULTILINE)
    return found.group() if found else ""


def pip_settings() -> dict[str, str]:
    """What pip is configured to do here, by name of option: files first, then the environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        env=environment({}),
        check=False,
    )
    return parse_settings(listed.stdout)


def parse_settings(listed: str) -> dict[str, str]:
    """``global.index-url='...'`` lines to a table; install beats global, the environment beats both."""
    found: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        for option, value in re.findall(rf"^{section}\.([a-z-]+)=(.+)$", listed, re.MULTILINE):
            found[option] = str(ast.literal_eval(value))
    return found


def uv_settings(pip: Mapping[str, str]) -> dict[str, str]:
    """pip's options in uv's words; only what was set."""
    links = [link for link in pip.get("find-links", "").split() if "://" in link or Path(link).exists()]
    words = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_INDEX_STRATEGY": "unsafe-best-match"
        if "extra-index-url" in pip
        else "",  # as pip does; hashes keep it safe
        "UV_FIND_LINKS": ",".join(links),
        "UV_NO_INDEX": pip.get("no-index", ""),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "SSL_CLIENT_CERT": pip.get("client-cert", ""),
        "HTTPS_PROXY": pip.get("proxy", ""),
        "HTTP_PROXY": pip.get("proxy", ""),
        "UV_HTTP_TIMEOUT": pip.get("timeout", pip.get("default-timeout", "")),
    }
    return {name: value for name, value in words.items() if value}
