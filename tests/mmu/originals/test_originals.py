"""The index of originals: copies, their spans, look-up tables, reports, removal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from benchmarks.tasks.copies import _Field, _flips
from benchmarks.transforms import TRANSFORMS, write_clip
from mmu import cli
from mmu.errors import ConfigError, StoreError
from mmu.originals import bands
from mmu.originals.fingerprint import BYTES, VIEWS, Fingerprint, fingerprint_file, fingerprint_report
from mmu.originals.match import COPY, find_copy
from mmu.originals.store import Originals
from mmu.report.schema import MediaFacts, Originality, Report

Picture = NDArray[np.uint8]


def pan(name: str, *, seconds: float, start: float = 0.0) -> Iterator[tuple[float, Picture]]:
    """A camera that moves over a photo, up and down a little, 10 frames a second."""
    photo = np.ascontiguousarray(getattr(data, name)()[:, :, ::-1])
    photo = cv2.resize(photo, (800, 600))
    for i in range(int(seconds * 10)):
        now = i / 10 + start
        x, y = int(400 * (now / 12)), int(130 + 120 * np.sin(now))
        yield i / 10, np.ascontiguousarray(photo[y : y + 240, x : x + 320])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three originals of 10 s, and altered excerpts of the first from its third second on."""
    folder = tmp_path_factory.mktemp("clips")
    made = {
        name: write_clip(pan(name, seconds=10), folder / f"{name}.mp4", TRANSFORMS["re-encoded"])
        for name in ("coffee", "chelsea", "astronaut")
    }
    for number, (name, transform) in enumerate(TRANSFORMS.items()):
        made[name] = write_clip(pan("coffee", seconds=6, start=3), folder / f"copy-{number}.mp4", transform)
    return made


@pytest.fixture(scope="module")
def index(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Originals]:
    with Originals(tmp_path_factory.mktemp("index")) as opened:
        for name in ("coffee", "chelsea"):
            assert opened.add(fingerprint_file(clips[name], original=True), name=name)
        yield opened


@pytest.mark.parametrize("name", TRANSFORMS)
def test_altered_excerpts_are_found_with_their_span(
    name: str, clips: dict[str, Path], index: Originals
) -> None:
    found = index.check(fingerprint_file(clips[name], original=False))
    assert [one.name for one in found] == ["coffee"]
    copy, transform = found[0].copy, TRANSFORMS[name]
    assert ("mirrored" in name) == (copy.variant == "mirrored")
    assert found[0].kind == "part"
    assert found[0].share > 0.7
    start, end, there_start, there_end = copy.spans[0]
    assert there_start == pytest.approx(3 + start * transform.speed, abs=0.6)
    assert there_end == pytest.approx(3 + end * transform.speed, abs=0.6)


def test_whole_copies_and_strangers(clips: dict[str, Path], index: Originals) -> None:
    whole = index.check(fingerprint_file(clips["chelsea"], original=False))
    assert [(one.name, one.kind) for one in whole] == [("chelsea", "whole")]
    assert whole[0].copy.speed == pytest.approx(1.0, abs=0.02)
    assert index.check(fingerprint_file(clips["astronaut"], original=False)) == []


def synthetic(count: int, *, first: int = 0, seed: int = 3) -> list[Fingerprint]:
    return _Field().videos(np.random.default_rng(seed), count, 20.0, first=first)


def altered(one: Fingerprint, share: float, seed: int = 1) -> Fingerprint:
    flips = _flips(np.random.default_rng(seed), one.hashes.shape, share)
    return Fingerprint("copy", "copy", one.duration, one.times, one.hashes ^ flips)


def test_tables_hold_what_waited_and_forget_what_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmu.originals.segments.WAITING", 500)
    videos = synthetic(60)
    with Originals(tmp_path) as first, Originals(tmp_path) as second:
        assert first.add_many([(one, one.uri) for one in videos[:40]]) == 40
        assert second.check(altered(videos[7], 0.08))[0].name == "video-7"
        assert first.add_many([(one, one.uri) for one in videos[38:]]) == 20
        assert len(second) == 60
        assert list(tmp_path.glob("tables-*")), "what waited went into tables"
        for number in (0, 39, 59):
            found = second.check(altered(videos[number], 0.08))
            assert [one.name for one in found] == [f"video-{number}"]
        assert first.remove("video-7") == 1
        assert second.check(altered(videos[7], 0.08)) == []
        assert second.check(synthetic(1, first=900, seed=99)[0]) == []
        with pytest.raises(StoreError, match="mmu originals list"):
            first.remove("video-7")
    assert len(list(tmp_path.glob("tables-*"))) == 1


