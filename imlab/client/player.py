"""The player: packets become sound while the rest of the note is still on its way."""

from __future__ import annotations

import numpy as np

from imlab.audio.clip import Clip, Samples
from imlab.codec.contract import Coded, Decoder, Packet
from imlab.codec.contract import decode as decode_clip
from imlab.codec.named import open_codec
from imlab.errors import PeerError
from imlab.wire.messages import VoiceMessage


class Player:
    """Plays one note progressively: feed it audio bytes in order, take the samples that can be heard so far."""

    def __init__(self, head: VoiceMessage) -> None:
        layout = head.layout
        self._sizes = iter(layout.sizes)
        self._decoder: Decoder = open_codec(head.codec, layout.rate, layout.packet_samples).decoder()
        self._wanted = next(self._sizes, None)
        self._bytes = bytearray()
        self._skip = layout.delay
        self._left = layout.samples

    def feed(self, audio: bytes) -> Samples:
        """More audio bytes; the samples that became audible, float32 of shape (n,), codec delay and padding cut off."""
        self._bytes += audio
        parts = []
        while self._wanted is not None and len(self._bytes) >= self._wanted:
            packet = bytes(self._bytes[: self._wanted])
            del self._bytes[: self._wanted]
            self._wanted = next(self._sizes, None)
            parts.append(self._audible(self._decoder.decode(packet)))
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _audible(self, samples: Samples) -> Samples:
        heard = samples[self._skip :]
        self._skip = max(0, self._skip - len(samples))
        heard = heard[: self._left]
        self._left -= len(heard)
        return heard


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
