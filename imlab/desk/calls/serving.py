"""The work of ./lab serve: its words become a plan, the plan is run, a person or a program is told."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict, replace
from ipaddress import ip_address
from typing import TypeVar

from imlab.desk.calls.codec_options import KINDS
from imlab.errors import UsageError
from imlab.net.web.downloads.hot import Warmth
from imlab.server.examination import Limits
from imlab.server.terms import Terms
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.stack.data_directory import data_directory
from imlab.stack.plan import Ready, ServerPlan
from imlab.stack.serving import run

T = TypeVar("T", UploadTerms, Limits, Warmth)


def serve(options: Namespace) -> int:
    """Exit code 0 after Ctrl-C or SIGTERM."""
    if not options.dev:
        raise UsageError("there is no login yet, so --no-dev would let nobody in; keep to an address you trust")
    plan = ServerPlan(
        ws_port=options.ws,
        http_port=options.http,
        host=options.host,
        data=None if options.memory else options.data or data_directory(),
        terms=_terms(options.terms, options.codecs),
        examine=options.examine,
        bodies=options.bodies,
        uploads=_given(UploadTerms, "--uploads", options.uploads),
        limits=_given(Limits, "--limits", options.limits),
        warmth=_given(Warmth, "--warmth", options.warmth),
        second_cache=options.cache or "",
        marks=options.marks,
        names=tuple(name.lower() for name in options.name),
        tls=tuple(options.tls) if options.tls else None,
    )
    plan = replace(plan, loop=options.loop) if options.loop else plan
    if not _on_loopback(plan.host):
        _say(f"warning: without a login, everyone who reaches {plan.host} can listen and send under any name")
    notes = run(plan, lambda ready: _announce(ready, plan, options.json), options.while_stdin)
    if not options.json:
        _say(f"stopped; {notes} note{'' if notes == 1 else 's'} made durable")
    return 0


def _announce(ready: Ready, plan: ServerPlan, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(ready)), flush=True)
        return
    where = f"notes in {plan.data}" if plan.data else "notes in memory only"
    print(f"ready: {ready.ws}  media {ready.media}  {where}  (Ctrl-C stops)", flush=True)


def _terms(text: str, codecs: str | None) -> Terms:
    try:
        said = json.loads(text)
        if not isinstance(said.setdefault("codecs", []), list):
            raise TypeError("codecs is a list of names")
        terms = Terms(**said | {"codecs": tuple(said["codecs"])})
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"--terms takes a JSON object of limits: {error}") from error
    return terms if codecs is None else replace(terms, codecs=_named(codecs))


def _given(kind: type[T], option: str, text: str) -> T:
    """Limits, the usual but for those that are said."""
    try:
        said = json.loads(text)
        if isinstance(said.get("patience"), dict):
            said["patience"] = Patience(**said["patience"])
        return kind(**said)
    except (ValueError, TypeError, AttributeError, AssertionError) as error:
        raise UsageError(f"{option} takes a JSON object of limits: {error}") from error


def _named(codecs: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in codecs.split(","))
    for name in names:
        if name not in KINDS:
            raise UsageError(f"--codecs: no codec is called {name!r}; there are {', '.join(KINDS)}")
    return names


def _on_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
