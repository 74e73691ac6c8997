"""Singing put right: each note moved to where it was meant, with its vibrato and slides kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from mmu.errors import StoreError
from mmu.songs.psola import shift_pitch
from mmu.songs.reference import Comparison
from mmu.songs.singing import Singing
from models.pitch import FRAME_SECONDS, SAMPLE_RATE, VOICED, Pitch

#: seconds over which one note's correction passes into the next one's
_GLIDE = 0.06
#: semitones up to which a note is right, and beyond which it was another one: both are left alone
_NEAREST, _FARTHEST = 0.06, 2.5


def corrections(pitch: Pitch, singing: Singing, comparison: Comparison | None) -> NDArray[np.float64]:
    """(frames,) semitones to move each frame of the pitch track by.

    Args:
        pitch: of the performance.
        singing: its notes.
        comparison: with a reference, whose notes are then the goal; else the nearest semitone of the
            singer's own tuning is.
    """
    out = np.zeros(len(pitch.hertz))
    for note in singing.notes:
        first, last = round(note.start / FRAME_SECONDS), round(note.end / FRAME_SECONDS)
        off = note.deviation / 100
        if comparison is not None:
            inside = (comparison.path[:, 0] >= note.start) & (comparison.path[:, 0] < note.end)
            error = comparison.error[inside]
            error = error[np.isfinite(error)]
            if not error.size:
                continue
            off = float(np.median(error)) / 100
        if _NEAREST <= abs(off) <= _FARTHEST:
            out[first:last] = -off
    return np.asarray(uniform_filter1d(out, max(1, round(_GLIDE / FRAME_SECONDS))), np.float64)


def beautify(
    samples: NDArray[np.float32],
    rate: int,
    pitch: Pitch,
    singing: Singing,
    comparison: Comparison | None = None,
) -> NDArray[np.float32]:
    """The corrected voice, as long as `samples`.

    Args:
        samples: (n,) float32 mono of one voice at `rate`.
        rate: samples a second, of `samples`; the pitch is that of the same sound at 16 kHz.
        pitch: of the performance.
        singing: its notes.
        comparison: with a reference, or None.
    """
    hertz = np.where(pitch.confidence >= VOICED, pitch.hertz, 0.0).astype(np.float64)
    ratio = 2 ** (corrections(pitch, singing, comparison) / 12)
    return shift_pitch(samples, rate, hertz, ratio, FRAME_SECONDS)


def write_wav(samples: NDArray[np.float32], path: Path, rate: int = SAMPLE_RATE) -> None:
    """Write 16-bit mono; the folder is made.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.clip(samples, -1, 1), rate, subtype="PCM_16", format="WAV")
    except (OSError, soundfile.SoundFileError) as error:
        raise StoreError(f"cannot write {path}: {error}") from error
