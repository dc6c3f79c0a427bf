"""The microphone, through PortAudio, as the same frames that a file gives."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np

from imlab.audio.capture import FRAME_MS, RATE, Frame, cut_frames, frame_size
from imlab.audio.clip import Samples
from imlab.audio.intake import Intake
from imlab.errors import DoorError

ROOM = 10.0  # seconds of sound that may wait unread before it is dropped and counted
INSTALL = "apt install libportaudio2, or conda install -c conda-forge portaudio, or brew install portaudio"


class Microphone:
    """An open input device. rate in Hz; device: PortAudio's number or a part of its name, None for the default.

    Iterate to record; ``stop`` (from any thread, or from the loop itself) ends the iteration with the last frame.
    ``overruns`` counts how often sound was lost; every one is also a RuntimeWarning.
    """

    def __init__(self, rate: int = RATE, frame_ms: float = FRAME_MS, device: int | str | None = None) -> None:
        self._rate = rate
        self._frame_ms = frame_ms
        size = frame_size(rate, frame_ms)
        self._intake = Intake(math.ceil(ROOM * rate / size))
        self._turn = threading.Lock()  # PortAudio hangs when a stream is closed while another thread stops it
        self._stream = _open(_portaudio(), rate, size, device, self._intake)

    @property
    def overruns(self) -> int:
        """How often sound was lost so far."""
        return self._intake.overruns

    def __iter__(self) -> Iterator[Frame]:
        return cut_frames(self._intake, self._rate, self._frame_ms)

    def stop(self) -> None:
        """The finger leaves the button: what was heard until now is still given out."""
        with self._turn:
            if not self._stream.closed:
                self._stream.stop()
        self._intake.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._turn:
            self._stream.close()
        self._intake.end()


def _portaudio() -> ModuleType:
    """The one place where sounddevice is loaded: it looks for PortAudio at import."""
    try:
        import sounddevice
    except OSError as error:
        raise DoorError(f"the microphone needs the PortAudio library, which is not here: {INSTALL}") from error
    return sounddevice  # type: ignore[no-any-return]


def _open(portaudio: ModuleType, rate: int, size: int, device: int | str | None, intake: Intake) -> Any:
    """A started input stream that fills the intake."""

    def heard(sound: Samples, frames: int, times: object, status: Any) -> None:
        intake.put(np.array(sound[:, 0]), bool(status.input_overflow))

    try:
        stream = portaudio.InputStream(
            samplerate=rate,
            blocksize=size,
            device=device,
            channels=1,
            dtype="float32",
            callback=heard,
            finished_callback=intake.end,
        )
        stream.start()
    except (portaudio.PortAudioError, ValueError) as error:
        raise DoorError(f"no input device that records at {rate} Hz: {_seen(portaudio)}: {error}") from error
    return stream


def _seen(portaudio: ModuleType) -> str:
    """What PortAudio does see, for the reader of the error."""
    inputs = [device["name"] for device in portaudio.query_devices() if device["max_input_channels"] > 0]
    return f"PortAudio sees {', '.join(inputs)}" if inputs else "PortAudio sees no input device"
