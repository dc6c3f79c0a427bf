"""The ways to send a note that are compared: every codec over its useful bitrates, and the anchors of the scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from imlab.client.presets import PRESETS, preset
from imlab.codec.aac import Aac
from imlab.codec.amr import BITRATES as AMR_BITRATES
from imlab.codec.amr import Amr
from imlab.codec.amr_wb import BITRATES as AMR_WB_BITRATES
from imlab.codec.amr_wb import AmrWb
from imlab.codec.av_opus import AvOpus
from imlab.codec.codec2 import Codec2
from imlab.codec.contract import Codec
from imlab.codec.g711 import G711
from imlab.codec.g722 import G722
from imlab.codec.lc3 import Lc3
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus
from imlab.codec.pcm import Pcm

TELEPHONE_HZ = 3_400  # the upper edge of telephone speech, ITU-T G.712: the anchor that listening tests use
RATE = 16_000  # Hz, of the original


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to send a note. curve: what it is drawn as; cutoff: Hz above which nothing is let through, 0 for all."""

    curve: str
    codec: Codec
    cutoff: int = 0

    @property
    def label(self) -> str:
        """What the results call it."""
        return f"low-pass {self.cutoff} Hz" if self.cutoff else repr(self.codec)

    @property
    def narrow(self) -> bool:
        """Whether it can be judged on the narrow band's scale: it has no more to give, or is an anchor."""
        return self.codec.rate == 8_000 or self.curve == ANCHOR


ANCHOR = "anchor"
SHIPPED = "shipped"
ANCHORS = (Setting(ANCHOR, Pcm(RATE)), Setting(ANCHOR, Pcm(8_000)), Setting(ANCHOR, Pcm(RATE), TELEPHONE_HZ))


def settings(scale: str) -> tuple[Setting, ...]:
    """All of a scale, each once: what an app ships may be on a curve already."""
    chosen: dict[str, Setting] = {}
    for setting in (*ANCHORS, *SCALES[scale]):
        chosen.setdefault(setting.label, setting)
    return tuple(chosen.values())


def _full() -> Iterator[Setting]:
    """Everything, the apps' own settings included."""
    yield from _curve("Opus", *_opus_grid())
    yield from _curve("Opus at 8 kHz", *(Opus(rate, rate=8_000) for rate in (6_000, 8_000, 10_000, 12_000, 16_000)))
    yield from _curve("AMR-NB", *map(Amr, AMR_BITRATES))
    yield from _curve("AMR-WB", *map(AmrWb, AMR_WB_BITRATES))
    yield from _curve("MP3", *(Mp3(rate) for rate in (16_000, 24_000, 32_000, 48_000, 64_000)))
    yield from _curve("AAC-LC", *(Aac(rate) for rate in (16_000, 24_000, 32_000, 48_000, 64_000)))
    yield from _curve("LC3", *(Lc3(rate) for rate in (16_000, 24_000, 32_000, 48_000, 64_000)))
    yield from _curve("Codec2", *map(Codec2, ("700c", "1300", "2400", "3200")))
    yield from _curve("G.711, G.722", G711("a"), G711("mu"), G722())
    yield from _curve("Opus by PyAV", AvOpus(24_000))
    yield from _shipped(*(each.name for each in PRESETS))


def _opus_grid() -> Iterator[Opus]:
    """Bitrate, frame and complexity: whole where people choose, and one line out to either end."""
    usual = (8_000, 12_000, 16_000, 24_000, 32_000)
    for bitrate in (6_000, *usual[:1], 10_000, *usual[1:3], 20_000, *usual[3:], 48_000, 64_000):
        yield Opus(bitrate)
    for bitrate in usual:
        yield Opus(bitrate, frame_ms=60)
        yield Opus(bitrate, complexity=3)
        yield Opus(bitrate, frame_ms=60, complexity=3)
    for bitrate in usual[1:4]:
        yield Opus(bitrate, frame_ms=40)
        yield Opus(bitrate, complexity=0)
        yield Opus(bitrate, complexity=5)


def _quick() -> Iterator[Setting]:
    """What an answer needs: the knee, the rivals, the two knobs."""
    yield from _curve("Opus", *map(Opus, (8_000, 12_000, 16_000, 24_000, 32_000)), Opus(24_000, complexity=3))
    yield from _curve("Opus", Opus(16_000, frame_ms=60), Opus(12_000, complexity=3))
    yield from _curve("AMR-NB", Amr(4_750), Amr(12_200))
    yield from _curve("AMR-WB", AmrWb(12_650), AmrWb(23_850))
    yield from _curve("MP3", Mp3(32_000))
    yield from _curve("AAC-LC", Aac(32_000))
    yield from _curve("LC3", Lc3(24_000))
    yield from _curve("Codec2", Codec2("3200"))
    yield from _curve("G.711, G.722", G711("a"), G722())
    yield from _shipped("whatsapp", "element-web", "signal-android", "rocketchat-web", "telegram-android")


def _smoke() -> Iterator[Setting]:
    """Every path once."""
    yield from _curve("Opus", Opus(8_000), Opus(12_000), Opus(16_000), Opus(24_000), Opus(24_000, complexity=3))
    yield from _curve("AMR-NB", Amr(4_750), Amr(12_200))
    yield from _curve("AMR-WB", AmrWb(12_650))
    yield from _curve("MP3", Mp3(32_000))
    yield from _curve("AAC-LC", Aac(32_000))
    yield from _curve("LC3", Lc3(24_000))
    yield from _curve("Codec2", Codec2("3200"))
    yield from _curve("G.711, G.722", G711("a"), G722())
    yield from _shipped("whatsapp", "element-web")


def _shipped(*names: str) -> Iterator[Setting]:
    return _curve(SHIPPED, *(preset(name).codec for name in names))


def _curve(name: str, *codecs: Codec) -> Iterator[Setting]:
    return (Setting(name, codec) for codec in codecs)


SCALES: Mapping[str, tuple[Setting, ...]] = {
    "smoke": tuple(_smoke()),
    "quick": tuple(_quick()),
    "full": tuple(_full()),
}
