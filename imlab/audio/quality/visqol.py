"""ViSQOL v3 (Chinen et al., QoMEX 2020) by visqol-python, Google's C++ ported: speech mode with the lattice model.

Speech mode looks at 21 gammatone bands from 50 Hz to 8 kHz, so it takes 16 kHz; it compares only patches in which the
reference speaks. The deep lattice network is what the C++ program uses unless told otherwise; the polynomial that it
replaced gives every identity 5.0 but over-predicts degraded speech by one or two points, so it is not our scale.
Two things to know of the lattice. A clip against itself scores 4.2 to 4.9, by the clip, and once in a while a coded
version scores more (0.3 at most over 23 clips): compare by clip, and print what the identity scores. And the absolute
level of the reference matters, for what is under a fixed floor counts as silence: the same packets scored 3.5 at -13 dB
and 4.3 at -26 dB of full scale. ``panels`` therefore fixes the level.

The package's pipeline is kept step by step, but its two hot loops are ours (``gammatone``, ``patches``), and what
belongs to the reference is kept for the next degraded version of it.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np

from imlab.audio.clip import Clip
from imlab.audio.quality.gammatone import Floats, sections, spectrogram
from imlab.audio.quality.metric import Metric, NoScore
from imlab.audio.quality.patches import choose, pieces

RATE = 16_000  # Hz
SHORTEST = 0.64  # seconds: a first patch begins after 9 hops of 20 ms and takes 20 windows of 80 ms, a hop apart
LONGEST = 300.0  # seconds; the search needs 1 MB for each
KEPT = 1024  # spectrograms, of 3 kB: a minute's reference is one whole and 150 patches, what is heard as many


def _measure(reference: Clip, heard: Clip) -> float:
    if reference.seconds > LONGEST:
        raise NoScore(f"visqol is for clips of up to {LONGEST:g} s, not {reference.seconds:.0f} s: score parts of it")
    try:
        result = _model().run_from_signals(*(_signal(clip) for clip in (reference, heard)))
    except (ValueError, IndexError) as error:
        raise NoScore(f"visqol found nothing to compare: {error}") from error
    return float(result.moslqo)


def _signal(clip: Clip) -> Any:
    from visqol.audio_utils import AudioSignal

    return AudioSignal(clip.samples, RATE)


@cache
def _model() -> Any:
    """The package's own manager, made once in a process (80 ms), with our parts in the place of three of its own."""
    try:
        from visqol.visqol_manager import VisqolManager

        manager: Any = VisqolManager()
        with _quiet():
            manager.init(use_speech_mode=True, use_lattice_model=True)
    except ImportError as error:
        raise NoScore(f"visqol cannot be loaded ({error}): {VISQOL.install}") from error
    manager.spect_builder = _Spectrograms()
    manager.patch_creator = _Patches(manager.patch_creator)
    manager.visqol_core = _Pipeline()
    return manager


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the line that TensorFlow Lite's C++ writes to stderr when a model is loaded."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _Memory:
    """The last answers of a function of an array, by the array's content."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[bytes, Any] = OrderedDict()

    def __call__(self, array: Floats, extra: int, answer: Callable[[], Any]) -> Any:
        key = blake2b(array.tobytes() + extra.to_bytes(8)).digest()
        if key not in self._answers:
            self._answers[key] = answer()
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return self._answers[key]


class _Spectrograms:
    """What the package calls a spectrogram builder."""

    def __init__(self) -> None:
        from visqol.gammatone import SPEECH_MODE_MAX_FREQ, make_erb_filters
        from visqol.visqol_manager import MINIMUM_FREQ, NUM_BANDS_SPEECH

        filters = make_erb_filters(RATE, NUM_BANDS_SPEECH, MINIMUM_FREQ, SPEECH_MODE_MAX_FREQ)
        self._bands = sections(filters.filter_coeffs[:, ::-1])
        self._memory = _Memory(KEPT)

    def build(self, signal: Any, window: Any) -> Any:
        """The signal's spectrogram."""
        from visqol.gammatone import Spectrogram

        if len(signal.data) <= window.size:
            raise ValueError(f"{len(signal.data)} samples are too few for a window of {window.size}")
        hop = int(window.size * window.overlap)
        return Spectrogram(
            self._memory(signal.data, hop, lambda: spectrogram(signal.data, self._bands, window.hann_window, hop))
        )


