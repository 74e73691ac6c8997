"""Which tracks of a song library play in a recording, as one call."""

from __future__ import annotations

from pathlib import Path

from mmu.errors import StoreError
from mmu.media.open import open_clip
from mmu.songs.collect import OPTIONS
from mmu.songs.fingerprint import RATE
from mmu.songs.identify import cut, identify
from mmu.songs.library import SongLibrary
from models.store import default_root


def tracks_in(file: Path, folder: Path | None = None) -> list[str]:
    """Names of the tracks that play in a file, in order, each once.

    Args:
        file: sound or video.
        folder: the song library (default: the user's own).

    Raises:
        StoreError: there is no library, or none of its tracks plays in the file.
        MediaError: the file cannot be decoded.
    """
    folder = folder or default_root() / "songs"
    if not (folder / "songs.sqlite").is_file():
        raise StoreError(f"no song library in {folder}: add music with `mmu songs add DIR`")
    with (
        SongLibrary(folder) as library,
        open_clip(file, options=OPTIONS, audio_rates=frozenset({RATE})) as clip,
    ):
        pieces = cut(clip.duration) if clip.has_audio else []
        matches = identify(library, ((start, clip.audio(RATE, start, end)) for start, end in pieces))
    if not matches:
        raise StoreError(f"no track of the library {folder} plays in {file}")
    return list(dict.fromkeys(match.track.name for match in matches))
