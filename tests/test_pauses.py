"""The truth about pauses: known where it is made, and what is judged by it, cut by it, built to hold it."""

from __future__ import annotations

import numpy as np
import pytest

from imlab.audio.clip import Clip
from imlab.audio.voice.activity import Activity, steps
from imlab.audio.voice.cutting import Cut
from imlab.audio.voice.paused import LEVEL, SHORTEST, with_pauses
from imlab.audio.voice.score import score
from imlab.audio.voice.truth import clean, doubtful, voiced
from imlab.errors import UsageError

RATE = 16_000


def flags(text: str) -> Activity:
    """ "..##" as activity: # is speech."""
    return Activity(np.array([mark == "#" for mark in text], np.bool_))


def sound(*parts: tuple[float, float], room: float = 1e-5) -> Clip:
    """Tones of (seconds, amplitude) one after another over a room of this amplitude."""
    tones = [amplitude * np.sin(0.2 * np.arange(round(seconds * RATE))) for seconds, amplitude in parts]
    whole = np.concatenate(tones)
    return Clip((whole + room * np.random.default_rng(1).standard_normal(len(whole))).astype(np.float32), RATE)


TALK = ((0.5, 0), (1.0, 0.5), (0.4, 0), (0.6, 0.2), (0.5, 0))


def test_speech_is_what_is_near_the_loud_and_short_gaps_belong_to_it() -> None:
    told = voiced(sound(*TALK)).spans
    assert [start for start, _ in told] == pytest.approx([50, 190], abs=1)
    assert [stop for _, stop in told] == pytest.approx([150, 250], abs=1)
    assert len(voiced(sound((0.5, 0), (0.5, 0.5), (0.15, 0), (0.5, 0.5), (0.5, 0))).spans) == 1, "a closure"
    assert len(voiced(sound((0.5, 0.5), (0.5, 0), (0.005, 0.02), (0.5, 0), (0.5, 0.5))).spans) == 2, "a click"
    assert voiced(Clip(np.zeros(RATE, np.float32), RATE)).share == 0


def test_a_recording_must_be_quiet_and_its_truth_certain() -> None:
    assert clean(sound(*TALK))
    assert not clean(sound(*TALK, room=0.01)), "a loud room"
    faint = 0.5 * 10 ** (-35 / 20)  # just where the line is drawn
    assert not clean(sound((0.5, 0), (1.0, 0.5), (1.0, faint), (0.5, 0))), "a twentieth in doubt"
    assert doubtful(sound((0.5, 0), (1.0, 0.5), (1.0, faint), (0.5, 0))).mean() == pytest.approx(1 / 3, abs=0.03)
    assert not clean(Clip(np.zeros(0, np.float32), RATE))


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_a_note_has_the_pauses_asked_for_and_its_truth_is_in_place(share: float) -> None:
    note = with_pauses([sound(*TALK), sound(*TALK[::-1]), sound((3.0, 0.3))], share, np.random.default_rng(3))
    assert note.pauses == pytest.approx(share, abs=0.005)
    assert len(note.truth.speech) == len(note.doubt) == steps(note.clip) == len(note.clip.samples) / 160
    power = np.square(note.clip.samples.reshape(-1, 160), dtype=np.float64).mean(axis=1)
    assert power[note.truth.speech].mean() == pytest.approx(LEVEL, rel=0.15), "three clips of one level, faded"
    assert power[~note.truth.speech].max() < LEVEL / 100 and (power[:SHORTEST] == 0).all()


def test_one_hesitant_clip_does_not_decide_the_share() -> None:
    note = with_pauses([sound((3.0, 0.5), (5.0, 0), (3.0, 0.5))], 0.28, np.random.default_rng(3))
    assert note.pauses == pytest.approx(0.28, abs=0.005)
    assert 50 <= note.truth.spans[1][0] - note.truth.spans[0][1] <= 70


def test_the_same_draw_makes_the_same_note() -> None:
    made = [with_pauses([sound(*TALK)], 0.5, np.random.default_rng(seed)).clip.samples for seed in (1, 1, 2)]
    assert (made[0] == made[1]).all() and (made[0].shape != made[2].shape or (made[0] != made[2]).any())


SILENT, ODD = Clip(np.zeros(RATE, np.float32), RATE), Clip(np.ones(999, np.float32), 11_025)


@pytest.mark.parametrize(("clips", "share"), [([], 0.3), ([SILENT], 0.3), ([ODD], 0.3), ([sound(*TALK)], 1.0)])
def test_a_note_that_cannot_be_made(clips: list[Clip], share: float) -> None:
    with pytest.raises(UsageError):
        with_pauses(clips, share, np.random.default_rng(1))


SCORES = [  # heard, truth -> accuracy, missed, false alarm, ms of onset lost
    ("..####..", "..####..", 1.0, 0.0, 0.0, 0.0),
    ("....##..", "..####..", 6 / 8, 0.5, 0.0, 20.0),
    ("########", "..####..", 0.5, 0.0, 1.0, 0.0),
    ("........", "..####..", 0.5, 1.0, 0.0, 40.0),
    (".##.#.##", ".##..###", 6 / 8, 1 / 5, 1 / 3, 5.0),
]


@pytest.mark.parametrize(("heard", "truth", "accuracy", "missed", "false_alarm", "onset"), SCORES)
def test_scores_by_hand(
    heard: str, truth: str, accuracy: float, missed: float, false_alarm: float, onset: float
) -> None:
    told = score(flags(heard), flags(truth))
    assert (told.accuracy, told.missed, told.false_alarm) == pytest.approx((accuracy, missed, false_alarm))
    assert told.onset_lost_ms == pytest.approx(onset)


def test_a_score_needs_two_of_one_length_and_says_where_nothing_is_to_say() -> None:
    with pytest.raises(UsageError, match="held against"):
        score(flags(".."), flags("..."))
    assert np.isnan(score(flags(".."), flags("..")).missed) and np.isnan(score(flags("#"), flags("#")).false_alarm)


def test_pauses_are_cut_with_their_hangover() -> None:
    clip = sound((1.0, 0.5))
    heard = flags("." * 30 + "#" * 40 + "." * 30)
    assert Cut(0, 0)(clip, heard).seconds == pytest.approx(0.4)
    assert Cut(0.06, 0.2)(clip, heard).seconds == pytest.approx(0.66)
    assert Cut(1.0, 1.0)(clip, heard).seconds == clip.seconds
    assert len(Cut()(clip, flags("." * 100)).samples) == 0
    inside = Cut(0, 0)(clip, heard).samples[80:-80]
    assert (inside == clip.samples[4800:11200][80:-80]).all(), "but for the fades, what is kept is as it was"


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100])
@pytest.mark.parametrize("samples", [0, 1, 441, 2205])
def test_any_rate_and_length_is_cut(rate: int, samples: int) -> None:
    clip = Clip(np.ones(samples, np.float32), rate)
    assert len(Cut()(clip, Activity(np.ones(steps(clip), np.bool_))).samples) == samples


def test_a_cut_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="0 s or longer"):
        Cut(-0.1)
    with pytest.raises(UsageError, match="do not tell"):
        Cut()(sound((1.0, 0.5)), flags("##"))
