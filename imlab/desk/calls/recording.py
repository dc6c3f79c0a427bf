"""From a file or a microphone to a note, in a thread of its own, so that the line to the server lives meanwhile."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import uuid4

from imlab.audio.capture import Frame, clip_frames, pace
from imlab.audio.files import read_clip
from imlab.audio.microphone import Microphone
from imlab.audio.resample import resample
from imlab.client.recorder import Recorder
from imlab.codec.contract import Codec
from imlab.desk.calls.calling import say
from imlab.desk.calls.codec_options import codec_of
from imlab.errors import DoorError
from imlab.trace import Mark, Trace
from imlab.wire.messages import VoiceMessage


async def record(path: Path | None, options: Namespace, trace: Trace) -> VoiceMessage:
    """One note; None: from the microphone."""
    given_up = threading.Event()
    try:
        if path is None:
            return await _from_microphone(options, trace, given_up)
        return await asyncio.to_thread(_from_file, path, options, trace, given_up)
    finally:
        given_up.set()  # Ctrl-C must not wait for a long file to sound to its end


def _from_file(path: Path, options: Namespace, trace: Trace, given_up: threading.Event) -> VoiceMessage:
    codec = codec_of(options)
    recorder = Recorder(codec)  # a codec that is not here is missed before a long file is read
    frames: Iterable[Frame] = clip_frames(resample(read_clip(path), codec.rate), frame_ms(codec))
    if options.realtime:
        frames = pace(frames, time.monotonic, given_up.wait)
    return _note(frames, recorder, options, trace, given_up)


async def _from_microphone(options: Namespace, trace: Trace, given_up: threading.Event) -> VoiceMessage:
    codec = codec_of(options)
    recorder = Recorder(codec)
    with Microphone(codec.rate, frame_ms(codec)) as microphone:
        if options.seconds is None:
            say("recording; Enter sends, Ctrl-C forgets")
            _on_enter(microphone.stop)
        else:
            asyncio.get_running_loop().call_later(options.seconds, microphone.stop)
        return await asyncio.to_thread(_note, microphone, recorder, options, trace, given_up)


def _on_enter(act: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        loop.remove_reader(sys.stdin)
        sys.stdin.readline()
        act()

    loop.add_reader(sys.stdin, pressed)


def _note(
    frames: Iterable[Frame], recorder: Recorder, options: Namespace, trace: Trace, given_up: threading.Event
) -> VoiceMessage:
    """The frames as a note; marks at the tap and when the tail is coded."""
    name = uuid4().hex
    for frame in frames:
        if given_up.is_set():
            raise DoorError("the recording was given up")
        recorder.add(frame.samples[: frame.length])
    trace(Mark(time.monotonic(), options.name, "tap", name))
    note = recorder.stop(name, options.name, options.room, round(time.time() * 1000))
    trace(Mark(time.monotonic(), options.name, "encoded", name, note.size))
    return note


def frame_ms(codec: Codec) -> float:
    """A codec's frame in milliseconds: a packet is coded as soon as its sound is there."""
    return 1000 * codec.frame / codec.rate
