"""The sound of an original under other pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from skimage import data

from mmu import cli
from mmu.media.open import open_clip
from mmu.originals.sound import SoundIndex

pytestmark = pytest.mark.weights  # the sample video is made of packaged media


def other_pictures(source: Path, target: Path, *, start: float, end: float, seed: int | None = None) -> Path:
    """A slow pan over a cat with part of a file's sound (or, with a seed, noise), as 64 kbit AAC."""
    with open_clip(source) as clip:
        samples = clip.audio(16000, start, end)
    if seed is not None:
        samples = np.random.default_rng(seed).normal(0, 0.1, len(samples)).astype(np.float32)
    cat = cv2.resize(np.ascontiguousarray(data.chelsea()[:, :, ::-1]), (640, 360))
    with av.open(str(target), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        audio = out.add_stream("aac", rate=16000)
        audio.bit_rate = 64000
        for i in range(int((end - start) * 10)):
            picture = np.ascontiguousarray(cat[60:300, 2 * i : 2 * i + 320])
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(video.encode())
        for i in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, i : i + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, i, Fraction(1, 16000)
            out.mux(audio.encode(frame))
        out.mux(audio.encode())
    return target


def test_same_sound_under_other_pictures_is_said(
    sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = other_pictures(sample_video, tmp_path / "copy.mp4", start=4, end=16)
    stranger = other_pictures(sample_video, tmp_path / "stranger.mp4", start=4, end=16, seed=1)
    place = ["--index", str(tmp_path / "index")]
    assert cli.main(["originals", "add", str(sample_video), *place]) == 0
    assert "added, with its sound" in capsys.readouterr().out
    assert cli.main(["originals", "check", str(copy), str(stranger), *place]) == 0
    out = capsys.readouterr().out
    assert f"{copy}: same sound as {sample_video}" in out
    assert f"{copy}: copy of" not in out
    assert f"{stranger}: no copy of the 1 originals" in out
    with SoundIndex(tmp_path / "index", create=False) as sound:
        found = sound.check(copy)
        assert found[0].original_start - found[0].start == pytest.approx(4.0, abs=0.2)
        assert sound.check(stranger) == []
    assert cli.main(["originals", "remove", str(sample_video), *place]) == 0
    with SoundIndex(tmp_path / "index", create=False) as sound:
        assert sound.check(copy) == []


def test_a_silent_video_and_an_index_without_sound(sample_video: Path, tmp_path: Path) -> None:
    cat = tmp_path / "cat.png"
    cv2.imwrite(str(cat), np.ascontiguousarray(data.chelsea()[:, :, ::-1]))
    with SoundIndex(tmp_path, create=False) as sound:
        assert sound.check(sample_video) == []
        assert sound.remove("x") == 0
    with SoundIndex(tmp_path) as sound:
        assert sound.add(cat) is False
        assert sound.add(sample_video) is True
        assert sound.add(sample_video) is False
        assert sound.check(cat) == []
