"""Decoding ahead gives the clip that decoding gives, and leaves nothing behind where it isn't wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mmu
from mmu.errors import MediaError
from mmu.media import DecodeOptions, open_clip
from mmu.media.ahead import Opening, begun

RATES = frozenset({16000})


def test_the_clip_is_the_same(short_video: Path) -> None:
    opening = Opening(short_video)
    try:
        assert opening.fits(DecodeOptions(), RATES)
        with opening.clip() as ahead, open_clip(short_video) as clip:
            assert not opening.fits(DecodeOptions(), RATES), "it is given away once"
            assert ahead.sha256 == clip.sha256
            assert np.array_equal(ahead.times, clip.times)
            assert np.array_equal(ahead.frame(3).image, clip.frame(3).image)
            assert np.array_equal(ahead.audio(16000), clip.audio(16000))
    finally:
        opening.close()


def test_what_is_not_wanted_leaves_nothing(short_video: Path, tmp_path: Path) -> None:
    options = DecodeOptions(temp_dir=str(tmp_path))
    with begun(short_video, profile=None, options=options, chosen=False) as opening:
        assert opening is not None
        assert not opening.fits(DecodeOptions(), RATES)
    assert not [one for one in tmp_path.rglob("*") if one.name in ("frames.bgr", "audio16000.s16")]


def test_only_what_can_be_known_is_begun(short_video: Path) -> None:
    with begun(short_video, profile="gpu", options=None, chosen=False) as opening:
        assert opening is None
    with begun(short_video, profile=None, options=None, chosen=True) as opening:
        assert opening is None
    with begun("http://127.0.0.1:9/clip.mp4", profile=None, options=None, chosen=False) as opening:
        assert opening is None
    with short_video.open("rb") as file, begun(file, profile=None, options=None, chosen=False) as opening:
        assert opening is None


def test_a_bad_file_says_what_it_would_have_said(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"this is not a video")
    with begun(bad, profile="cpu", options=None, chosen=False) as opening:
        assert opening is not None
        with pytest.raises(MediaError) as ahead:
            opening.clip()
    with pytest.raises(MediaError) as directly:
        open_clip(bad)
    assert str(ahead.value) == str(directly.value)
    report = mmu.analyze(bad)
    assert report.outcome == "failed"
    assert report.errors[0].message == str(directly.value)
