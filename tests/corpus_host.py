"""A host of corpora on loopback: small archives in the layout of the real ones, and lines that break."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.files import encode_clip
from imlab.audio.speech.corpora import Archive, Published, published

CLIP = Clip(np.random.default_rng(1).uniform(-0.1, 0.1, 1600).astype(np.float32), 16_000)
FLAC, WAV = encode_clip(CLIP, ".flac"), encode_clip(CLIP, ".wav")
Files = dict[str, bytes]


def tar(files: Files, mode: str = "w:gz", links: dict[str, str] | None = None) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as box:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            box.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            box.addfile(link)
    return file.getvalue()


def zipped(files: Files) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as box:
        for name, data in files.items():
            box.writestr(name, data)
    return file.getvalue()


SPEAKERS = b"""; some words
;ID  |SEX| SUBSET           |MINUTES| NAME
84   | F | dev-clean        |  8.02 | Christie Nowak
174  | M | dev-clean        |  8.04 | Peter Eastman
251  | M | dev-clean        |  8.03 | Mark Nelson
422  | M | dev-clean        |  8.31 | J. Hall
777  | F | dev-clean        |  8.06 | A | B
"""
LIBRISPEECH = {
    f"LibriSpeech/dev-clean/{speaker}/1/{speaker}-1-{n:04}.flac": FLAC
    for speaker in (84, 174, 251, 422)
    for n in (0, 1, 2)
}
OUTSIDE = {"../../outside.flac": FLAC, "LibriSpeech/dev-clean/84/1/../../../../up.flac": FLAC, "/etc/passwd": b"x"}
VCTK_TABLE = (
    b"ID  AGE  GENDER  ACCENTS  REGION COMMENTS\np225  23  F    English    Southern  England\np226  22  M    English\n"
)
VCTK = {
    f"wav48_silence_trimmed/{s}/{s}_00{n}_mic{m}.flac": FLAC for s in ("p226", "p225") for n in (1, 2) for m in (1, 2)
}
AISHELL = {
    f"data_aishell/wav/S000{s}.tar.gz": tar({f"train/S000{s}/BAC009S000{s}W0{n}.wav": WAV for n in (122, 123)})
    for s in (2, 3)
}
BOXES: dict[str, dict[str, bytes]] = {
    "librispeech-dev-clean": {
        "dev-clean.tar.gz": tar({"LibriSpeech/SPEAKERS.TXT": SPEAKERS, **LIBRISPEECH, **OUTSIDE},
                                links={"LibriSpeech/dev-clean/84/1/84-1-0009.flac": "/etc/passwd"}),
    },
    "vctk": {"VCTK-Corpus-0.92.zip": zipped({**VCTK, "speaker-info.txt": VCTK_TABLE, "../up.flac": FLAC})},
    "cmu-arctic": {
        f"cmu_us_{s}_arctic.tar.bz2": tar({f"cmu_us_{s}_arctic/wav/arctic_a000{n}.wav": WAV for n in (1, 2)}, "w:bz2")
        for s in ("slt", "bdl", "clb", "rms", "jmk", "awb", "ksp")
    },
    "aishell-1": {
        "resource_aishell.tgz": tar({"resource_aishell/speaker.info": b"0002 F\n0003 M\n"}),
        "data_aishell.tgz": tar({**AISHELL, "data_aishell/transcript/aishell_transcript_v0.8.txt": b"words"}),
    },
}  # fmt: skip


class Host(ThreadingHTTPServer):
    """A corpus host on loopback. cut: after so many bytes of an answer the line is dropped, so many times."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Shelf)
        self.files: Files = {}
        self.cuts: list[int] = []
        self.ranges = True
        self.asked: list[str] = []


class Shelf(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        data = self.server.files.get(self.path.rpartition("/")[2])
        wanted = self.headers.get("Range", "") if self.server.ranges else ""
        self.server.asked.append(wanted)
        begin = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        if data is None or (begin and begin >= len(data)):
            self.send_error(404 if data is None else 416)
            return
        body = data[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def served(host: Host, name: str) -> Published:
    """A corpus of the table whose archives are small, of the same layout, and lie on loopback."""
    host.files |= BOXES[name]
    corpus = published(name)
    return replace(corpus, archives=tuple(_served(host, archive) for archive in corpus.archives))


def _served(host: Host, archive: Archive) -> Archive:
    kind = archive.hash.partition(":")[0]
    data = host.files[archive.name]
    url = f"http://127.0.0.1:{host.server_port}/{archive.name}"
    return replace(archive, url=url, bytes=len(data), hash=f"{kind}:{hashlib.new(kind, data).hexdigest()}")


class Endless(bytes):
    """A file that says it is larger than any disk."""

    def __getitem__(self, key: object) -> Endless:  # type: ignore[override]
        return self

    def __len__(self) -> int:
        return 10**17
