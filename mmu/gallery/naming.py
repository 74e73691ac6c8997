"""Puts the names of the gallery to the people of a video."""

from __future__ import annotations

from dataclasses import replace

from mmu.gallery.store import Snapshot
from mmu.signals import Signal, SignalSet

#: best crops of less worth (tiny, blurred) all look somewhat alike: they stay unknown
MIN_QUALITY = 0.05


def name_people(signals: SignalSet, gallery: Snapshot) -> SignalSet:
    """The same signals; a `face.person` that the gallery knows has its name.

    Named people carry `attributes.name` and `attributes.match` (cosine). An unknown
    face is left as it was: no name, no nearest guess. So is a face whose best crop is too poor.
    """
    quality: dict[str, float] = {}
    for track in signals.of("face.track"):
        person = str(track.attributes.get("person"))
        quality[person] = max(quality.get(person, 0.0), float(track.attributes.get("quality", 0.0)))
    return SignalSet(
        _named(signal, gallery)
        if signal.kind == "face.person" and quality.get(str(signal.value), 0.0) >= MIN_QUALITY
        else signal
        for signal in signals
    )


def _named(signal: Signal, gallery: Snapshot) -> Signal:
    found = None if signal.embedding is None else gallery.match(signal.embedding)
    if found is None:
        return signal
    return replace(
        signal, attributes=signal.attributes | {"name": found.name, "match": round(min(1.0, found.score), 4)}
    )
