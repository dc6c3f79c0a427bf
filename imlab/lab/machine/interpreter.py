"""What a Python is to us: ./lab runs this file with each one it finds, old ones too, so its words are plain."""

import importlib.util
import sys
import sysconfig


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


def verdict() -> str:
    """In the words of ./lab: "best" and "good" will do, "poor" only where a uv is on PATH; else what it is."""
    if not will_do():
        return name()
    if importlib.util.find_spec("pip") is None:
        return "poor"
    return "best" if optimised() else "good"


if __name__ == "__main__":
    print(verdict())  # noqa: T201
