"""Let opuslib load exactly the libopus that we found.

opuslib asks ``ctypes.util.find_library`` once, at its import, and knows nothing of wheels and environments. So we
look first, in the order of codec/library.py, and answer its question with what we found. Importing this module loads
nothing.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType

from imlab.codec import library
from imlab.codec.library import Native
from imlab.errors import DoorError

VARIABLE = "IMLAB_LIBOPUS"
LIBOPUS = Native(
    name="opus",
    variable=VARIABLE,
    wheel="av",
    symbols=("opus_get_version_string",),
    install="pip install av (its wheel carries libopus), conda install libopus or apt-get install libopus0",
)

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Library:
    """The libopus in use, for manifests; encoder and decoder are opuslib's low-level modules over it."""

    path: str
    version: str
    source: str
    encoder: ModuleType = field(repr=False, compare=False)
    decoder: ModuleType = field(repr=False, compare=False)


def load() -> Library:
    """Load libopus once. DoorError when there is none, or when the one that was asked for by name does not load."""
    with _one_at_a_time:
        return _load()


@cache
def _load() -> Library:
    asked = os.environ.get(VARIABLE)
    if asked:
        return _bind("the variable " + VARIABLE, asked, _version(asked))
    tried = []
    for source, path in candidates():
        try:
            return _bind(source, path, _version(path))
        except DoorError as error:
            tried.append(str(error))
    raise DoorError(library.nowhere(LIBOPUS, tried))


def candidates() -> Iterator[tuple[str, str]]:
    """Where a libopus lies, best first: (source, path)."""
    return library.candidates(LIBOPUS)


def _version(path: str) -> str:
    """What the library says it is, such as "libopus 1.6.1"."""
    try:
        ask = ctypes.CDLL(path).opus_get_version_string
    except (OSError, AttributeError) as error:
        raise DoorError(f"{path} is not a usable libopus: {error}") from error
    ask.restype = ctypes.c_char_p
    return str((ask() or b"").decode("ascii", "replace"))


def _bind(source: str, path: str, version: str) -> Library:
    """Import opuslib's low-level modules over this library."""
    if "opuslib.api" in sys.modules:
        raise DoorError("opuslib was imported before imlab could choose its libopus: import imlab.codec.libopus first")
    with _answering(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # opuslib 3.0.1 compares integers by ``is not``
        encoder = importlib.import_module("opuslib.api.encoder")
        decoder = importlib.import_module("opuslib.api.decoder")
    _declare(encoder, decoder)
    return Library(path, version, source, encoder, decoder)


def _declare(encoder: ModuleType, decoder: ModuleType) -> None:
    """Improve on opuslib's declarations; its own callers go on as before.

    ctl is variadic, and on arm64 variadic arguments travel elsewhere: say which two are fixed. A plain address costs a
    third of a microsecond less to pass than a typed pointer, 2 % of decoding a packet: studies/k01.
    """
    address, number, count, data = ctypes.c_void_p, ctypes.c_int, ctypes.c_int32, ctypes.c_char_p
    encoder.libopus_ctl.argtypes = decoder.libopus_ctl.argtypes = (address, number)
    encoder.libopus_encode_float.argtypes = (address, address, number, data, count)
    decoder.libopus_decode_float.argtypes = (address, data, count, address, number, number)


@contextmanager
def _answering(path: str) -> Iterator[None]:
    """While it lasts, ``find_library`` has one answer; opuslib binds the name at its import, we put it back after."""
    original = ctypes.util.find_library
    ctypes.util.find_library = lambda name: path
    try:
        yield
    finally:
        ctypes.util.find_library = original
