"""The recorder: frames are coded as they come, so that after the tap only the tail is left to do."""

from __future__ import annotations

import numpy as np

from imlab.audio.clip import Samples
from imlab.audio.waveform import thumbnail
from imlab.codec.contract import Codec, drain
from imlab.errors import UsageError
from imlab.wire.messages import PacketLayout, VoiceMessage

POINTS = 64  # of the waveform; WhatsApp ships 64, Telegram 100, Element 30-120


class Recorder:
    """One note in the making, coded by ``codec``; samples are float32 at the codec's rate."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._encoder = codec.encoder()
        self._packets: list[bytes] = []
        self._loudness: list[float] = []  # of every frame that went into the encoder
        self._rest: Samples = np.zeros(0, np.float32)
        self._samples = 0

    def add(self, samples: Samples) -> None:
        """More sound, float32 of shape (n,); every frame that is full is coded now."""
        self._samples += len(samples)
        self._encode(np.concatenate([self._rest, samples]))

    def copy(self) -> Recorder:
        """The same recording up to here, to be ended twice: one take, many taps."""
        twin = Recorder(self._codec)
        twin._encoder, twin._rest, twin._samples = self._encoder.copy(), self._rest, self._samples
        twin._packets, twin._loudness = self._packets[:], self._loudness[:]
        return twin

    def stop(self, id: str, sender: str, room: str, timestamp_ms: int) -> VoiceMessage:
        """Code the tail, padded until the codec has let go of every sample, and seal the note."""
        if not self._samples:
            raise UsageError("nothing was recorded: a note has at least one sample")
        frame, delay = self._codec.frame, self._codec.delay
        whole = -(-(self._samples + delay) // frame) * frame
        tail = np.zeros(whole - len(self._loudness) * frame, np.float32)
        tail[: len(self._rest)] = self._rest
        self._encode(tail)
        self._packets += drain(self._codec, self._encoder, whole // frame - len(self._packets))
        audio = b"".join(self._packets)
        return VoiceMessage(
            id=id,
            sender=sender,
            room=room,
            timestamp_ms=timestamp_ms,
            duration_ms=round(1000 * self._samples / self._codec.rate),
            codec=self._codec.name,
            layout=PacketLayout(self._codec.rate, delay, self._samples, frame, tuple(map(len, self._packets))),
            size=len(audio),
            audio=audio,
            waveform=thumbnail(np.array(self._loudness, np.float32), POINTS),
        )

    def _encode(self, samples: Samples) -> None:
        frame = self._codec.frame
        full = len(samples) // frame * frame
        for start in range(0, full, frame):
            piece = samples[start : start + frame]
            if data := self._encoder.encode(piece):
                self._packets.append(data)
            self._loudness.append(float(np.sqrt(np.mean(np.square(piece)))))
        self._rest = samples[full:]
