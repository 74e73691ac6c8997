"""The known faces and voices that an analysis names."""

from __future__ import annotations

import os
from pathlib import Path

from mmu.gallery.naming import name_people
from mmu.gallery.store import Gallery
from mmu.gallery.voices import VoiceGallery, name_speakers
from mmu.signals import SignalSet

Place = str | os.PathLike[str] | None


class Known:
    """Galleries, read once."""

    def __init__(self, faces: Place = None, voices: Place = None) -> None:
        """Read the galleries that are given.

        Raises:
            StoreError: one of them cannot be read.
        """
        self._faces = self._voices = None
        if faces is not None:
            with Gallery(Path(faces), create=False) as gallery:
                self._faces = gallery.snapshot()
        if voices is not None:
            with VoiceGallery(Path(voices), create=False) as known:
                self._voices = known.snapshot()

    def name(self, signals: SignalSet) -> SignalSet:
        """The same signals, with the names of those who are known."""
        if self._faces is not None:
            signals = name_people(signals, self._faces)
        if self._voices is not None:
            signals = name_speakers(signals, self._voices)
        return signals

    def digests(self) -> dict[str, str]:
        """Identifies the content of each gallery."""
        known = {"gallery": self._faces, "voices": self._voices}
        return {name: one.digest for name, one in known.items() if one is not None}
