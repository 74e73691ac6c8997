"""Change the pitch of one voice over time and keep its timbre and timing (TD-PSOLA).

Moulines and Charpentier, "Pitch-synchronous waveform processing techniques for
text-to-speech synthesis using diphones" (Speech Communication, 1990).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: seconds between marks where there is no pitch
_STEADY = 0.005
#: how far a mark may be moved to the peak of its period, as a share of the period
_SEARCH = 0.25


def shift_pitch(
    samples: NDArray[np.float32],
    rate: int,
    hertz: NDArray[np.float64],
    ratio: NDArray[np.float64],
    frame_seconds: float,
) -> NDArray[np.float32]:
    """The voice at a pitch `ratio` times its own.

    Args:
        samples: (n,) float32 mono of one voice.
        rate: samples a second.
        hertz: (frames,) its pitch; 0 without one.
        ratio: (frames,) what to multiply the pitch by; 1 leaves it.
        frame_seconds: from one frame to the next, the first at 0.

    Returns:
        (n,) float32.
    """
    if np.allclose(ratio, 1.0):
        return samples.copy()
    marks, periods = _marks(samples, rate, hertz, frame_seconds)
    if len(marks) < 3:
        return samples.copy()
    out = np.zeros(samples.size + rate, np.float64)
    weight = np.zeros(out.size, np.float64)
    position, last = float(marks[0]), float(marks[-1])
    while position <= last:
        near = int(np.searchsorted(marks, position))
        if near == len(marks) or (near and position - marks[near - 1] < marks[near] - position):
            near -= 1
        period = int(periods[near])
        start = int(marks[near]) - period
        window = np.hanning(2 * period + 1)[:-1]
        first = max(0, -start)
        grain = samples[start + first : start + 2 * period]
        window = window[first : first + grain.size]
        place = round(position) - period + first
        if place < 0:
            grain, window, place = grain[-place:], window[-place:], 0
        out[place : place + grain.size] += grain * window
        weight[place : place + grain.size] += window
        frame = min(int(position / rate / frame_seconds), len(ratio) - 1)
        voiced = hertz[frame] > 0
        position += period / (ratio[frame] if voiced else 1.0)
    out, weight = out[: samples.size], weight[: samples.size]
    # Grains closer than they were add up to more than one: undone where they overlap fully.
    mixed = np.where(weight > 0.05, out / np.maximum(weight, 0.3), 0.0)
    edge = weight <= 0.05
    return np.asarray(np.where(edge, samples, mixed), np.float32)


def _marks(
    samples: NDArray[np.float32], rate: int, hertz: NDArray[np.float64], frame_seconds: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sample positions of the periods, each at its peak, and the length of each."""
    marks: list[int] = []
    periods: list[int] = []
    sign = 1.0 if samples.size and samples.max() >= -samples.min() else -1.0
    position = 0
    while position < samples.size:
        frame = min(int(position / rate / frame_seconds), len(hertz) - 1)
        voiced = hertz[frame] > 0
        period = round(rate / hertz[frame]) if voiced else round(rate * _STEADY)
        if voiced:
            reach = max(1, round(period * _SEARCH))
            low = max(position - reach, marks[-1] + period // 2 if marks else 0, 0)
            part = sign * samples[low : position + reach + 1]
            if part.size:
                position = low + int(part.argmax())
        marks.append(position)
        periods.append(period)
        position += period
    return np.array(marks, np.int64), np.array(periods, np.int64)
