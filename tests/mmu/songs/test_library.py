"""The library on disk: adding, merging, removing, damage, two processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmu.errors import StoreError
from mmu.songs.fingerprint import RATE
from mmu.songs.identify import identify_window
from mmu.songs.library import NewTrack, SongLibrary
from mmu.songs.segments import lookup, merge, pack


def files(library: SongLibrary) -> list[Path]:
    return sorted(library.folder.glob("landmarks-*"))


def test_tracks_survive_closing(library: SongLibrary) -> None:
    names = [track.name for track in library.tracks()]
    library.close()
    with SongLibrary(library.folder) as again:
        assert [track.name for track in again.tracks()] == names == [f"tune {n}" for n in range(12)]


def test_files_are_merged_and_none_is_left_over(
    library: SongLibrary, tracks: list[NewTrack], new_track: Callable[[int], NewTrack]
) -> None:
    for seed in range(20, 28):
        library.add([new_track(seed)])
    assert len(files(library)) <= 4
    assert sum(path.stat().st_size for path in files(library)) == 8 * library.entries()
    added = sum(len(new_track(seed).landmarks.key) for seed in range(20, 28))
    assert library.entries() == sum(len(track.landmarks.key) for track in tracks) + added


def test_a_removed_track_is_unknown_and_its_landmarks_go(
    library: SongLibrary, tune: Callable[..., object]
) -> None:
    excerpt = np.asarray(tune(6), np.float32)[5 * RATE : 13 * RATE]
    assert identify_window(library, excerpt) is not None
    before = library.entries()
    library.remove("tune 6")
    assert identify_window(library, excerpt) is None
    for number in (0, 1, 2, 3):
        library.remove(f"tune {number}")
    assert library.entries() < 0.75 * before
    still = np.asarray(tune(8), np.float32)[5 * RATE : 13 * RATE]
    found = identify_window(library, still)
    assert found is not None
    assert found.track.name == "tune 8"
    with pytest.raises(StoreError, match="no track 'tune 6'"):
        library.remove("tune 6")


def test_everything_can_be_removed(library: SongLibrary, new_track: Callable[[int], NewTrack]) -> None:
    for track in library.tracks():
        library.remove(track.name)
    assert library.tracks() == []
    assert library.entries() == 0
    assert library.add([new_track(1)])[0].name == "tune 1"


def test_a_taken_name_gets_a_number_and_a_hash_comes_once(
    library: SongLibrary, new_track: Callable[[int], NewTrack]
) -> None:
    other = new_track(40)
    twin = NewTrack("tune 1", other.path, other.sha256, other.seconds, other.landmarks)
    assert library.add([twin])[0].name == "tune 1 (2)"
    left, entries = files(library), library.entries()
    with pytest.raises(StoreError, match="UNIQUE"):
        library.add([new_track(41), twin])
    assert files(library) == left
    assert library.entries() == entries


def test_another_reader_sees_what_was_merged_meanwhile(
    library: SongLibrary, tune: Callable[..., object], new_track: Callable[[int], NewTrack]
) -> None:
    excerpt = np.asarray(tune(50), np.float32)[5 * RATE : 13 * RATE]
    with SongLibrary(library.folder) as reader:
        assert identify_window(reader, excerpt) is None
        library.add([new_track(seed) for seed in range(50, 60)])
        found = identify_window(reader, excerpt)
    assert found is not None
    assert found.track.name == "tune 50"


def test_damage_is_told(library: SongLibrary, tune: Callable[..., object]) -> None:
    library.close()
    with files(library)[0].open("r+b") as file:
        file.truncate(800)
    with SongLibrary(library.folder) as damaged, pytest.raises(StoreError, match="is damaged"):
        identify_window(damaged, np.asarray(tune(1), np.float32))


def test_a_newer_format_is_refused(library: SongLibrary) -> None:
    library._db.execute("PRAGMA user_version = 9")
    library.close()
    with pytest.raises(StoreError, match="format 9"):
        SongLibrary(library.folder)


def test_merging_equals_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmu.songs.segments._CHUNK", 100)
    draw = np.random.default_rng(0)
    parts = [
        pack(draw.integers(0, 50, size).astype(np.uint32), draw.integers(0, 1000, size))
        for size in (1000, 1, 370)
    ]
    merged = np.concatenate(list(merge(parts, lambda places: places % 3 != 0)))
    whole = np.sort(np.concatenate(parts))
    np.testing.assert_array_equal(merged, whole[(whole & np.uint64(0xFFFFFFFF)) % np.uint64(3) != 0])


def test_a_budget_leaves_out_the_commonest_keys() -> None:
    words = [
        pack(np.array([1, 1, 1, 2], np.uint32), np.arange(4)),
        pack(np.array([1, 3], np.uint32), np.array([7, 8])),
    ]
    keys = np.array([1, 2, 3, 4], np.uint32)
    rows, places = lookup(words, keys)
    assert sorted(zip(rows.tolist(), places.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 7),
        (1, 3),
        (2, 8),
    ]
    rows, places = lookup(words, keys, budget=3)
    assert sorted(zip(rows.tolist(), places.tolist(), strict=True)) == [(1, 3), (2, 8)]
