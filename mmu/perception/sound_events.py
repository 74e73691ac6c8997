"""Sound events that can be told by signal processing alone: so far, alarms and beepers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmu.perception.sound_classes import STEP, Opinions
from mmu.signals import Signal, Span

SOURCE = "steady_tone"
_FFT, _HOP = 1024, 512
#: an alarm's tone, Hz; lower steady tones are hum, instruments and voices
_LOW, _HIGH = 1500.0, 6000.0
#: share of the energy above 300 Hz within a band of three bins around the tone
_PURITY = 0.6
_MIN_SECONDS = 0.6
_MIN_DBFS = -45.0
_MERGE_SECONDS = 3.0


def alarms(samples: NDArray[np.float32], rate: int, opinions: Opinions, start: float) -> list[Signal]:
    """`alarm` events: one high, pure and steady tone that is neither music nor voice.

    Args:
        samples: (n,) float32 mono.
        rate: samples a second.
        opinions: what the networks think of the same samples.
        start: time of the first sample in the clip, seconds.
    """
    if len(samples) < _FFT:
        return []
    tone, purity = _tones(samples, rate)
    step = _HOP / rate
    rows = np.minimum((np.arange(tone.size) * step / STEP).astype(int), len(opinions) - 1)
    other = opinions.broad[rows, 2] > 0.5
    loud = opinions.level[rows] > _MIN_DBFS
    pure = (purity > _PURITY) & (tone > _LOW) & (tone < _HIGH) & other & loud
    spans: list[tuple[int, int]] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pure.astype(np.int8), [0]]))).reshape(-1, 2)
    for first, last in edges:
        steady = np.ptp(tone[first:last]) <= 2.5 * rate / _FFT
        if last - first >= 4 and steady:
            spans.append((int(first), int(last)))
    out: list[Signal] = []
    for group in _near(spans, int(_MERGE_SECONDS / step)):
        seconds = sum(last - first for first, last in group) * step
        if seconds < _MIN_SECONDS:
            continue
        index = np.concatenate([np.arange(first, last) for first, last in group])
        span = Span(start + group[0][0] * step, start + group[-1][1] * step)
        score = float(np.clip(purity[index].mean() * min(1.0, 0.5 + seconds / 4), 0, 1))
        attributes = {"vocabulary": "audio_event", "hertz": round(float(np.median(tone[index])))}
        out.append(Signal("audio.event", "alarm", score, span, SOURCE, attributes=attributes))
    return out


def _tones(samples: NDArray[np.float32], rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Frequency of the strongest bin of each frame, Hz, and the share of the energy around it."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::_HOP]
    tone = np.empty(len(frames), np.float32)
    purity = np.empty(len(frames), np.float32)
    window = np.hanning(_FFT).astype(np.float32)
    lowest = int(300 * _FFT / rate)
    for first in range(0, len(frames), 2048):
        part = frames[first : first + 2048] * window
        power = np.abs(np.fft.rfft(part).astype(np.complex64)) ** 2
        power[:, :lowest] = 0
        peak = np.clip(power.argmax(axis=1), 1, power.shape[1] - 2)
        row = np.arange(len(part))
        around = power[row, peak - 1] + power[row, peak] + power[row, peak + 1]
        tone[first : first + len(part)] = peak * rate / _FFT
        purity[first : first + len(part)] = around / np.maximum(power.sum(axis=1), 1e-9)
    return tone, purity


def _near(spans: list[tuple[int, int]], gap: int) -> list[list[tuple[int, int]]]:
    groups: list[list[tuple[int, int]]] = []
    for span in spans:
        if groups and span[0] - groups[-1][-1][1] <= gap:
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups
