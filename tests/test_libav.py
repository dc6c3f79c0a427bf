"""The door to libavcodec: what is not there is named, damaged packets harm nobody, nothing is loaded unasked."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.codec import libav
from imlab.codec.aac import Aac
from imlab.codec.av_opus import AvOpus
from imlab.codec.contract import Codec, CodecError, decode, encode
from imlab.codec.g722 import G722
from imlab.codec.mp3 import Mp3
from imlab.errors import DoorError, UsageError

pytestmark = pytest.mark.slow

CODECS: list[Codec] = [Mp3(), Aac(), G722(), AvOpus()]
DAMAGED = [  # and how many damaged packets: ten thousand in all, and ten thousand each when there is time
    *zip(CODECS, (4_000, 1_000, 3_000, 2_000), strict=True),
    *(pytest.param(codec, 10_000, marks=pytest.mark.outside) for codec in CODECS),
]
ENCODERS = [
    ("libmp3lame", libav.FLOAT_PLANES, 32_000),
    ("aac", libav.FLOAT_PLANES, 32_000),
    ("g722", libav.SHORT, None),
    ("libopus", libav.FLOAT, 24_000),
]


def spoken(codec: Codec, speech: Clip, seconds: float = 1.0) -> Clip:
    return Clip(resample(speech, codec.rate).samples[: round(seconds * codec.rate)], codec.rate)


def damaged(packets: list[bytes], count: int) -> Iterator[bytes]:
    """Noise, and packets that were cut, flipped, spliced or lengthened; some are whole again by chance."""
    rng = np.random.default_rng(3)
    for number in range(count):
        one, other = (bytearray(packets[at]) for at in rng.integers(len(packets), size=2))
        at, more = int(rng.integers(1, len(one))), rng.bytes(int(rng.integers(1, 300)))
        for place in rng.integers(len(one), size=number % 7):
            one[place] ^= 1 << int(rng.integers(8))
        yield (more, bytes(one[:at]), bytes(one), bytes(one[:at] + other[at:]), bytes(one) + more)[number % 5]


@pytest.mark.parametrize(("codec", "count"), DAMAGED, ids=repr)
def test_damaged_packets_are_sound_or_a_named_error_and_leak_nothing(codec: Codec, count: int, speech: Clip) -> None:
    packets = [packet.data for packet in encode(codec, spoken(codec, speech)).packets]
    decoder, refused, peak = codec.decoder(), 0, 0
    for number, packet in enumerate(damaged(packets, count)):
        try:
            heard = decoder.decode(packet)
        except CodecError:
            refused += 1
        else:
            assert heard.dtype == np.float32 and heard.ndim == 1 and np.isfinite(heard).all()
            assert len(heard) == codec.frame or (codec.name == "opus" and len(heard) <= 0.12 * codec.rate)
        if number == count // 4:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert count // 20 < refused < count
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 32_000, "kB"


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_after_damage_a_stream_is_heard_again(codec: Codec, speech: Clip) -> None:
    clip = spoken(codec, speech)
    coded = encode(codec, clip)
    clean = decode(codec, coded).samples
    packets = [packet.data for packet in coded.packets]
    decoder = codec.decoder()
    for packet in damaged(packets, 200):
        try:
            decoder.decode(packet)
        except CodecError:
            continue
    try:  # AAC's may take a damaged packet for sound and find out by the next one
        decoder.decode(packets[0])
    except CodecError:
        assert isinstance(codec, Aac)
        decoder.decode(packets[0])
    heard = np.concatenate([decoder.decode(packet) for packet in packets])[codec.delay :][: len(clean)]
    half = len(clean) // 2
    assert np.corrcoef(heard[half:], clean[half:])[0, 1] > 0.95  # AAC fills with noise that has a past


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_an_empty_packet_does_not_end_the_stream(codec: Codec, speech: Clip) -> None:
    packets = encode(codec, spoken(codec, speech, 0.2)).packets
    decoder = codec.decoder()
    with pytest.raises(CodecError, match="it is empty"):
        decoder.decode(b"")
    assert len(decoder.decode(packets[0].data)) == codec.frame


def test_one_damaged_packet_does_not_deafen_aac(speech: Clip) -> None:
    """Found by the ten thousand: its decoder believes in 41 channels for good, and refuses every sound packet after."""
    packets = [packet.data for packet in encode(Aac(), spoken(Aac(), speech)).packets]
    raw = libav.open_decoder("aac", 16_000, b"\x14\x08\x56\xe5\x00")
    deaf = libav.AvDecoder(lambda: raw, 16_000, 1024)  # never opened anew
    ours = Aac().decoder()
    for packet in damaged(packets, 400):
        for decoder in (deaf, ours):
            try:
                decoder.decode(packet)
            except CodecError:
                continue
    with pytest.raises(CodecError, match=r"16000 Hz expected, 1024 in \d+ at 16000 Hz seen"):
        deaf.decode(packets[5])
    assert len(ours.decode(packets[5])) == 1024


@pytest.mark.parametrize(("name", "kind", "bitrate"), ENCODERS, ids=lambda value: str(getattr(value, "name", value)))
def test_the_short_way_makes_the_packets_of_the_public_one(
    name: str, kind: libav.SampleFormat, bitrate: int | None, speech: Clip
) -> None:
    av = libav.load()
    public = libav.open_encoder(name, 16_000, kind, bitrate)
    size = public.frame_size or 320
    ours = libav.AvEncoder(libav.open_encoder(name, 16_000, kind, bitrate), size)
    theirs, made = [], []
    for piece in resample(speech, 16_000).samples[: 40 * size].reshape(-1, size):
        whole = np.clip(np.rint(piece * kind.scale), -kind.scale, kind.scale - 1) if kind.scale > 1 else piece
        frame = av.AudioFrame.from_ndarray(whole.astype(kind.dtype).reshape(1, -1), kind.name, "mono")
        frame.sample_rate = 16_000
        theirs += [bytes(packet) for packet in public.encode(frame)]
        made.append(ours.encode(piece))
    assert [packet for packet in made if packet] == theirs
    assert len(theirs) > 30


def test_what_this_build_lacks_is_named_with_the_line_that_installs_it() -> None:
    assert libav.lacking("g722", "g722") is None
    for encoder, decoder, said in [("nellymoser2", "g722", "encoder 'nellymoser2'"), ("g722", "x", "decoder 'x'")]:
        lack = libav.lacking(encoder, decoder) or ""
        assert said in lack and "pip install av" in lack
    with pytest.raises(DoorError, match="no encoder 'flac9'"):
        libav.open_encoder("flac9", 16_000, libav.SHORT)


def test_an_option_that_nobody_knows_is_refused() -> None:
    with pytest.raises(DoorError, match="knows no option hiss"):
        libav.open_encoder("aac", 16_000, libav.FLOAT_PLANES, 32_000, {"hiss": "1"})
    with pytest.raises(DoorError, match="libmp3lame does not open at 16001 Hz"):
        libav.open_encoder("libmp3lame", 16_001, libav.FLOAT_PLANES, 32_000)


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_a_frame_of_another_shape_is_refused(codec: Codec) -> None:
    for shape in (codec.frame - 1, codec.frame + 1, 0):
        with pytest.raises(UsageError, match="a frame has shape"):
            codec.encoder().encode(np.zeros(shape, np.float32))


def test_the_version_is_said_for_manifests() -> None:
    assert re.fullmatch(r"libavcodec \d+\.\d+\.\d+", libav.version())


def test_settings_are_made_without_pyav() -> None:
    modules = "imlab.codec.mp3, imlab.codec.aac, imlab.codec.g722, imlab.codec.av_opus"
    make = "imlab.codec.mp3.Mp3(), imlab.codec.aac.Aac(), imlab.codec.g722.G722(), imlab.codec.av_opus.AvOpus()"
    code = f"import sys, {modules}; {make}; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
