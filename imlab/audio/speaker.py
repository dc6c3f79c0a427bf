"""The loudspeaker, through PortAudio: samples go in as they become audible."""

from __future__ import annotations

from types import ModuleType, TracebackType
from typing import Any, Self

from imlab.audio.clip import Samples
from imlab.audio.microphone import INSTALL
from imlab.errors import DoorError


class Speaker:
    """An open output device at ``rate`` Hz."""

    def __init__(self, rate: int) -> None:
        portaudio = _portaudio()
        try:
            self._stream: Any = portaudio.OutputStream(samplerate=rate, channels=1, dtype="float32")
            self._stream.start()
        except (portaudio.PortAudioError, ValueError) as error:
            raise DoorError(f"no output device that plays at {rate} Hz: {error}") from error

    def play(self, samples: Samples) -> None:
        """Wait until the device has taken them, float32 of shape (n,)."""
        self._stream.write(samples.reshape(-1, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._stream.stop()  # what it took still sounds
        self._stream.close()


def _portaudio() -> ModuleType:
    try:
        import sounddevice
    except OSError as error:
        raise DoorError(f"playing needs the PortAudio library, which is not here: {INSTALL}") from error
    return sounddevice  # type: ignore[no-any-return]
