"""The decoded pictures of a long video, kept by a worker between two shares of it."""

from __future__ import annotations

import threading

from mmu.media.clip import Clip


class KeptClip:
    """The last long video, decoded; one at most, because it takes room on disk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = ""
        self._clip: Clip | None = None

    def has(self, key: str) -> bool:
        """Whether this video is kept."""
        with self._lock:
            return self._clip is not None and self._key == key

    def take(self, key: str) -> Clip | None:
        """The clip of a video, which is the caller's now; another one's is closed."""
        with self._lock:
            clip, self._clip = self._clip, None
        if clip is not None and self._key != key:
            clip.close()
            return None
        return clip

    def put(self, key: str, clip: Clip) -> None:
        """Keep a clip."""
        with self._lock:
            before, self._clip, self._key = self._clip, clip, key
        if before is not None:
            before.close()

    def drop(self) -> None:
        """Close what is kept."""
        self.take("")
