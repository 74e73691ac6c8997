"""Perceptual hashes, and the matching of copies by them."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from mmu.media.clip import Clip
from mmu.perception.hash_match import THRESHOLD, compare, same_source, similarity
from mmu.perception.hashes import Hashes
from mmu.perception.hashing import BITS, VARIANTS, from_hex, hash_bits, to_hex, variants
from mmu.signals import SignalSet

Picture = NDArray[np.uint8]


def photo(name: str) -> Picture:
    return np.ascontiguousarray(getattr(data, name)()[:, :, ::-1])


def hashes(frames: list[tuple[float, Picture]]) -> list[tuple[float, str]]:
    with Clip.from_arrays(frames=frames) as clip:
        return [(s.span.start, str(s.value)) for s in Hashes().run(clip, SignalSet()) if s.span]


def pan(picture: Picture, steps: int, *, start: float = 0.0) -> list[tuple[float, Picture]]:
    """A camera moving over a picture: frames twice a second."""
    width = picture.shape[1] // 2
    reach = picture.shape[1] - width
    windows = [picture[:, i * reach // 24 : i * reach // 24 + width] for i in range(steps)]
    return [(start + i * 0.5, cv2.resize(window, (320, 240))) for i, window in enumerate(windows)]


@given(st.binary(min_size=BITS // 8, max_size=BITS // 8))
def test_hex_round_trip_and_variants_are_eight_distinct_ways_back(raw: bytes) -> None:
    bits = from_hex(raw.hex())
    assert to_hex(bits) == raw.hex()
    found = variants(bits)
    assert tuple(sorted(found)) == tuple(sorted(VARIANTS))
    assert (variants(found["mirrored"])["mirrored"] == bits).all()
    assert (variants(found["turned_90"])["turned_270"] == bits).all()


def test_variants_equal_the_hashes_of_turned_pictures() -> None:
    picture = cv2.GaussianBlur(photo("coffee"), (0, 0), 2)
    found = variants(hash_bits(picture))
    made = {
        "mirrored": picture[:, ::-1],
        "turned_90": np.rot90(picture, -1),
        "turned_180": np.rot90(picture, 2),
        "turned_270": np.rot90(picture),
    }
    for name, turned in made.items():
        apart = (found[name] != hash_bits(np.ascontiguousarray(turned))).mean()
        assert apart < 0.05, name


def test_wrong_hash_names_its_length() -> None:
    with pytest.raises(ValueError, match="52 hexadecimal digits"):
        from_hex("00ff")


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_altered_pictures_match_and_others_do_not(name: str) -> None:
    original = photo(name)
    height, width = original.shape[:2]
    logo = original.copy()
    logo[height // 20 : height // 6, 3 * width // 4 : 19 * width // 20] = 255
    bars = cv2.copyMakeBorder(original, 60, 60, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    encoded = cv2.imencode(".jpg", cv2.resize(original, None, fx=0.4, fy=0.4), [cv2.IMWRITE_JPEG_QUALITY, 30])
    altered = {
        "jpeg": cv2.imdecode(encoded[1], cv2.IMREAD_COLOR),
        "logo": logo,
        "bars": bars,
        "bright": np.clip(original.astype(np.float32) * 1.25, 0, 255).astype(np.uint8),
        "mirror": original[:, ::-1],
        "turned": np.rot90(original),
        "crop": original[height // 50 : -height // 50, width // 50 : -width // 50],
    }
    known = hashes([(0.0, original)])
    for way, copy in altered.items():
        assert similarity(known, hashes([(0.0, np.ascontiguousarray(copy))])) >= THRESHOLD, way
    for other in {"astronaut", "coffee", "chelsea", "rocket"} - {name}:
        assert similarity(known, hashes([(0.0, photo(other))])) < 0.3, other


def test_passage_of_a_longer_video_is_found_with_its_offset() -> None:
    whole = pan(photo("astronaut"), 12) + pan(photo("coffee"), 12, start=6.0)
    part = [(t, cv2.resize(p, (200, 160))) for t, p in pan(photo("coffee"), 12)]
    match = compare(hashes(part), hashes(whole))
    assert match.score >= THRESHOLD
    assert match.kind == "part"
    assert match.offset == pytest.approx(6.0, abs=0.6)
    assert compare(hashes(pan(photo("rocket"), 12)), hashes(whole)).kind == "none"


def test_two_takes_in_one_room_are_no_copies() -> None:
    room = photo("coffee")

    def take(path: list[tuple[int, int]]) -> list[tuple[float, Picture]]:
        frames = []
        for i, (x, y) in enumerate(path):
            frame = room.copy()
            cv2.circle(frame, (x, y), 60, (250, 250, 250), -1)
            frames.append((i * 1.0, frame))
        return frames

    right = take([(100 + 50 * i, 120) for i in range(8)])
    left = take([(450 - 50 * i, 250) for i in range(8)])
    assert similarity(hashes(right), hashes(right)) > 0.95
    assert similarity(hashes(right), hashes(left)) < THRESHOLD


def test_flat_frames_have_no_hash() -> None:
    assert hashes([(0.0, np.full((120, 160, 3), 200, np.uint8))]) == []
    assert similarity([], hashes([(0.0, photo("coffee"))])) == 0.0


def test_same_source_reads_reports() -> None:
    def report(frames: list[tuple[float, str]]) -> SimpleNamespace:
        return SimpleNamespace(originality=SimpleNamespace(frames=frames) if frames else None)

    coffee = report(hashes([(0.0, photo("coffee"))]))
    assert same_source(coffee, coffee)
    assert not same_source(coffee, report(hashes([(0.0, photo("rocket"))])))
    assert not same_source(coffee, report([]))
