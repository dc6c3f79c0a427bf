"""An architecture as JSON and again, as a command line and a plan carry it: each field by the name of its kind.

{"serving": {"Threads": {"workers": 32}}, "caching": {"Caching": {"limit": 16777216, ...}},
 "lines": {"Lines": {"most": 0, "idle_s": 60.0}}, "framing": {"Json": {}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from imlab.errors import UsageError
from imlab.server.service.caching import Caching
from imlab.server.service.lines import Lines
from imlab.stack.presets import FACTORS, Architecture, Asynchronous, Threads
from imlab.wire.framings import Json, Protobuf

KINDS: Mapping[str, tuple[type[Any], ...]] = {
    "serving": (Threads, Asynchronous),
    "caching": (Caching,),
    "lines": (Lines,),
    "framing": (Json, Protobuf),
}


def told(architecture: Architecture) -> dict[str, dict[str, dict[str, Any]]]:
    """For JSON."""
    parts = {name: getattr(architecture, name) for name in FACTORS}
    return {name: {type(part).__name__: asdict(part)} for name, part in parts.items()}


def heard(said: object, usual: Architecture) -> Architecture:
    """The architecture again. What is not said is as in the usual one, within a part of the same kind too."""
    return replace(usual, **{name: _part(name, part, usual) for name, part in _object(said, "architecture").items()})


def _part(name: str, said: object, usual: Architecture) -> Any:
    if name not in KINDS:
        raise UsageError(f"an architecture has no {name!r}; it has {', '.join(KINDS)}")
    kinds = {kind.__name__: kind for kind in KINDS[name]}
    part = _object(said, name)
    if len(part) != 1 or not part.keys() <= kinds.keys():
        raise UsageError(f"{name} is one of {', '.join(kinds)}, as in {{{name!r}: {{{next(iter(kinds))!r}: {{}}}}}}")
    ((kind, values),) = part.items()
    before = getattr(usual, name)
    begun = before if type(before) is kinds[kind] else kinds[kind]()
    return _with(begun, _object(values, kind))


def _with(value: Any, said: Mapping[str, object]) -> Any:
    known = {field.name: getattr(value, field.name) for field in fields(value)}
    for name, new in said.items():
        if name not in known:
            raise UsageError(f"{type(value).__name__} has no {name!r}; it has {', '.join(known) or 'nothing'}")
        kind = type(known[name])
        if type(new) is not kind and not (kind is float and type(new) is int):
            raise UsageError(f"{type(value).__name__}: {name} is {kind.__name__}, not {new!r:.40}")
    return replace(value, **said)


def _object(said: object, what: str) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise UsageError(f"{what} is a JSON object, not {said!r:.60}")
    return said
