"""Prosody of a stretch of speech: level and movement of the pitch, tilt of the spectrum.

The measures are those by which tone of voice is described in the literature
(Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set", IEEE TAC 2016).
None of them depends on how loud the recording is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.pitch import FRAME_SECONDS, HOP, SAMPLE_RATE, Pitch

#: pitch of speech, Hz
LOWEST, HIGHEST = 60.0, 600.0
_FFT = 512
#: confidence from which a frame's pitch is trusted here; weaker ones are often creak or background
_SURE = 0.8
#: voiced frames this far below the loud ones are background, dB
_RANGE_DB = 30.0
_LEAST_FRAMES = 20


@dataclass(frozen=True, slots=True)
class Prosody:
    """How something was said."""

    #: seconds with a pitch
    voiced: float
    #: median pitch, semitones above 100 Hz
    level: float
    #: standard deviation of the pitch, semitones
    movement: float
    #: energy of 1 to 5 kHz over that below 1 kHz, dB (alpha ratio): effort and tension raise it
    tilt: float
    #: highest peak below 2 kHz over that of 2 to 5 kHz, dB (Hammarberg index): effort lowers it
    hammarberg: float


def measure(samples: NDArray[np.float32], pitch: Pitch) -> Prosody | None:
    """The prosody of (n,) float32 mono at 16 kHz; None with under a third of a second of voice.

    Args:
        samples: the speech.
        pitch: of the same samples, looked for from `LOWEST` to `HIGHEST`.
    """
    count = len(pitch.hertz)
    if count < _LEAST_FRAMES:
        return None
    padded = np.pad(samples, (HOP, _FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP][:count]
    spectrum = np.fft.rfft(frames * np.hanning(_FFT).astype(np.float32), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float64)
    level = 10 * np.log10(power.sum(axis=1) + 1e-10)
    voiced = pitch.confidence > _SURE
    if voiced.sum() < _LEAST_FRAMES:
        return None
    voiced &= level > np.percentile(level[voiced], 95) - _RANGE_DB
    if voiced.sum() < _LEAST_FRAMES:
        return None
    semitones = 12 * np.log2(pitch.hertz[voiced].astype(np.float64) / 100)
    power = power[voiced]
    hertz = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    low, high = (hertz >= 50) & (hertz < 1000), (hertz >= 1000) & (hertz < 5000)
    tilt = 10 * np.log10((power[:, high].sum(axis=1) + 1e-12) / (power[:, low].sum(axis=1) + 1e-12))
    below, above = hertz < 2000, (hertz >= 2000) & (hertz < 5000)
    hammarberg = 10 * np.log10((power[:, below].max(axis=1) + 1e-12) / (power[:, above].max(axis=1) + 1e-12))
    return Prosody(
        voiced=float(voiced.sum() * FRAME_SECONDS),
        level=float(np.median(semitones)),
        movement=float(semitones.std()),
        tilt=float(np.median(tilt)),
        hammarberg=float(np.median(hammarberg)),
    )
