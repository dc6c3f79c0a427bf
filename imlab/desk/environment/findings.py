"""What the doctor finds: each thing that the main job, or a part of it, stands on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from shutil import disk_usage, which

import soundfile

from imlab.audio.speech.corpus import open_corpus
from imlab.codec.catalogue import survey
from imlab.desk.environment.programs import PROGRAMS
from imlab.desk.environment.requirements import missing
from imlab.desk.measuring.places import ROOT
from imlab.errors import DoorError, PeerError, UsageError
from imlab.lab.machine.facts import facts
from imlab.lab.machine.interpreter import optimised
from imlab.net.kernel.namespaces import setting
from imlab.net.kernel.netem import has_netem
from imlab.net.tun import Network, refusal
from imlab.stack.services.standing import status
from imlab.stack.services.table import SERVICES

PACKAGES = ("numpy", "scipy", "pandas", "av", "opuslib", "websockets", "uvloop", "protobuf", "uvicorn", "starlette")
ROOM_TO_WORK = 500_000_000  # bytes for results, stores and the report


@dataclass(frozen=True, slots=True)
class Finding:
    """state: "here"; "missing" (the main job survives it); "slow" (its figures feel it); "broken" (it cannot run)."""

    group: str
    name: str
    state: str
    detail: str
    install: str = ""


def find_all() -> Iterator[Finding]:
    """Everything, in the order of the table."""
    yield from python()
    yield from packages()
    yield from codecs()
    yield from sound()
    yield from speech()
    yield from scores()
    yield from programs()
    yield from networks()
    yield from services()
    yield from machine()


def python() -> Iterator[Finding]:
    """The interpreter, and whether its loops can be believed."""
    plain = not optimised()
    advice = (
        "built without --enable-optimizations: its loops take 1.4-1.5 times as long" if plain else "optimised build"
    )
    detail = f"{platform.python_version()}, {os.path.realpath(sys.executable)}, {advice}"
    remedy = "IMLAB_PYTHON=/usr/bin/python3 ./lab doctor" if plain else ""
    yield Finding("Python", platform.python_implementation(), "slow" if plain else "here", detail, remedy)


def packages() -> Iterator[Finding]:
    """The direct requirements; the ones whose version matters to a figure by name."""
    lacks = list(missing(ROOT / "pyproject.toml"))
    for line in lacks:
        yield Finding("packages", line, "broken", "required by pyproject.toml", "rm -r .venv; ./lab doctor")
    for name in PACKAGES:
        try:
            yield Finding("packages", name, "here", version(name))
        except PackageNotFoundError:
            continue  # named above


def codecs() -> Iterator[Finding]:
    """Opus, without which nothing runs, and its rivals."""
    for entry in survey():
        title, install = entry.family.title, entry.family.install
        if not entry.missing:
            yield Finding("codecs", title, "here", entry.libraries)
        elif title == "Opus":
            yield Finding("codecs", title, "broken", entry.missing, "rm -r .venv; ./lab doctor")
        else:
            half = f"decodes by {entry.decoder}, codes not: " if entry.decoder else ""
            yield Finding("codecs", title, "missing", half + entry.missing, install)


def sound() -> Iterator[Finding]:
    """Files and microphones."""
    yield Finding("sound", "files", "here", f"libsndfile {soundfile.__libsndfile_version__}")
    try:
        import sounddevice
    except OSError:
        yield Finding("sound", "microphone", "missing", "no PortAudio", "apt-get install libportaudio2")
        return
    ears = [device["name"] for device in sounddevice.query_devices() if device["max_input_channels"] > 0]
    state = "here" if ears else "missing"
    yield Finding("sound", "microphone", state, ", ".join(ears) or "PortAudio sees no input device")


def scores() -> Iterator[Finding]:
    """The judges of quality: those that install as wheels, and the one that must be compiled."""
    state = "here" if find_spec("ai_edge_litert") else "broken"
    yield Finding("scores", "ViSQOL", state, f"visqol-python {version('visqol-python')}")
    if find_spec("pesq"):
        yield Finding("scores", "PESQ", "here", f"pesq {version('pesq')}, the ITU-T reference; not for commercial use")
        return
    said = Path(sys.prefix) / "pesq"
    why = said.read_text().strip() if said.is_file() else "not installed"
    yield Finding("scores", "PESQ", "missing", why, "apt-get install gcc python3-dev; rm -r .venv; ./lab doctor")


def programs() -> Iterator[Finding]:
    """What only some studies and `./lab test --outside` use."""
    for program in PROGRAMS:
        path = program.path()
        detail = f"{path}, {program.use}" if path else program.use
        yield Finding(
            "programs", program.names[0], "here" if path else "missing", detail, "" if path else program.install
        )


def networks() -> Iterator[Finding]:
    """Whether bad networks can be made here: not guessed, one is made."""
    yield Finding("networks", "proxy", "here", "TCP of any program, without root; it loses nothing")
    if why := refusal():
        said, _, remedy = why.partition(": ")
        yield Finding("networks", "TUN engine", "missing", said, remedy)
        return
    try:
        with Network({"near": None, "far": None}) as network, network["near"].entered():
            usual, ways = setting("ipv4/tcp_congestion_control"), setting("ipv4/tcp_allowed_congestion_control")
    except DoorError as error:
        yield Finding("networks", "TUN engine", "missing", str(error), "in a container: docker run --privileged")
        return
    tcp = f"congestion control {usual}, of {', '.join(sorted(ways.split()))}"
    yield Finding("networks", "TUN engine", "here", f"the kernel's own TCP and UDP over any link; {tcp}")
    if has_netem():
        yield Finding("networks", "tc netem", "here", "a second opinion")
    else:
        remedy = "" if which("tc") else "apt-get install iproute2"
        yield Finding("networks", "tc netem", "missing", "would be a second opinion; nothing rests on it", remedy)


def services() -> Iterator[Finding]:
    """Servers that we did not write: asked where they run or are named, else looked for; none is started."""
    for service in SERVICES.values():
        found, engine = status(service), next(service.engines(), None)
        if found.state in ("named", "up"):
            yield Finding("services", service.name, "here", f"{found.detail} at {found.endpoint.shown}")
        elif found.state == "silent":
            remedy = f"./lab services down {service.name}" if found.pid else f"unset {service.variable}"
            yield Finding("services", service.name, "missing", found.detail, remedy)
        elif engine:
            yield Finding("services", service.name, "here", f"{engine.program}, {service.use}")
        else:
            yield Finding("services", service.name, "missing", service.use, f"./lab services up {service.name}")


def speech() -> Iterator[Finding]:
    """What will be measured on, without fetching anything."""
    fetch = "./lab run fetches recordings; IMLAB_CORPUS=DIR names your own"
    try:
        found = open_corpus(download=False, say=lambda line: None)
    except (UsageError, DoorError, PeerError) as error:
        yield Finding("speech", "corpus", "broken", str(error), fetch)
        return
    yield Finding("speech", "corpus", "here" if found.real else "missing", str(found), "" if found.real else fetch)


def machine() -> Iterator[Finding]:
    """What every figure depends on."""
    told = facts()
    yield Finding("machine", "cores", "here", f"{len(os.sched_getaffinity(0))} of {told['cores']}, {told['cpu']}")
    yield Finding("machine", "memory", "here", f"{told['memory_gb']} GB")
    free = disk_usage(ROOT).free
    yield Finding("machine", "disk", "here" if free > ROOM_TO_WORK else "broken", f"{free / 1e9:.1f} GB free")
    yield Finding("machine", "system", "here", f"{told['system']} {told['kernel']}")
    yield Finding("machine", "TCP", "here", f"congestion control: {told['congestion'] or 'unknown'}")
    slow = told["governor"] not in ("", "performance")
    yield Finding("machine", "governor", "slow" if slow else "here", told["governor"] or "not ours to see")
