"""Code a file, or decode it, and say what it cost."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import soundfile
from tqdm import tqdm

from imlab.audio.blocks import open_binary
from imlab.codec.container.formats import FORMATS
from imlab.codec.container.reading import by_suffix, open_reader
from imlab.codec.container.streaming import Progress, Written, code_file, decode_file
from imlab.codec.container.writing import refuse
from imlab.codec.contract import Codec, CodecError
from imlab.desk.calls.codec_options import codec_of
from imlab.errors import UsageError


def run(options: Namespace) -> int:
    """One file."""
    container = options.container or by_suffix(options.target)
    if container is None:
        raise UsageError(
            f"{options.target.name} names no container by its suffix: say --container, {', '.join(FORMATS)}"
        )
    begin = perf_counter()
    if container == "wav" and options.codec is None and options.preset is None and _is_ours(options.source):
        codec = None
        with _bar(options.source) as progress:
            written = decode_file(
                options.source, options.target, progress,
                container=by_suffix(options.source), overwrite=options.overwrite,
            )  # fmt: skip
    else:
        codec = _codec(options, container)
        with _bar(options.source) as progress:
            written = code_file(
                options.source, codec, options.target, progress, container=container, overwrite=options.overwrite
            )
    told = about(options.target, codec, written, perf_counter() - begin)
    print(json.dumps(told) if options.json else line(told), flush=True)
    return 0


def about(target: Path, codec: Codec | None, written: Written, took: float) -> dict[str, object]:
    """What was done, for a program."""
    return {
        "file": str(target),
        "container": written.container,
        "codec": written.codec,
        "settings": repr(codec) if codec else None,
        "sound_s": round(written.seconds, 3),
        "packets": written.packets,
        "payload_bytes": written.payload,
        "container_bytes": written.file - written.payload if codec else written.file,
        "bitrate": round(8 * written.payload / written.seconds) if written.samples else 0,
        "took_s": round(took, 3),
        "times_real_time": round(written.seconds / took, 1),
    }


def line(told: dict[str, object]) -> str:
    """The same for a person."""
    done = f"{told['file']}: {told['sound_s']} s in {told['took_s']} s, {told['times_real_time']} x real time"
    if told["settings"] is None:
        return f"{done}; {told['payload_bytes']:,} bytes of {told['codec']} decoded"
    spent = f"{told['payload_bytes']:,} bytes + {told['container_bytes']:,} of {told['container']}"
    return f"{done}; {told['settings']}, {told['packets']:,} packets, {spent}"


def _codec(options: Namespace, container: str) -> Codec:
    """What the options name; without a name, the container's own codec."""
    refuse(container, FORMATS[container].codecs[0])
    if options.codec is None and options.preset is None:
        options.codec = FORMATS[container].codecs[0]
    return codec_of(options)


def _is_ours(source: Path) -> bool:
    """Whether a file is a coded track that our decoders know; a WAV is read as any sound."""
    with open_binary(source) as file:
        try:
            return open_reader(file, by_suffix(source)).track.codec != "pcm"
        except CodecError:
            return False


@contextmanager
def _bar(source: Path) -> Iterator[Progress]:
    """A bar in seconds of sound, on a terminal; with an end where libsndfile can tell it."""
    try:
        total = round(soundfile.info(str(source)).duration)
    except (soundfile.SoundFileError, OSError):
        total = None
    with tqdm(total=total, unit="s", unit_scale=True, delay=1.0, leave=False, disable=None) as bar:
        yield bar.update
