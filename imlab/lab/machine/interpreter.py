"""What a Python is to us: ./lab runs this file with each one it finds, old ones too, so its words are plain."""

import importlib.util
import re
import sys
import sysconfig
from collections.abc import Callable


def name() -> str:
    """Such as "cpython 3.11.2"; a build without the global lock is another thing, "cpython-t"."""
    threaded = "-t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return sys.implementation.name + threaded + " " + ".".join(map(str, sys.version_info[:3]))


def will_do() -> bool:
    """Whether our packages have wheels for it."""
    return name().split()[0] == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 13)


def optimised() -> bool:
    """Whether it was compiled with a profile of itself: pure-Python loops take 1.4-1.5 times as long without.

    Its configuration says so, but for Debian's and Ubuntu's, which profile by a rule of their own and erase the flag.
    """
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return "--enable-optimizations" in options or not sysconfig.get_config_var("PGO_PROF_USE_FLAG")


def build(told: "Callable[[str], object]" = sysconfig.get_config_var) -> str:
    """How it was compiled, such as "-O3, PGO, LTO": what CPython's configuration says of itself, ``told`` by name.

    Who packages it by rules of his own erases the flags from it (Debian, Ubuntu): then they are "untold".
    """
    words = {name: str(told(name) or "") for name in ("CONFIG_ARGS", "PY_CFLAGS", "PY_CORE_CFLAGS", "PY_CORE_LDFLAGS")}
    levels = [word for word in words["PY_CFLAGS"].split() if word.startswith("-O")]
    erased = not told("PGO_PROF_USE_FLAG")
    link = "-flto" in " ".join(words.values()) or re.search("--with-lto(?!=no)", words["CONFIG_ARGS"])
    parts = [
        levels[-1] if levels else "-O0",
        "PGO" if "--enable-optimizations" in words["CONFIG_ARGS"] else "PGO untold" if erased else "no PGO",
        "LTO" if link else "LTO untold" if erased else "no LTO",
        "free-threaded" if told("Py_GIL_DISABLED") else "",
        "debug" if told("Py_DEBUG") else "",
    ]
    return ", ".join(part for part in parts if part)


def verdict() -> str:
    """In the words of ./lab: "best" and "good" will do, "poor" only where a uv is on PATH; else what it is."""
    if not will_do():
        return name()
    if importlib.util.find_spec("pip") is None:
        return "poor"
    return "best" if optimised() else "good"


if __name__ == "__main__":
    print(verdict())  # noqa: T201
