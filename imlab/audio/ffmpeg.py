"""Sound that libsndfile does not read (M4A, AMR, WebM, MP4, ...), block by block, by FFmpeg through PyAV.

Only containers of sound are tried: FFmpeg also knows play lists, which would have it open other files and hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO

from imlab.audio.clip import Samples
from imlab.errors import DoorError, PeerError

CONTAINERS = "mov,matroska,amr,aac,caf,asf,ogg,mp3,wav,w64,flac,aiff,au,avi,ac3"
PROMISING = ("mov", "matroska")  # their headers say how long they last; FFmpeg estimates it for others
SLACK = 0.15  # seconds of a promise that coarse clocks and a last packet may take up


def open_ffmpeg(file: BinaryIO, name: str) -> tuple[int, Iterator[Samples]]:
    """A file's first sound track: its rate in Hz, its mono blocks; PeerError when there is none."""
    try:
        import av
    except ImportError as error:
        raise DoorError(f"{name} is read through PyAV, which is not here: `pip install av`") from error
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    try:
        container = av.open(file, "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise PeerError(f"FFmpeg: {_why(error)}") from error
    tracks = container.streams.audio
    if not tracks or tracks[0].codec_context is None or not tracks[0].rate:
        seen = ", ".join(stream.type for stream in container.streams) or "nothing"
        container.close()
        raise PeerError(f"no sound track that can be decoded here: {seen} in it")
    return int(tracks[0].rate), _blocks(container, av, name)


def _blocks(container: Any, av: Any, name: str) -> Iterator[Samples]:
    """Mono float32 at the track's rate, cut where an edit list ends it; a track shorter than promised is refused."""
    track = container.streams.audio[0]
    mono = av.AudioResampler(format="fltp", layout="mono", rate=track.rate)
    promised = _promised(container, track)
    most = round(promised * track.rate) if promised is not None and track.duration is not None else None
    reach = 0
    with closing(container):
        try:
            for packet in container.demux(track):
                if packet.is_corrupt:
                    raise PeerError(f"{name} is cut short or damaged after {reach / track.rate:.2f} s")
                for frame in packet.decode():
                    for part in mono.resample(frame):
                        block: Samples = part.to_ndarray()[0]
                        yield block if most is None else block[: max(0, most - reach)]
                        reach += len(block)
        except av.FFmpegError as error:
            raise PeerError(f"{name} is damaged after {reach / track.rate:.2f} s: {_why(error)}") from error
    if promised is not None and reach < (promised - SLACK) * track.rate:
        raise PeerError(f"{name} is cut short: its header promises {promised:.2f} s, {reach / track.rate:.2f} are here")


def _promised(container: Any, track: Any) -> float | None:
    """Seconds, where the header tells."""
    if not container.format.name.startswith(PROMISING):
        return None
    if track.duration is not None:
        return float(track.duration * track.time_base)
    return None if container.duration is None else container.duration / 1e6


def _why(error: Exception) -> str:
    """What FFmpeg says, without the numbers that nobody looks up."""
    return str(getattr(error, "strerror", None) or error)
