"""Media built on the spot: what each file holds is known exactly."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def texture(seed: int, width: int = 160, height: int = 120) -> Image:
    """A picture with coarse structure, different for every seed."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (6, 8, 3), np.uint8)
    return np.kron(blocks, np.ones((height // 6, width // 8, 1), np.uint8))


def tone(seconds: float, rate: int, hertz: float = 440.0, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def write_video(
    path: Path,
    frames: Iterable[tuple[float, Image]],
    *,
    codec: str = "mpeg4",
    layout: str = "yuv420p",
    base: Fraction = Fraction(1, 1000),
    sound: NDArray[np.float32] | None = None,
    sound_start: float = 0.0,
    poster: Image | None = None,
) -> Path:
    """Encode (seconds, BGR) frames, with an optional mono track at 16 kHz and a small second video."""
    frames = iter(frames)
    first = next(frames)
    height, width = first[1].shape[:2]
    with av.open(str(path), "w") as out:
        small = None
        if poster is not None:
            small = out.add_stream("mpeg4", rate=25)
            small.width, small.height, small.pix_fmt = poster.shape[1], poster.shape[0], "yuv420p"
        video: Any = out.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = width, height, layout
        video.codec_context.time_base = base
        video.codec_context.gop_size = 25
        if codec == "mpeg4":
            video.codec_context.qmin = video.codec_context.qmax = 3
        audio = out.add_stream("pcm_s16le", rate=16000, layout="mono") if sound is not None else None
        if small is not None and poster is not None:
            for index in range(2):
                frame = av.VideoFrame.from_ndarray(poster, format="bgr24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                out.mux(small.encode(frame))
            out.mux(small.encode(None))
        if audio is not None and sound is not None:
            samples = (sound * 32767).astype(np.int16).reshape(1, -1)
            for at in range(0, samples.shape[1], 1600):
                part = av.AudioFrame.from_ndarray(samples[:, at : at + 1600].copy(), "s16", "mono")
                part.sample_rate, part.time_base = 16000, Fraction(1, 16000)
                part.pts = round(sound_start * 16000) + at
                out.mux(audio.encode(part))
            out.mux(audio.encode(None))
        for time, image in [first, *frames]:
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(time / base), base
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def write_wav(path: Path, samples: NDArray[np.float32], rate: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def make_texture() -> Callable[..., Image]:
    return texture


@pytest.fixture(scope="session")
def make_tone() -> Callable[..., NDArray[np.float32]]:
    return tone


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    return write_video


@pytest.fixture(scope="session")
def make_wav() -> Callable[..., Path]:
    return write_wav


@pytest.fixture(scope="session")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 25 frames a second with sound; the second shot begins at 2.0 s."""
    folder = tmp_path_factory.mktemp("media")
    frames = ((i / 25, texture(1 if i < 50 else 2)) for i in range(100))
    return write_video(folder / "two_shots.mkv", frames, sound=tone(4, 16000))


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 s at 10 frames a second, 64 x 48, a slow pan: long enough to be interrupted on any machine."""
    folder = tmp_path_factory.mktemp("media")
    wide = np.tile(texture(3, 64, 48), (1, 2, 1))
    frames = ((i / 10, np.ascontiguousarray(wide[:, i // 4 % 64 : i // 4 % 64 + 64])) for i in range(30_000))
    return write_video(folder / "long.mkv", frames)
