"""Small reports for the tests of search and memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mmu.report import schema as s


def report(
    name: str,
    tags: dict[str, float],
    *,
    title: str = "",
    lines: Sequence[tuple[float, float, str]] = (),
    speech: Sequence[tuple[float, float, str]] = (),
    category: str | None = None,
    duration: float = 20.0,
    people: Sequence[s.Person] = (),
    frames: Sequence[tuple[float, str]] = (),
    signals: Sequence[dict[str, object]] = (),
    entities: Sequence[tuple[str, str, str]] = (),
    songs: Sequence[tuple[str, float, float]] = (),
) -> s.Report:
    """A report with tags by concept id, at seconds 4 to 8; entities as (id, zh, en), songs as (title, from, to)."""
    import kg

    graph = kg.load()

    def tag(concept: str, score: float) -> s.Tag:
        node = graph.concept(concept)
        step = s.EvidenceStep(kind="concept", id=concept, text=node.en)
        evidence = s.Evidence(axis="image", weight=score, signal="x:0", source="test", path=[step])
        names = s.Name(zh=node.zh, en=node.en)
        return s.Tag(
            id=concept, name=names, facet=node.facet, score=score, spans=[(4.0, 8.0)], evidence=[evidence]
        )

    return s.Report(
        schema="mmu.report/1",
        id=hashlib.sha256(name.encode()).hexdigest(),
        uri=f"/videos/{name}.mp4",
        outcome="ok",
        title=title,
        media=s.MediaFacts(uri=name, bytes=1, container="mp4", duration=duration),
        tags=[tag(concept, score) for concept, score in tags.items()],
        category=s.Category(id=category, name=s.Name(zh="", en=""), score=0.9) if category else None,
        on_screen_text=[
            s.TextLine(start=a, end=b, text=t, role="subtitle", signal=f"text.line:{n}")
            for n, (a, b, t) in enumerate(lines)
        ],
        transcript=[
            s.TranscriptSegment(start=a, end=b, text=t, language="zh", signal=f"speech.segment:{n}")
            for n, (a, b, t) in enumerate(speech)
        ],
        people=list(people),
        originality=s.Originality(algorithm="grad128+dct80", frames=list(frames)) if frames else None,
        signals=list(signals),
        entities=[named(*one) for one in entities],
        music=s.Music(
            present=True,
            songs=[
                s.Song(title=t, start=a, end=b, offset=0, speed=1, score=0.9, signal="music.song:0")
                for t, a, b in songs
            ],
        )
        if songs
        else None,
    )


def named(id_: str, zh: str, en: str, *, score: float = 0.8) -> s.Entity:
    """An entity that is named in a line on screen at seconds 5 to 6."""
    mention = s.EntityMention(
        axis="text", where="screen", signal="text.line:0", text=zh, at=(0, len(zh)), span=(5.0, 6.0), weight=score,
        source="test",
    )  # fmt: skip
    kind = id_.partition(":")[0]
    return s.Entity.model_validate(
        {"id": id_, "kind": kind, "name": {"zh": zh, "en": en}, "score": score, "mentions": [mention]}
    )
