"""One clip sent one way: what it weighs, what it costs, how it comes out, and how good that is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.resample import resample
from imlab.audio.waveform import thumbnail
from imlab.client.recorder import POINTS
from imlab.codec.container.overhead import overhead
from imlab.codec.contract import Codec, Coded, decode, encode
from imlab.studies.bitrate.settings import Setting
from imlab.wire.messages import PacketLayout, VoiceMessage
from imlab.wire.protobuf import Protobuf

WARM_UP_S = 0.2  # of sound, before the clock runs: a library's first call makes its tables


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """given and heard: at the codec's rate. encode_s, decode_s: CPU seconds of this thread."""

    codec: Codec
    given: Clip
    coded: Coded
    heard: Clip
    encode_s: float
    decode_s: float

    def facts(self) -> dict[str, float]:
        """As columns: bytes of packets, of our message and of the usual file around them; CPU for a second of sound;
        the codec's delay, and what a frame waits to be full besides.
        """
        seconds, payload = self.given.seconds, self.coded.size
        return {
            "payload_bytes": payload,
            "framing_bytes": len(Protobuf().encode(as_note(self.coded, self.given))) - payload,
            "container_bytes": overhead(self.coded).around,
            "kbps": round(0.008 * payload / seconds, 4),
            "encode_cpu": round(self.encode_s / seconds, 8),
            "decode_cpu": round(self.decode_s / seconds, 8),
            "delay_ms": round(1000 * self.codec.delay / self.codec.rate, 3),
            "waiting_ms": round(1000 * self.codec.frame / self.codec.rate, 3),
        }


def warm_up(setting: Setting) -> None:
    """A little sound there and back; DoorError where a library is missing."""
    codec = setting.codec
    hum = np.sin(np.arange(round(WARM_UP_S * codec.rate)) * (2 * np.pi * 200 / codec.rate)).astype(np.float32)
    decode(codec, encode(codec, Clip(hum / 4, codec.rate)))


def send(setting: Setting, clip: Clip) -> Sent:
    """The clip there and back, timed on this thread; DoorError where a library is missing."""
    codec = setting.codec
    given = resample(_cut(clip, setting.cutoff), codec.rate)
    begin = time.thread_time()
    coded = encode(codec, given)
    middle = time.thread_time()
    heard = decode(codec, coded)
    end = time.thread_time()
    return Sent(codec, given, coded, heard, middle - begin, end - middle)


def as_note(coded: Coded, clip: Clip) -> VoiceMessage:
    """The coded clip as the message that would travel, with names of the usual length and a waveform."""
    audio = b"".join(packet.data for packet in coded.packets)
    step = coded.packets[0].samples
    sizes = tuple(len(packet.data) for packet in coded.packets)
    return VoiceMessage(
        id="0" * 32,
        sender="ann",
        room="tea",
        timestamp_ms=1_700_000_000_000,
        duration_ms=round(1000 * clip.seconds),
        codec=coded.codec,
        layout=PacketLayout(coded.rate, coded.delay, coded.samples, step, sizes),
        size=len(audio),
        audio=audio,
        waveform=thumbnail(np.abs(clip.samples), POINTS),
    )


def _cut(clip: Clip, cutoff: int) -> Clip:
    """Without what lies above the cutoff, where there is one."""
    if not cutoff:
        return clip
    filtered: Clip = import_module("imlab.audio.low_pass").low_pass(clip, cutoff)  # scipy, for one setting of many
    return filtered
