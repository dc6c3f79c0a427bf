"""The microphone: what a device's thread leaves is read in order or counted as lost; no device is one clear line."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

from imlab.audio.clip import Samples
from imlab.audio.intake import Intake
from imlab.audio.microphone import Microphone
from imlab.errors import DoorError


def block(number: int) -> Samples:
    return np.full(4, number, np.float32)


def test_blocks_are_read_in_order_until_the_end() -> None:
    intake = Intake(most=10)

    def record() -> None:
        for number in range(8):
            intake.put(block(number))
        intake.end()

    device = threading.Thread(target=record)
    device.start()
    heard = [int(piece[0]) for piece in intake]
    device.join()
    assert heard == list(range(8))
    assert intake.overruns == 0


def test_what_finds_no_room_is_dropped_counted_and_said() -> None:
    intake = Intake(most=2)
    with pytest.warns(RuntimeWarning, match="sound is lost: 2 blocks wait unread"):
        for number in range(3):
            intake.put(block(number))
    intake.end()
    intake.end()
    assert [int(piece[0]) for piece in intake] == [0, 1]
    assert intake.overruns == 1


def test_what_the_device_lost_is_counted_and_said() -> None:
    intake = Intake(most=2)
    with pytest.warns(RuntimeWarning, match="the device had to drop sound"):
        intake.put(block(1), overrun=True)
    assert intake.overruns == 1


def test_a_device_that_went_silent_is_not_waited_for() -> None:
    with pytest.raises(DoorError, match=r"no sound has come from the device for 0\.01 s"):
        list(Intake(most=2, patience=0.01))


def test_a_microphone_gives_frames_or_says_what_is_missing() -> None:
    """On a machine with a device it records a frame; on any other the error names the cure or what PortAudio sees."""
    try:
        with Microphone() as microphone:
            frame = next(iter(microphone))
    except DoorError as error:
        assert "libportaudio2" in str(error) or "input device" in str(error) or "no sound" in str(error)
    else:
        assert frame.samples.shape == (320,)


def test_nothing_is_said_when_nothing_is_lost() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Intake(most=1).put(block(0))
