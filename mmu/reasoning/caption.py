"""A caption in Chinese and English, built only from what the evidence shows, plays or says.

`caption_facts` chooses what may be said; `caption_zh` and `caption_en` say it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kg import Graph
from mmu.reasoning import caption_en, caption_zh
from mmu.reasoning.caption_facts import Medium, choose_facts
from mmu.report.schema import Caption, Category, Emotion, Name, Person, Tag, TextLine, TranscriptSegment


def write_caption(
    tags: Sequence[Tag],
    category: Category | None,
    graph: Graph,
    *,
    medium: Medium,
    people: Sequence[Person] = (),
    transcript: Sequence[TranscriptSegment] = (),
    lines: Sequence[TextLine] = (),
    emotion: Emotion | None = None,
) -> Caption | None:
    """One sentence, one paragraph and titles; None without evidence.

    Every content word comes from a tag, the category, a known person's name or a quotation; what is
    only likely is said to be so. See `choose_facts` for the arguments.
    """
    facts = choose_facts(
        tags,
        category,
        graph,
        medium=medium,
        people=people,
        transcript=transcript,
        lines=lines,
        emotion=emotion,
    )
    if facts.empty:
        return None
    counted = [
        signal
        for group in (facts.people, facts.others)
        if group.person or group.names
        for signal in group.signals
    ]
    return Caption(
        text=Name(zh=caption_zh.sentence(facts), en=caption_en.sentence(facts)),
        paragraph=Name(zh=caption_zh.paragraph(facts), en=caption_en.paragraph(facts)),
        titles=[
            Name(zh=zh, en=en)
            for zh, en in zip(caption_zh.titles(facts), caption_en.titles(facts), strict=False)
        ],
        tags=list(dict.fromkeys(tag.id for tag in facts.tags)),
        signals=list(dict.fromkeys([*(one.signal for one in facts.quotes), *counted])),
    )
