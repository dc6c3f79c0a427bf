"""The work of ./lab slice."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from imlab.audio.passages import open_sound
from imlab.codec.opus import Opus
from imlab.codec.slice_files import Piece, slice_coded, slice_opus, slice_samples, write_slices
from imlab.errors import UsageError

BAR_AFTER = 1.0  # seconds


def run(options: Namespace) -> int:
    """Cut, write, and say what was written."""
    if not options.every > 0:
        raise UsageError(f"a slice lasts longer than {options.every:g} s")
    pieces: list[Piece] = []
    with tqdm(unit="slice", desc=options.file.name, delay=BAR_AFTER, leave=False, disable=None) as bar:

        def watch(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        paths = write_slices(_keeping(pieces, _cut(options)), options.out, watch)
    for path, piece in zip(paths, pieces, strict=True):
        if options.json:
            print(json.dumps(_told(path, piece)))
    if not options.json:
        size = sum(path.stat().st_size for path in paths)
        last = pieces[-1].label
        print(
            f"{len(paths)} slices of {options.every:g} s in {options.out}: {last.total / last.rate:.1f} s of sound,"
            f" {size:,} bytes; ./lab join {options.out} --out FILE puts them together again"
        )
    return 0


def _cut(options: Namespace) -> Iterator[Piece]:
    """The way that was asked for; "same" is the way that loses nothing of the file."""
    coding = {"bitrate": options.bitrate, "frame_ms": options.frame, "rate": 48_000 if options.fullband else None}
    given = {name: value for name, value in coding.items() if value is not None}
    if given and options.codec != "opus":
        raise UsageError("--bitrate, --frame and --fullband are for --codec opus")
    codec = options.codec if options.codec != "same" else _same(options.file)
    if codec == "opus" and options.codec == "same":
        return slice_opus(options.file, options.every, options.source)
    if codec == "opus":
        return slice_coded(options.file, Opus(**given), options.every, options.source)
    return slice_samples(options.file, {"pcm": ".wav", "flac": ".flac"}[codec], options.every, options.source)


def _same(path: Path) -> str:
    """The codec that a file is in, when its slices can be joined without loss."""
    if b"OpusHead" in _begins(path):
        return "opus"
    with open_sound(path) as file:
        name = {"WAV": "pcm", "WAVEX": "pcm", "RF64": "pcm", "FLAC": "flac"}.get(file.format)
        if name is None or not isinstance(file.name, str | Path):
            raise UsageError(f"{path.name} cannot be cut without coding it anew: give --codec opus, pcm or flac")
        return name


def _begins(path: Path) -> bytes:
    """As many bytes as tell Opus from everything else in Ogg."""
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _keeping(kept: list[Piece], pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Pieces as they pass; kept without their bytes."""
    for piece in pieces:
        kept.append(Piece(piece.name, piece.label, b""))
        yield piece


def _told(path: Path, piece: Piece) -> dict[str, object]:
    label = piece.label
    return {
        "file": str(path),
        "index": label.index,
        "count": label.count,
        "start_s": round(label.seconds, 6),
        "start": label.start,
        "samples": label.samples,
        "rate": label.rate,
        "source": label.source,
        "bytes": path.stat().st_size,
    }
