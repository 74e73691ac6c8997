"""Frozen and black stretches of an encoded video are found in full; a moving one has none."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.motion_faults import STRETCH, frames, write
from mmu.media import open_clip
from mmu.perception.shots import Shots
from mmu.signals import SignalSet


@pytest.mark.parametrize(("kind", "signal"), [("freeze", "media.frozen"), ("black", "media.black")])
def test_what_stands_still_is_found(tmp_path: Path, kind: str, signal: str) -> None:
    draw = np.random.default_rng(3)
    coarse = draw.integers(0, 255, (45, 80, 3), dtype=np.uint8)
    picture = np.ascontiguousarray(np.kron(coarse, np.ones((16, 16, 1), np.uint8)))
    seconds = {}
    for strength in (0, 2):
        path = tmp_path / f"{strength}.mp4"
        write(path, frames(picture, kind, strength))
        with open_clip(path, audio_rates=frozenset()) as clip:
            found = Shots().run(clip, SignalSet())
        seconds[strength] = sum(one.span.seconds for one in found if one.kind == signal and one.span)
    assert seconds[0] == 0
    assert seconds[2] == pytest.approx(2 * STRETCH, abs=0.2)
