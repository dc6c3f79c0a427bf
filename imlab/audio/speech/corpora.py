"""Published corpora of speech: where each lies, what it must hash to, its licence, and how its archives are laid out.

This is the one place that names their hosts. Nothing is redistributed, and nothing comes before the user has seen
licence and size. The hashes are those that others publish; ``vouched`` says who.
"""

from __future__ import annotations

from dataclasses import dataclass

from imlab.errors import UsageError

CC_BY_4 = (
    "CC BY 4.0: share and adapt, also commercially, if you give credit, link to the licence and say what you changed."
)
ARCTIC_TERMS = (
    "Free for any purpose without fee, also commercially, if the copyright notice and the disclaimer of warranty stay;"
    " (c) 2003 Carnegie Mellon University. The full text is the file COPYING in every archive."
)
APACHE_2 = (
    "Apache License 2.0: use, share and adapt, also commercially, if licence and notices stay. The corpus's own words"
    " also say that it is free for academic use: ask AISHELL where the difference matters."
)


@dataclass(frozen=True, slots=True)
class Archive:
    """A file to download. bytes: its size, 0 where nobody publishes it; hash: "sha256:..." or "md5:..."."""

    url: str
    bytes: int
    hash: str
    speaker: str = ""  # whose voice it holds, where an archive is one voice
    sex: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Published:
    """A corpus. archives: in the order in which they are read, speaker tables first where they are apart.

    sounds: a pattern of the recordings' paths in the archives, with a group ``speaker``; nested: of archives inside
    of archives; table: of the speaker table, and reader: its kind in imlab.audio.speech.speakers.
    about: bytes to download, in all, as the publisher rounds them.
    """

    name: str
    title: str
    lang: str
    about: int
    licence: str
    terms: str
    credit: str
    link: str
    vouched: str
    archives: tuple[Archive, ...]
    sounds: str
    table: str = ""
    reader: str = ""
    nested: str = ""


LIBRISPEECH = "https://www.openslr.org/resources/12/"
DATASHARE = "https://datashare.ed.ac.uk/bitstream/handle/10283/3443/"
FESTVOX = "http://festvox.org/cmu_arctic/packed/"  # it knows no https; the hash is what guards the archive
AISHELL = "https://www.openslr.org/resources/33/"


def _librispeech(part: str, size: int, sha256: str) -> Published:
    return Published(
        name=f"librispeech-{part}",
        title=f"LibriSpeech {part}: read English, 40 speakers, 5.4 h, 16 kHz",
        lang="en",
        about=size,
        licence="CC-BY-4.0",
        terms=CC_BY_4,
        credit="LibriSpeech (c) 2014 by Vassil Panayotov",
        link="https://creativecommons.org/licenses/by/4.0/",
        vouched="TensorFlow Datasets and torchaudio",
        archives=(Archive(f"{LIBRISPEECH}{part}.tar.gz", size, f"sha256:{sha256}"),),
        sounds=r"LibriSpeech/[\w-]+/(?P<speaker>\d+)/\d+/[\w-]+\.flac",
        table=r"LibriSpeech/SPEAKERS\.TXT",
        reader="librispeech",
    )


def _arctic(speaker: str, sex: str, sha256: str) -> Archive:
    return Archive(f"{FESTVOX}cmu_us_{speaker}_arctic.tar.bz2", 0, f"sha256:{sha256}", speaker, sex)


CORPORA = (
    _librispeech("dev-clean", 337_926_286, "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3"),
    _librispeech("test-clean", 346_663_984, "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23"),
    Published(
        name="vctk",
        title="CSTR VCTK 0.92: read English in many accents, 110 speakers, 44 h, 48 kHz",
        lang="en",
        about=11_747_302_977,
        licence="CC-BY-4.0",
        terms=CC_BY_4,
        credit="CSTR VCTK Corpus 0.92, (c) 2019 Junichi Yamagishi, CSTR, University of Edinburgh",
        link="https://creativecommons.org/licenses/by/4.0/",
        vouched="torchaudio",
        archives=(
            Archive(
                f"{DATASHARE}VCTK-Corpus-0.92.zip",
                11_747_302_977,
                "sha256:f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c",
            ),
        ),
        sounds=r"(?:VCTK-Corpus-0\.92/)?wav48_silence_trimmed/(?P<speaker>[ps]\d+)/\w+_mic1\.flac",
        table=r"(?:VCTK-Corpus-0\.92/)?speaker-info\.txt",
        reader="vctk",
    ),
    Published(
        name="cmu-arctic",
        title="CMU ARCTIC: read English, seven speakers of 1,132 sentences each, 16 kHz",
        lang="en",
        about=7 * 95_000_000,
        licence="CMU ARCTIC (free for any purpose, notice kept)",
        terms=ARCTIC_TERMS,
        credit="CMU ARCTIC databases, John Kominek and Alan W Black, CMU-LTI-03-177",
        link="http://festvox.org/cmu_arctic/",
        vouched="torchaudio and Homebrew",
        archives=(  # sexes: of ksp by its README, of the others as commonly stated
            _arctic("slt", "F", "7c173297916acf3cc7fcab2713be4c60b27312316765a90934651d367226b4ea"),
            _arctic("bdl", "M", "26b91aaf48b2799b2956792b4632c2f926cd0542f402b5452d5adecb60942904"),
            _arctic("clb", "F", "3f16dc3f3b97955ea22623efb33b444341013fc660677b2e170efdcc959fa7c6"),
            _arctic("rms", "M", "c6dc11235629c58441c071a7ba8a2d067903dfefbaabc4056d87da35b72ecda4"),
            _arctic("jmk", "M", "3a37c0e1dfc91e734fdbc88b562d9e2ebca621772402cdc693bbc9b09b211d73"),
            _arctic("awb", "M", "d74a950c9739a65f7bfc4dfa6187f2730fa03de5b8eb3f2da97a51b74df64d3c"),
            _arctic("ksp", "M", "8029cafce8296f9bed3022c44ef1e7953332b6bf6943c14b929f468122532717"),
        ),
        sounds=r"cmu_us_(?P<speaker>\w+)_arctic/wav/\w+\.wav",
    ),
    Published(
        name="aishell-1",
        title="AISHELL-1: read Mandarin, 400 speakers, 178 h, 16 kHz",
        lang="zh",
        about=15_584_160_585,
        licence="Apache-2.0",
        terms=APACHE_2,
        credit="AISHELL-1, Beijing Shell Shell Technology Co., Ltd.; Bu et al., O-COCOSDA 2017",
        link="https://www.openslr.org/33/",
        vouched="PaddleSpeech (md5: no sha256 is published)",
        archives=(
            Archive(f"{AISHELL}resource_aishell.tgz", 1_246_920, "md5:957d480a0fcac85fc18e550756f624e5"),
            Archive(f"{AISHELL}data_aishell.tgz", 15_582_913_665, "md5:2f494334227864a8a8fec932999db9d8"),
        ),
        sounds=r"(?:train|dev|test)/(?P<speaker>S\d+)/\w+\.wav",
        nested=r"data_aishell/wav/(?P<speaker>S\d+)\.tar\.gz",
        table=r"resource_aishell/speaker\.info",
        reader="aishell",
    ),
)


def published(name: str) -> Published:
    """A corpus by its name; UsageError says which there are."""
    for corpus in CORPORA:
        if corpus.name == name:
            return corpus
    raise UsageError(f"no corpus is called {name}; there are {', '.join(corpus.name for corpus in CORPORA)}")
