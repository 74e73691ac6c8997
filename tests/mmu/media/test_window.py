"""A window of a clip shows what the clip shows there, on a clock of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmu.media.clip import WINDOW_SECONDS, Clip
from mmu.media.open import open_clip


def _clip() -> Clip:
    rng = np.random.default_rng(3)
    pictures = [(float(second), np.full((8, 8, 3), second % 250, np.uint8)) for second in range(0, 700, 5)]
    sound = rng.uniform(-0.5, 0.5, (700 * 16000, 1)).astype(np.float32)
    return Clip.from_arrays(frames=pictures, audio=(sound, 16000), fps=0.2)


def test_windows_together_are_the_clip() -> None:
    with _clip() as clip:
        parts = [clip.window(start, start + WINDOW_SECONDS) for start in (0.0, 300.0, 600.0)]
        assert [round(part.duration) for part in parts] == [300, 300, 100]
        assert sum(map(len, parts)) == len(clip)
        assert sum(len(part.dense) for part in parts) == len(clip.dense)
        starts = (0.0, 300.0, 600.0)
        times = np.concatenate([part.times + start for part, start in zip(parts, starts, strict=True)])
        assert np.array_equal(times, clip.times)
        assert np.array_equal(parts[1].frame(0).image, clip.frame(len(parts[0])).image)
        assert np.array_equal(parts[2].frame(-1).image, clip.frame(-1).image)
        heard = np.concatenate([part.audio(16000) for part in parts])
        assert np.array_equal(heard, clip.audio(16000))
        assert np.array_equal(parts[1].audio(16000, 1.5, 2.5), clip.audio(16000, 301.5, 302.5))
        assert parts[1].facts.duration == 300.0
        assert clip.facts.duration == pytest.approx(700)
        parts[1].close()
        assert clip.frame(0).image.shape == (8, 8, 3)


def test_a_window_past_the_end_is_empty() -> None:
    with _clip() as clip:
        late = clip.window(900.0, float("inf"))
        assert len(late) == 0
        assert late.duration == 0
        assert not late.audio(16000).size


@pytest.mark.weights
def test_sound_alone_has_the_clock_and_the_samples_of_the_whole(short_video: Path) -> None:
    path = short_video
    with open_clip(path) as whole, open_clip(path, pictures=False) as heard:
        assert len(whole) > 5
        assert len(heard) == 1
        assert heard.facts.start == whole.facts.start
        for rate in (16000, 44100):
            expected, found = whole.audio(rate), heard.audio(rate)
            size = min(len(expected), len(found))
            assert size > 5.9 * rate
            assert np.array_equal(expected[:size], found[:size])
