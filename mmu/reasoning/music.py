"""The music of a video, gathered from the signals."""

from __future__ import annotations

from mmu.report.schema_heard import Music, Song
from mmu.signals import Signal, SignalSet


def gather_music(signals: SignalSet) -> Music | None:
    """What is known of the music; None when nobody listened."""
    if not signals.of("audio.segment"):
        return None
    spans = [one.span for one in signals.of("music.segment") if one.span]
    tempo = next((float(one.value) for one in signals.of("music.tempo") if one.value is not None), None)
    return Music(
        present=bool(spans),
        seconds=round(sum(span.seconds for span in spans), 3),
        tempo=tempo,
        metre=next((str(one.value) for one in signals.of("music.metre")), None),
        key=next((str(one.value) for one in signals.of("music.key")), None),
        tags=[(str(one.value), one.score or 0.0) for one in signals.of("music.tag")],
        chords=_timed(signals.of("music.chord")),
        sections=_timed(signals.of("music.section")),
        songs=[_song(one) for one in signals.of("music.song")],
    )


def _timed(signals: list[Signal]) -> list[tuple[float, float, str]]:
    return [(round(one.span.start, 2), round(one.span.end, 2), str(one.value)) for one in signals if one.span]


def _song(one: Signal) -> Song:
    assert one.span is not None
    return Song(
        title=str(one.value),
        start=round(one.span.start, 2),
        end=round(one.span.end, 2),
        offset=one.attributes["offset"],
        speed=one.attributes["speed"],
        score=one.score or 0.0,
        signal=one.id,
    )
