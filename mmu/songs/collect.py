"""From files and folders to tracks that a song library can take."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmu.errors import ConfigError, MediaError
from mmu.media.clip import Clip
from mmu.media.open import open_clip
from mmu.media.options import DecodeOptions
from mmu.songs.fingerprint import HOP, RATE, Landmarks, landmarks
from mmu.songs.identify import SHORTEST
from mmu.songs.library import NewTrack

if TYPE_CHECKING:
    from mmu.songs.is_music import MusicCheck

#: endings that are taken from folders; a file that is named itself may have any
SUFFIXES = frozenset(
    {".aac", ".aif", ".aiff", ".alac", ".ape", ".caf", ".flac", ".flv", ".m4a", ".m4b", ".mka", ".mkv"}
    | {".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".oga", ".ogg", ".opus", ".ts", ".tta", ".wav", ".webm"}
    | {".wma", ".wv"}
)
#: Pictures are not wanted: keyframes only, and few.
OPTIONS = DecodeOptions(keyframes_only=True, max_frames=2, max_side=64, interval=60)
#: seconds fingerprinted at once; the landmarks across a seam are lost
_WINDOW = 600.0


def find_files(places: Iterable[str | Path]) -> list[Path]:
    """Files as named, and what is in folders, by name, without hidden ones.

    Raises:
        ConfigError: there is no such file or folder.
    """
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            inside = (path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES)
            found += sorted(path for path in inside if path.is_file() and not path.name.startswith("."))
        elif place.exists():
            found.append(place)
        else:
            raise ConfigError(f"{place}: there is no such file or folder")
    return found


def read_track(path: Path, check: MusicCheck | None = None) -> NewTrack:
    """Decode a file and fingerprint its sound.

    Args:
        path: the file.
        check: refuses what is not music (default: anything is taken).

    Raises:
        MediaError: no sound can be decoded, or it is too short, silent or no music.
    """
    with open_clip(path, options=OPTIONS, audio_rates=frozenset({RATE})) as clip:
        if not clip.has_audio or clip.duration < SHORTEST:
            raise MediaError(f"{path}: needs at least {SHORTEST:g} s of sound", code="no_audio")
        instead = check.otherwise(clip) if check else None
        if instead:
            raise MediaError(
                f"{path}: sounds like {instead}, not music; `--anything` takes it all the same",
                code="not_music",
            )
        found = fingerprint(clip)
        if not len(found.key):
            raise MediaError(f"{path}: nothing but silence or noise to remember", code="silent")
        return NewTrack(path.stem, str(path.absolute()), clip.sha256, clip.duration, found)


def fingerprint(clip: Clip) -> Landmarks:
    """Landmarks of a whole clip, by windows."""
    keys, frames = [], []
    for window in clip.audio_windows(RATE, seconds=_WINDOW):
        part = landmarks(window.samples)
        keys.append(part.key)
        frames.append(part.frame + round(window.start * RATE / HOP))
    if not keys:
        return Landmarks(np.zeros(0, np.uint32), np.zeros(0, np.int32))
    return Landmarks(np.concatenate(keys), np.concatenate(frames).astype(np.int32))
