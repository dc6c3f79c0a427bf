"""Find a native library and load it by ctypes, in a stated order.

An environment variable that names the file decides, and is never a hint; then the conda prefix, the copy inside an
installed wheel, the system. Importing this module loads nothing, and a wheel is found without being imported.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from imlab.errors import DoorError

ADDRESS, NUMBER, BYTES = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p  # what the C functions that we call take

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Native:
    """A library by all its names.

    name: the one in manifests and for the system's linker; variable: who overrides the search; wheel: the package
    that may carry a copy; abi: the number in its soname; symbols: the functions that we call; install: the line;
    release: the distribution that is released with the library and in that wheel, if any, so that it tells the version.
    """

    name: str
    variable: str
    wheel: str
    symbols: tuple[str, ...]
    install: str
    abi: str = "0"
    release: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """A library in use, for manifests; calls: its functions, declared by who loaded it."""

    name: str
    path: str
    version: str
    source: str
    calls: ctypes.CDLL = field(repr=False, compare=False)

    def declare(self, function: str, result: Any, *arguments: Any) -> None:
        """Say what a function takes and gives, as the library's header does."""
        call = getattr(self.calls, function)
        call.restype, call.argtypes = result, arguments


def load(native: Native) -> Library:
    """Load it once. DoorError where there is none, or where the one that the variable names is of no use."""
    with _one_at_a_time:
        return _load(native)


@cache
def _load(native: Native) -> Library:
    asked = os.environ.get(native.variable)
    if asked:
        return _open(native, "the variable " + native.variable, asked)
    tried = []
    for source, path in candidates(native):
        try:
            return _open(native, source, path)
        except DoorError as error:
            tried.append(str(error))
    raise DoorError(nowhere(native, tried))


def nowhere(native: Native, tried: list[str]) -> str:
    """Why there is none, and what to do; tried: what was wrong with each file that was found."""
    places = "; ".join(tried) or f"nothing in the conda prefix, the {native.wheel} wheel or the system"
    return f"no lib{native.name}: {places}; install one: {native.install}, or set {native.variable} to the file"


def candidates(native: Native) -> Iterator[tuple[str, str]]:
    """Where it lies, best first: (source, path)."""
    prefix, name, abi = Path(sys.prefix), native.name, native.abi
    if (prefix / "conda-meta").is_dir():
        for file in (f"lib/lib{name}.so.{abi}", f"lib/lib{name}.{abi}.dylib", f"Library/bin/{name}.dll"):
            if (prefix / file).is_file():
                yield "conda", str(prefix / file)
    for folder in _wheel_folders(native.wheel):
        for path in sorted(folder.glob(f"*{name}[-.]*")):
            if path.is_file():  # meson's wheels keep a folder of pkg-config files beside the library
                yield _of(native.wheel), str(path)
    found = ctypes.util.find_library(name)
    if found is not None:
        yield "system", found


def _of(wheel: str) -> str:
    return f"{wheel} wheel"


def _wheel_folders(package: str) -> Iterator[Path]:
    """Where a wheel keeps its libraries: auditwheel and delvewheel; delocate; meson."""
    spec = importlib.util.find_spec(package)  # finds the wheel without importing it
    if spec is None or spec.origin is None:
        return
    home = Path(spec.origin).parent
    if spec.submodule_search_locations is None:  # a single module: its libraries lie beside it
        yield from sorted(home.glob(f".{package}*.mesonpy.libs"))
        return
    yield home.with_name(f"{home.name}.libs")
    yield home / ".dylibs"


def _open(native: Native, source: str, path: str) -> Library:
    """Load the file and see that it is the library that was meant."""
    try:
        calls = ctypes.CDLL(path)
        for symbol in native.symbols:
            getattr(calls, symbol)
    except (OSError, AttributeError) as error:
        raise DoorError(f"{path} is not a usable lib{native.name}: {error}") from error
    return Library(native.name, path, _version(native, source, path, calls), source, calls)


def _version(native: Native, source: str, path: str, calls: ctypes.CDLL) -> str:
    """Its release's; else what follows .so in the file's true name, as 0.0.5, else that name: it has no other."""
    if native.release and source == _of(native.wheel):
        return metadata.version(native.release)
    name = Path(os.path.realpath(_file_of(calls, native.symbols[0]) or path)).name
    found = re.search(r"\.so\.(\d[\d.]*)$|\.(\d[\d.]*)\.dylib$", name)
    return next(group for group in found.groups() if group) if found else name


class _Place(ctypes.Structure):
    """Dl_info of dladdr(3)."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("file_at", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("symbol_at", ctypes.c_void_p),
    )


def _file_of(calls: ctypes.CDLL, symbol: str) -> str:
    """The file that a function came from: the system's linker is asked by soname and does not say. Empty: unknown."""
    if os.name != "posix":
        return ""
    place = _Place()
    address = ctypes.cast(getattr(calls, symbol), ctypes.c_void_p)
    known = ctypes.CDLL(None).dladdr(address, ctypes.byref(place))
    return os.fsdecode(place.file) if known and place.file else ""
