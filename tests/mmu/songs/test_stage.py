"""Song lookup inside a pipeline: what it names, when, and how the analyzer takes a library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmu.analyzer import Analyzer
from mmu.errors import StoreError
from mmu.media.clip import Clip
from mmu.reasoning.music import gather_music
from mmu.signals import Signal, SignalSet, Span
from mmu.songs.fingerprint import RATE
from mmu.songs.library import NewTrack, SongLibrary
from mmu.songs.stage import SongLookup
from models.store import Store

Tune = Callable[..., NDArray[np.float32]]


@pytest.fixture
def stage(library: SongLibrary) -> SongLookup:
    one = SongLookup(library.folder)
    one.setup(Store())
    return one


def music(start: float, end: float) -> Signal:
    return Signal("music.segment", None, 0.9, Span(start, end), "test")


def test_a_track_is_named_where_it_plays(stage: SongLookup, tune: Tune) -> None:
    silence = np.zeros(4 * RATE, np.float32)
    clip = Clip.from_arrays(audio=(np.concatenate([silence, tune(5)[3 * RATE : 15 * RATE]]), RATE))
    (found,) = stage.run(clip, SignalSet([music(4, 16)]))
    assert found.value == "tune 5"
    assert found.span is not None
    assert found.score is not None
    assert found.score >= 0.9
    # The window begins two seconds before the music does.
    assert found.attributes["offset"] == pytest.approx(found.span.start - 1.0, abs=0.1)
    gathered = gather_music(SignalSet([Signal("audio.segment", "music", 0.9, Span(4, 16), "test"), found]))
    assert gathered is not None
    assert [song.title for song in gathered.songs] == ["tune 5"]


def test_other_music_and_no_music_are_not_named(stage: SongLookup, tune: Tune) -> None:
    clip = Clip.from_arrays(audio=(tune(99), RATE))
    assert stage.run(clip, SignalSet([music(0, 20)])) == []
    assert stage.run(clip, SignalSet([])) == []


def test_the_library_is_part_of_the_fingerprint(
    library: SongLibrary, new_track: Callable[[int], NewTrack], tmp_path: Path
) -> None:
    before = Analyzer(only=["music"], songs=library.folder)
    assert [one.name for one in before._engine.stages][-1] == "songs"
    library.add([new_track(40)])
    after = Analyzer(only=["music"], songs=library.folder)
    assert before.fingerprint != after.fingerprint != Analyzer(only=["music"]).fingerprint
    with pytest.raises(StoreError, match="mmu songs add"):
        Analyzer(only=["music"], songs=tmp_path / "nothing")