class _Patches:
    """The package's choice of patches that speak, made once for a reference."""

    def __init__(self, creator: Any) -> None:
        self._creator = creator
        self._memory = _Memory(8)

    def create_ref_patch_indices(self, spectrum: Floats, signal: Any, window: Any) -> Any:
        """The frames at which patches begin."""
        make = self._creator.create_ref_patch_indices
        return self._memory(signal.data, spectrum.shape[1], lambda: make(spectrum, signal, window))

    def create_patches_from_indices(self, spectrum: Floats, starts: Sequence[int]) -> Any:
        """The patches."""
        return self._creator.create_patches_from_indices(spectrum, starts)


class _Pipeline:
    """visqol.visqol_core.VisqolCore, step by step, but for the search."""

    def calculate_similarity(
        self,
        ref_signal: Any,
        deg_signal: Any,
        spect_builder: Any,
        window: Any,
        patch_creator: Any,
        search_window: int,
        quality_mapper: Any,
        disable_realignment: bool,
    ) -> Any:
        """The score and what it is made of."""
        from visqol import visqol_core as core
        from visqol.audio_utils import scale_to_match_sound_pressure_level
        from visqol.gammatone import prepare_spectrograms_for_comparison
        from visqol.patch_selector import finely_align_and_recreate_patches

        deg_signal = scale_to_match_sound_pressure_level(ref_signal, deg_signal)
        spectra = (spect_builder.build(signal, window) for signal in (ref_signal, deg_signal))
        true, seen = prepare_spectrograms_for_comparison(*spectra)
        starts = patch_creator.create_ref_patch_indices(true, ref_signal, window)
        frame = core.calc_frame_duration(int(window.size * window.overlap), ref_signal.sample_rate)
        patches = patch_creator.create_patches_from_indices(true, starts)
        found = _found(patches, starts, seen, frame, search_window)
        found = finely_align_and_recreate_patches(found, ref_signal, deg_signal, spect_builder, window)
        means = core.calc_per_patch_mean_freq_band_means(found)
        score = quality_mapper.predict_quality(
            means,
            core.calc_per_patch_freq_band_quantile(found, 0.10),
            core.calc_per_patch_mean_freq_band_stddevs(found, frame),
            core.calc_per_patch_mean_freq_band_deg_energy(found),
        )
        likeness = float(np.mean(means))
        return core.SimilarityResult(core.alter_for_similarity_extremes(likeness, score), likeness, patch_sims=found)


def _found(patches: Sequence[Floats], starts: Sequence[int], seen: Floats, frame: float, reach: int) -> list[Any]:
    """Each patch with the piece that it is compared with, as the package's results; frame: seconds."""
    from visqol.nsim import measure_patch_similarity
    from visqol.patch_selector import _calc_max_num_patches

    width = patches[0].shape[1]
    count = _calc_max_num_patches(list(starts), seen.shape[1], width)
    every = pieces(seen, width)
    results = []
    for (place, lost), patch, start in zip(
        choose(patches[:count], starts[:count], seen, reach * width), patches, starts, strict=False
    ):
        result = measure_patch_similarity(patch, every[place])
        result.ref_patch_start_time = start * frame
        result.ref_patch_end_time = result.ref_patch_start_time + frame * width
        if lost:
            result.similarity, result.freq_band_means = 0.0, np.zeros(len(patch))
        else:
            result.deg_patch_start_time = place * frame
            result.deg_patch_end_time = result.deg_patch_start_time + frame * width
        results.append(result)
    return results


VISQOL = Metric(
    "visqol",
    "MOS-LQO",
    1.0,
    5.0,
    ceiling=None,
    rising=True,
    measure=_measure,
    rates=(RATE,),
    shortest=SHORTEST,
    package="visqol-python",
    mode="speech, lattice",
    install='pip install "visqol-python[lattice]"',
)
