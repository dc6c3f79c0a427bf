"""The player: packets become sound while the rest of the note is still on its way."""

from __future__ import annotations

from collections import deque

import numpy as np

from imlab.audio.clip import Clip, Samples
from imlab.codec.contract import Coded, Decoder, Packet
from imlab.codec.contract import decode as decode_clip
from imlab.codec.named import open_codec
from imlab.errors import PeerError
from imlab.wire.messages import VoiceMessage


class Player:
    """Plays one note progressively: feed it audio bytes as they come, take sound as the loudspeaker wants it.

    A packet is decoded when its sound is wanted and not before, so the first sample waits for one packet only.
    """

    def __init__(self, head: VoiceMessage) -> None:
        layout = head.layout
        self._decoder: Decoder = open_codec(head.codec, layout.rate, layout.packet_samples).decoder()
        self._sizes = deque(layout.sizes)
        self._bytes = bytearray()
        self._decoded: Samples = np.zeros(0, np.float32)
        self._skip = layout.delay
        self._left = layout.samples
        self.rate = layout.rate  # Hz

    @property
    def done(self) -> bool:
        """Has every sample been taken?"""
        return self._left == 0 or (not self._sizes and not len(self._decoded))

    def feed(self, audio: bytes) -> None:
        """More audio bytes, in order."""
        self._bytes += audio

    def take(self, samples: int) -> Samples:
        """The next ``samples`` or as many as have come, float32 of shape (n,); codec delay and padding are cut off."""
        while len(self._decoded) < samples and self._sizes and len(self._bytes) >= self._sizes[0]:
            size = self._sizes.popleft()
            packet = bytes(self._bytes[:size])
            del self._bytes[:size]
            heard = self._decoder.decode(packet)
            audible, self._skip = heard[self._skip :], max(0, self._skip - len(heard))
            self._decoded = np.concatenate([self._decoded, audible])
        taken = self._decoded[: min(samples, self._left)]
        self._decoded = self._decoded[len(taken) :]
        self._left -= len(taken)
        return taken


def coded(note: VoiceMessage) -> Coded:
    """A note's audio as packets again; PeerError where it does not fit its own layout."""
    layout = note.layout
    if not note.whole or sum(layout.sizes) != note.size:
        raise PeerError(f"note {note.id}: {len(note.audio)} bytes of audio, {sum(layout.sizes)} in its layout")
    packets, start = [], 0
    for size in layout.sizes:
        packets.append(Packet(note.audio[start : start + size], layout.packet_samples))
        start += size
    return Coded(note.codec, layout.rate, layout.samples, layout.delay, tuple(packets))


def sound(note: VoiceMessage) -> Clip:
    """A whole note, decoded."""
    codec = open_codec(note.codec, note.layout.rate, note.layout.packet_samples)
    return decode_clip(codec, coded(note))
