"""Song lookup as a stage: which tracks of a library play in the music of a clip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError, StoreError
from mmu.signals import Signal, SignalSet, Span
from mmu.songs.fingerprint import RATE
from mmu.songs.identify import MARGIN, STEP, WINDOW, SongMatch, identify, identify_window
from mmu.songs.library import SongLibrary
from mmu.songs.separated import without_voice
from mmu.stage import Cost, Needs, Stage
from models.separation import SAMPLE_RATE, Spleeter

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

SOURCE = "mmu.songs@1"
_NETWORK = "spleeter-2stems"
#: a stretch of music is looked up with so much of what is around it, seconds
_ROOM = 2.0
#: share of a window that must be spoken for its voice to be taken away before a second look
_SPOKEN_SHARE = 0.3
#: at most so many windows of a clip are separated
_MOST_SEPARATED = 12


class SongLookup(Stage):
    """Tracks of the user's own library, where the clip has music.

    A window in which somebody talks and nothing is found is looked up again without the voice, when
    the separation networks are in the store.
    """

    name: ClassVar[str] = "songs"
    needs: ClassVar[Needs] = Needs(
        audio=frozenset({RATE, SAMPLE_RATE}),
        kinds=frozenset({"music.segment"}),
        wants=frozenset({"speech.activity"}),
    )
    emits: ClassVar[frozenset[str]] = frozenset({"music.song"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=300)

    def __init__(self, folder: Path) -> None:
        """`folder`: a song library (`mmu songs add --library`).

        Raises:
            StoreError: there is no library.
        """
        if not (folder / "songs.sqlite").is_file():
            raise StoreError(f"no song library in {folder}: add music with `mmu songs add DIR`")
        self.folder = folder
        self._separator: Spleeter | None = None
        self._ready = False

    def digest(self) -> str:
        """Identifies the content of the library."""
        with SongLibrary(self.folder) as library:
            names = "\n".join(f"{track.id} {track.name} {track.seconds}" for track in library.tracks())
        return hashlib.sha256(names.encode()).hexdigest()

    def setup(self, store: Store, *, threads: int = 1) -> None:
        if store.has(_NETWORK):
            self._separator = Spleeter(store.file(_NETWORK), threads=threads)
        self._ready = True

    def close(self) -> None:
        self._separator, self._ready = None, False

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if not self._ready:
            raise ConfigError("stage 'songs' was not set up")
        spoken = [one.span for one in signals.of("speech.activity") if one.span]
        with SongLibrary(self.folder) as library:
            matches: list[SongMatch] = []
            for span in _music(signals, clip.duration):
                matches += identify(library, self._windows(clip, library, span, spoken))
        return [_signal(match) for match in matches]

    def _windows(
        self, clip: Clip, library: SongLibrary, span: Span, spoken: list[Span]
    ) -> Iterator[tuple[float, NDArray[np.float32]]]:
        separated = 0
        for piece in _cut(span):
            samples = clip.audio(RATE, piece.start, piece.end)
            talk = sum(piece.overlap(one) for one in spoken) / max(piece.seconds, 1e-6)
            if (
                self._separator is not None
                and talk >= _SPOKEN_SHARE
                and separated < _MOST_SEPARATED
                and identify_window(library, samples) is None
            ):
                stereo = clip.audio(SAMPLE_RATE, piece.start, piece.end)
                samples = without_voice(self._separator, stereo)
                separated += 1
            yield piece.start, samples


def _music(signals: SignalSet, duration: float) -> list[Span]:
    out: list[Span] = []
    for one in signals.of("music.segment"):
        if one.span is None:
            continue
        span = Span(max(0.0, one.span.start - _ROOM), min(duration, one.span.end + _ROOM))
        if out and span.start <= out[-1].end:
            out[-1] = Span(out[-1].start, span.end)
        else:
            out.append(span)
    return out


def _cut(span: Span) -> list[Span]:
    """Windows that cover a span."""
    if span.seconds <= WINDOW * 1.3:
        return [span]
    starts = [*np.arange(span.start, span.end - WINDOW, STEP).tolist(), span.end - WINDOW]
    return [Span(start, start + WINDOW) for start in starts]


def _signal(match: SongMatch) -> Signal:
    lead = match.peaks - match.runner_up
    attributes = {
        "offset": round(match.offset, 3),
        "speed": round(match.speed, 4),
        "pitch": round(match.pitch, 2),
        "peaks": match.peaks,
        "runner_up": match.runner_up,
        "path": match.track.path,
    }
    # The least lead that names a track has been wrong once in 390; the score says how far it is from that.
    score = float(np.clip(0.9 + 0.1 * (lead - MARGIN) / (2 * MARGIN), 0.9, 1.0))
    return Signal(
        "music.song", match.track.name, score, Span(match.start, match.end), SOURCE, attributes=attributes
    )
