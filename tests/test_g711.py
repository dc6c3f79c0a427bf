"""G.711: every step and every code as libsndfile has them, and the error that the standard's segments allow."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from imlab.audio.clip import Clip
from imlab.codec.contract import CodecError, decode, encode
from imlab.codec.g711 import G711, NAMES, levels
from imlab.errors import UsageError

SUBTYPES = {"a": "ALAW", "mu": "ULAW"}
STEPS = np.arange(-32_768, 32_768).astype(np.int16)
ALL = Clip((STEPS / 32_768).astype(np.float32), 8_000)
every_law = pytest.mark.parametrize("law", NAMES)


@every_law
def test_all_65536_steps_are_coded_as_libsndfile_codes_them(law: str) -> None:
    theirs = io.BytesIO()
    soundfile.write(theirs, STEPS, 8_000, format="RAW", subtype=SUBTYPES[law])
    ours = encode(G711(law), ALL)
    assert b"".join(packet.data for packet in ours.packets)[: len(STEPS)] == theirs.getvalue()


@every_law
def test_all_256_codes_are_heard_as_libsndfile_hears_them(law: str) -> None:
    codes = bytes(range(256))
    theirs, _ = soundfile.read(
        io.BytesIO(codes), format="RAW", subtype=SUBTYPES[law], samplerate=8_000, channels=1, dtype="int16"
    )
    np.testing.assert_array_equal(levels(law), theirs)
    np.testing.assert_array_equal(G711(law, 32).decoder().decode(codes) * 32_768, theirs)


@every_law
def test_the_error_is_a_thirty_second_of_the_sound(law: str) -> None:
    size = np.abs(STEPS.astype(int))
    error = np.abs(decode(G711(law), encode(G711(law), ALL)).samples * 32_768 - STEPS)
    assert (error <= np.maximum((size + 132) / 32, 8)).all()  # half of one of the sixteen levels in an octave


@every_law
@pytest.mark.parametrize("size", [0, 1, 159, 161, 320])
def test_a_packet_of_another_size_is_refused(law: str, size: int) -> None:
    with pytest.raises(CodecError, match=f"not {size}"):
        G711(law).decoder().decode(bytes(size))


@pytest.mark.parametrize(("law", "frame_ms"), [("A", 20), ("", 20), ("a", 0), ("mu", 0.1), ("a", -20)])
def test_impossible_settings_are_refused(law: str, frame_ms: float) -> None:
    with pytest.raises(UsageError):
        G711(law, frame_ms)
