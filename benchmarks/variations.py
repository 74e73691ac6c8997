"""Ways in which music reaches an upload: under speech or noise, re-encoded, at another speed or tempo."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

RATE = 16000
FloatArray = NDArray[np.float32]


def decode(path: Path, rate: int = RATE, *, stereo: bool = False) -> FloatArray:
    """(n,) float32 mono, or (n, 2) stereo, of a sound file."""
    with av.open(str(path), "r") as container:
        return _resampled(container, rate, stereo)


def under_speech(
    music: FloatArray, speech: FloatArray, decibels: float, draw: np.random.Generator
) -> FloatArray:
    """Mix with a random stretch of speech; `decibels` is the level of the music above it."""
    at = int(draw.integers(0, speech.size - music.size))
    return _mix(music, speech[at : at + music.size], decibels)


def in_noise(music: FloatArray, decibels: float, draw: np.random.Generator) -> FloatArray:
    """Add white noise at this signal-to-noise ratio."""
    return _mix(music, draw.standard_normal(music.size).astype(np.float32), decibels)


def at_speed(music: FloatArray, factor: float) -> FloatArray:
    """Play `factor` times as fast, pitch and all."""
    places = np.arange(0, music.size - 1, factor)
    return np.asarray(np.interp(places, np.arange(music.size), music), np.float32)


def at_tempo(music: FloatArray, factor: float) -> FloatArray:
    """Play `factor` times as fast at the same pitch (phase vocoder)."""
    import librosa

    return np.asarray(librosa.effects.time_stretch(music, rate=factor), np.float32)


def encoded(music: FloatArray, codec: str, bit_rate: int) -> FloatArray:
    """Encode (`libmp3lame`, `aac`) and decode again."""
    buffer = io.BytesIO()
    layout = {"libmp3lame": "mp3", "aac": "adts"}[codec]
    with av.open(buffer, "w", format=layout) as out:
        stream: Any = out.add_stream(codec, rate=RATE, layout="mono")
        stream.bit_rate = bit_rate
        samples = (np.clip(music, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(
            "fltp", "mono", RATE, frame_size=stream.codec_context.frame_size or 1024
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as container:
        return _resampled(container, RATE, False)


def _mix(music: FloatArray, other: FloatArray, decibels: float) -> FloatArray:
    gain = np.sqrt((_power(music) + 1e-12) / (_power(other) + 1e-12) * 10 ** (-decibels / 10))
    mixed = music + other * np.float32(gain)
    return np.asarray(mixed / max(1.0, float(np.abs(mixed).max())), np.float32)


def _power(samples: FloatArray) -> float:
    return float(np.mean(np.square(samples)))


def _resampled(container: InputContainer, rate: int, stereo: bool) -> FloatArray:
    resampler = av.AudioResampler("flt", "stereo" if stereo else "mono", rate)
    parts = [
        part.to_ndarray()[0]
        for frame in [*container.decode(audio=0), None]
        for part in resampler.resample(frame)
    ]
    samples = np.concatenate(parts) if parts else np.zeros(0)
    return np.asarray(samples.reshape(-1, 2) if stereo else samples, np.float32)