def test_multi_index_finds_what_a_scan_finds(tmp_path: Path) -> None:
    hashes = np.concatenate([one.hashes for one in synthetic(100)])
    owners = np.arange(len(hashes))
    bands.build(hashes, owners, tmp_path / "t")
    table = bands.Bands(tmp_path / "t")
    query = hashes[::50] ^ _flips(np.random.default_rng(0), hashes[::50].shape, 0.08)

    def pairs(hits: bands.Hits) -> set[tuple[int, int, int]]:
        return set(zip(hits.query.tolist(), hits.owner.tolist(), hits.bits.tolist(), strict=True))

    fast, slow = pairs(table.search(query)), pairs(bands.scan(query, hashes, owners))
    assert fast <= slow
    near = {one for one in slow if one[2] <= 26}
    assert len(near) > 60
    assert len(near - fast) <= 0.01 * len(near)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=BYTES, max_size=BYTES), min_size=1, max_size=6))
def test_padding_keeps_the_number_of_differing_bits(raw: list[bytes]) -> None:
    hashes = np.frombuffer(b"".join(raw), np.uint8).reshape(-1, BYTES)
    wide = bands.pad(hashes)
    apart = np.bitwise_count(wide[0] ^ wide).sum(axis=1)
    assert apart.tolist() == np.unpackbits(hashes[0] ^ hashes, axis=1).sum(axis=1).tolist()
    assert bands.band_keys(hashes).shape == (len(hashes), bands.BANDS)


def test_two_passages_of_one_original_are_two_spans() -> None:
    original = synthetic(1)[0]
    pick = np.r_[0:12, 26:40]
    times = np.r_[original.times[0:12], original.times[26:40]]
    query = Fingerprint("q", "q", 20.0, times, original.hashes[pick])
    copy = find_copy(query, original)
    assert copy.score > 0.9
    assert [(round(s.original_start), round(s.original_end)) for s in copy.spans] == [(0, 6), (13, 20)]


def test_a_report_can_be_an_original_and_be_checked(
    clips: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = fingerprint_file(clips["coffee"], original=False)
    frames = [
        (float(time), row.tobytes().hex()) for time, row in zip(one.times[::3], one.hashes[::3], strict=True)
    ]
    facts = MediaFacts(uri="x", bytes=1, container="mp4", duration=10.0)
    report = Report(
        id="ab",
        uri="coffee.mp4",
        outcome="ok",
        media=facts,
        originality=Originality(algorithm="grad128+dct80", frames=frames),
    )
    file = tmp_path / "report.json"
    file.write_text(report.to_json())
    place = ["--index", str(tmp_path / "index")]
    assert cli.main(["originals", "check", str(file), *place]) == 2
    assert cli.main(["originals", "add", str(file), *place]) == 0
    assert cli.main(["originals", "add", str(file), *place]) == 0
    assert "is there already" in capsys.readouterr().out
    assert cli.main(["originals", "check", str(clips["mirrored"]), str(clips["astronaut"]), *place]) == 0
    out = capsys.readouterr().out
    assert "copy of coffee.mp4" in out
    assert "mirrored" in out
    assert "no copy of the 1 originals" in out
    file.write_text("{}")
    assert cli.main(["originals", "check", str(file), *place]) == 1
    assert cli.main(["originals", "remove", "ab", *place]) == 0
    assert cli.main(["originals", "list", *place]) == 0
    assert "coffee" not in capsys.readouterr().out.replace("removed", "")
    with pytest.raises(ConfigError, match="no hashes"):
        fingerprint_report(report.model_copy(update={"originality": None}))


def test_a_still_is_found_in_a_video_and_the_other_way_round(clips: dict[str, Path], tmp_path: Path) -> None:
    _, picture = list(pan("chelsea", seconds=6))[50]
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), cv2.resize(picture, None, fx=1.5, fy=1.5))
    video, one = fingerprint_file(clips["chelsea"], original=True), fingerprint_file(still, original=True)
    assert set(one.views) >= set(VIEWS) - {"bars"}
    assert find_copy(one, video).score >= COPY
    assert find_copy(video, one).score >= COPY
    assert find_copy(one, fingerprint_file(clips["coffee"], original=True)).score < COPY


def test_an_empty_picture_cannot_be_an_original(tmp_path: Path) -> None:
    flat = tmp_path / "flat.png"
    cv2.imwrite(str(flat), np.full((200, 200, 3), 90, np.uint8))
    with Originals(tmp_path / "i") as index:
        with pytest.raises(ConfigError, match="no frame to go by"):
            index.add(fingerprint_file(flat, original=True))
        assert index.check(fingerprint_file(flat, original=False)) == []
        assert len(index) == 0
