"""The sound of originals: the same recording under other pictures, found by landmarks of its spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmu.errors import StoreError
from mmu.media.open import open_clip
from mmu.songs.collect import OPTIONS, fingerprint
from mmu.songs.fingerprint import RATE
from mmu.songs.identify import SHORTEST, SongMatch, cut, identify
from mmu.songs.library import NewTrack, SongLibrary

#: level under which a sound is silence, as a root mean square of samples in [-1, 1]
_SILENT = 1e-3


@dataclass(frozen=True, slots=True)
class SameSound:
    """A stretch of a video whose sound is that of an original. Times in seconds."""

    name: str
    sha256: str
    start: float
    end: float
    #: where in the original `start` lies
    original_start: float
    #: 1.05: plays 5% faster than the original
    speed: float


class SoundIndex:
    """The sound of the originals of an index, in its sub-folder `sound`; a context manager.

    Args:
        folder: that of the index.
        create: make it when it is missing; else an index without sound is empty.

    Raises:
        StoreError: it cannot be read or written.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        place = folder / "sound"
        self._library = SongLibrary(place) if create or place.is_dir() else None

    def add(self, path: str | Path, *, name: str = "") -> bool:
        """Remember the sound of a file; False when it has none worth it, or is there already.

        Raises:
            MediaError: the file cannot be decoded.
        """
        if self._library is None:
            raise StoreError("the index was opened for reading only")
        with open_clip(str(path), options=OPTIONS, audio_rates=frozenset({RATE})) as clip:
            if not clip.has_audio or clip.duration < SHORTEST or self._library.find(sha256=clip.sha256):
                return False
            found = fingerprint(clip)
            if not len(found.key):
                return False
            new = NewTrack(name or str(path), str(path), clip.sha256, clip.duration, found)
        self._library.add([new])
        return True

    def check(self, path: str | Path) -> list[SameSound]:
        """Stretches whose sound an original has, in order; empty for a silent file.

        Raises:
            MediaError: the file cannot be decoded.
        """
        if self._library is None or not self._library.tracks():
            return []
        with open_clip(str(path), options=OPTIONS, audio_rates=frozenset({RATE})) as clip:
            if not clip.has_audio or clip.duration < SHORTEST:
                return []
            windows = ((start, clip.audio(RATE, start, end)) for start, end in cut(clip.duration))
            heard = ((start, samples) for start, samples in windows if _loud(samples))
            return [_same(one) for one in identify(self._library, heard)]

    def remove(self, name: str) -> int:
        """Forget the sound of originals by name or SHA-256; returns how many were there."""
        if self._library is None:
            return 0
        own = [one for one in self._library.tracks() if name in (one.name, one.path, one.sha256)]
        for track in own:
            self._library.remove(track.name)
        return len(own)

    def close(self) -> None:
        """Close the files."""
        if self._library is not None:
            self._library.close()

    def __enter__(self) -> SoundIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _loud(samples: NDArray[np.float32]) -> bool:
    return bool(samples.size) and float(np.sqrt(np.mean(np.square(samples)))) > _SILENT


def _same(match: SongMatch) -> SameSound:
    track = match.track
    return SameSound(track.path, track.sha256, match.start, match.end, match.offset, match.speed)
