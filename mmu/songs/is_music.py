"""Whether a file that is to become a track of the library is music at all."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mmu.perception.sound_classes import segments
from mmu.perception.sound_networks import MODELS, RATE, SoundNetworks

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

#: a long file is heard in so many pieces, evenly spread, of this length, seconds
_PIECES, _SECONDS = 3, 20.0
#: evidence of music behind a voice from which a span of speech counts as music too
_BEHIND = 0.4
#: share of what is not silent that must be music
LEAST_SHARE = 0.25


class MusicCheck:
    """Listens to parts of a file with the networks of the stage `sound`."""

    def __init__(self, store: Store, *, threads: int = 1) -> None:
        """Load the networks.

        Raises:
            ModelError: weights are missing.
        """
        self._networks = SoundNetworks(store, threads=threads)

    def close(self) -> None:
        """Give back what the networks hold."""
        self._networks.close()

    def otherwise(self, clip: Clip) -> str | None:
        """What is heard instead of music (`speech`, `noise`, `silence`); None when it is music."""
        heard: dict[str, float] = defaultdict(float)
        for start, end in _pieces(clip.duration):
            samples = clip.audio(RATE, start, end)
            for one in segments(self._networks.opinions(samples), len(samples) / RATE):
                music = one.label in ("music", "singing") or (one.label == "speech" and one.music >= _BEHIND)
                heard["music" if music else one.label] += one.span.seconds
        sounding = sum(seconds for label, seconds in heard.items() if label != "silence")
        if not sounding:
            return "silence"
        if heard["music"] >= LEAST_SHARE * sounding:
            return None
        return max(("speech", "noise"), key=lambda label: heard[label])


def can_check(store: Store) -> bool:
    """Whether the weights of the check are there."""
    return all(store.has(name) for name in MODELS)


def _pieces(duration: float) -> list[tuple[float, float]]:
    if duration <= _PIECES * _SECONDS:
        return [(0.0, duration)]
    step = (duration - _SECONDS) / (_PIECES - 1)
    return [(number * step, number * step + _SECONDS) for number in range(_PIECES)]
