"""What plays in a recording: windows of it looked up in a song library, and what they agree on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmu.songs.fingerprint import RATE, landmarks
from mmu.songs.library import SongLibrary, Track
from mmu.songs.match import Alignment, align, seconds

#: seconds of audio that are looked up at once, and from one look to the next
WINDOW, STEP = 10.0, 8.0
#: less audio than this is not looked up
SHORTEST = 3.0
#: A query is denser than the library: its own peaks must be found among those of speech and noise.
_DENSITY, _FAN = 32, 10
#: Bins are placed twice, half a bin apart: a change of speed by half a bin would lose most peaks otherwise.
_TUNINGS = (0.0, 0.5)
#: Aligned peaks by which a track must lead the best other track. Of 390 pieces of other music that share
#: progressions, tempi and instruments with the library one led by that much.
MARGIN = 9
#: what the best other track is taken to have at least: a small library has no good second
_FLOOR = 5
#: aligned peaks from which a track is named though another (a copy of it) has as many
_CERTAIN = 40
#: peaks of lead from which the second tuning is not tried
_CLEAR = 20
#: seconds by which two windows may disagree about where in the track they are
_DRIFT = 0.5


@dataclass(frozen=True, slots=True)
class SongMatch:
    """A stretch of a recording in which a track of the library plays. Times in seconds."""

    start: float
    end: float
    track: Track
    #: where in the track `start` lies
    offset: float
    #: 1.02: plays 2% faster than in the library
    speed: float
    #: semitones above the library's pitch
    pitch: float
    #: spectrogram peaks that line up, and how many of the best other track do
    peaks: int
    runner_up: int


def identify_window(library: SongLibrary, samples: NDArray[np.float32]) -> SongMatch | None:
    """The track that plays in some seconds of audio; None when none of the library does.

    Args:
        library: where to look.
        samples: (n,) float32 mono at 16 kHz, 3 to about 15 s.
    """
    tracks = library.tracks()
    if samples.size < SHORTEST * RATE or not tracks:
        return None
    firsts = np.array([track.first for track in tracks], np.int64)
    found: list[tuple[Alignment, Track]] = []
    for tuning in _TUNINGS:
        query = landmarks(samples, density=_DENSITY, fan=_FAN, tuning=tuning)
        for alignment in align(query, library.search):
            if track := _track(alignment, tracks, firsts, samples.size / RATE):
                found.append((alignment, track))
        lead, best, track, runner_up = _leader(found)
        if lead >= _CLEAR:
            break
    if best is None or track is None or (lead < MARGIN and best.peaks < _CERTAIN):
        return None
    return SongMatch(
        start=0.0,
        end=samples.size / RATE,
        track=track,
        offset=seconds(best.position - track.first),
        speed=best.speed,
        pitch=best.pitch,
        peaks=best.peaks,
        runner_up=runner_up,
    )


def identify(library: SongLibrary, windows: Iterable[tuple[float, NDArray[np.float32]]]) -> list[SongMatch]:
    """Every stretch of a recording in which a track plays, in order.

    Args:
        library: where to look.
        windows: start in seconds and (n,) float32 mono at 16 kHz of pieces of the recording, as `cut` gives.
    """
    spans: list[SongMatch] = []
    for start, samples in windows:
        found = identify_window(library, samples)
        if found is None:
            continue
        match = replace(found, start=start, end=start + found.end)
        if spans and _continues(spans[-1], match):
            last = spans[-1]
            stronger = match if match.peaks > last.peaks else last
            spans[-1] = replace(
                stronger, start=last.start, end=match.end, offset=last.offset, track=last.track
            )
        else:
            spans.append(match)
    return spans


def cut(duration: float) -> list[tuple[float, float]]:
    """Start and end in seconds of the windows that cover a recording."""
    if duration <= WINDOW * 1.3:
        return [(0.0, duration)]
    starts = [*np.arange(0.0, duration - WINDOW, STEP), duration - WINDOW]
    return [(float(start), float(start) + WINDOW) for start in starts]


def _leader(
    found: list[tuple[Alignment, Track]],
) -> tuple[int, Alignment | None, Track | None, int]:
    """Peaks by which the best alignment leads that of any other track, it, its track, the other's peaks."""
    if not found:
        return 0, None, None, 0
    best, track = max(found, key=lambda item: item[0].peaks)
    runner_up = max((one.peaks for one, other in found if other.id != track.id), default=0)
    return best.peaks - max(runner_up, _FLOOR), best, track, runner_up


def _track(
    alignment: Alignment, tracks: list[Track], firsts: NDArray[np.int64], length: float
) -> Track | None:
    """The track in which the middle of the query falls; it may begin before the track does."""
    middle = alignment.position + alignment.speed * length / 2 / seconds(1)
    index = int(np.searchsorted(firsts, middle, side="right")) - 1
    if index < 0 or middle >= tracks[index].first + tracks[index].frames:
        return None
    return tracks[index]


def _continues(last: SongMatch, match: SongMatch) -> bool:
    """Whether a window is the same track, where it should be by now, at most one window later."""
    expected = last.offset + (match.start - last.start) * last.speed
    slack = _DRIFT + 0.02 * (match.start - last.start)
    return (
        match.track.id == last.track.id
        and match.start - last.end <= WINDOW
        and abs(match.offset - expected) <= slack
    )
