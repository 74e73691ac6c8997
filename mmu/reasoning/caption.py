"""A caption in Chinese and English, built only from tags and quoted signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mmu.report.schema import Caption, Category, Name, Tag, TextLine
from mmu.report.schema_heard import TranscriptSegment

Medium = Literal["video", "picture", "audio"]

QUOTE_CHARACTERS = 40
#: a category below this is not named in the sentence
SURE_CATEGORY = 0.2
#: share of a tag's evidence that must be visual before the sentence says that it is shown
SHOWN = 0.4
#: share of a tag's evidence that must not be the user's own words
WITNESSED = 0.3
VISUAL = ("image", "face")
KINDS = {
    "video": Name(zh="一段{}视频", en="{}video"),
    "picture": Name(zh="一张{}图片", en="{}picture"),
    "audio": Name(zh="一段{}音频", en="{}recording"),
}


def write_caption(
    tags: Sequence[Tag],
    category: Category | None,
    *,
    medium: Medium,
    transcript: Sequence[TranscriptSegment],
    lines: Sequence[TextLine],
) -> Caption | None:
    """One sentence; every content word comes from a tag or is a quotation. None without evidence.

    Person, action and scene are joined only where they are seen at the same
    time, and only what pictures support is said to be shown.

    Args:
        tags: those strong and specific enough for a sentence, most telling first.
        category: opens the sentence when it is sure enough.
        medium: what kind of file it is.
        transcript: quoted when there is speech.
        lines: a title on screen is quoted.
    """
    tags = [tag for tag in tags if 1 - _share(tag, ("user",)) >= WITNESSED]
    clause = _together(tags)
    shown = [tag for tag in tags if tag.facet == "element" and _share(tag, VISUAL) >= SHOWN][:3]
    sounds = [tag for tag in tags if tag.facet == "music"][:1]
    named = category if category is not None and category.score >= SURE_CATEGORY else None
    quote = _quote(transcript, lines)
    if not clause and not shown and not sounds and named is None and quote is None:
        return None
    zh, en = _opening(named, medium)
    if clause:
        zh += "：" + _zh_clause(clause)
        en += ": " + _en_clause(clause)
    if shown:
        zh += "，画面中有" + "、".join(tag.name.zh for tag in shown)
        en += ", showing " + _join_en([tag.name.en for tag in shown])
    if sounds:
        zh += "，伴有" + sounds[0].name.zh
        en += ", with " + sounds[0].name.en
    if quote is not None:
        verb_zh, verb_en, text, _ = quote
        zh += f"；{verb_zh}“{text}”"
        en += f"; {verb_en} “{text}”"
    return Caption(
        text=Name(zh=zh + "。", en=en[0].upper() + en[1:] + "."),
        tags=[tag.id for tag in [*clause.values(), *shown, *sounds]],
        signals=[] if quote is None else [quote[3]],
    )


def _together(tags: Sequence[Tag]) -> dict[str, Tag]:
    """The first person, action and scene that share some time, in that order."""
    chosen: dict[str, Tag] = {}
    for facet in ("person", "action", "scene"):
        fits = (
            one for one in tags if one.facet == facet and all(_overlap(one, tag) for tag in chosen.values())
        )
        first = next(fits, None)
        if first is not None:
            chosen[facet] = first
    return chosen


def _overlap(a: Tag, b: Tag) -> bool:
    """Whether two tags are seen at the same time; one without spans holds throughout."""
    if not a.spans or not b.spans:
        return True
    return any(start < stop and begin < end for start, end in a.spans for begin, stop in b.spans)


def _share(tag: Tag, axes: tuple[str, ...]) -> float:
    return sum(one.weight for one in tag.evidence if one.axis in axes) / max(tag.score, 1e-9)


def _opening(category: Category | None, medium: Medium) -> tuple[str, str]:
    kind = KINDS[medium]
    if category is None:
        return kind.zh.format(""), "a " + kind.en.format("")
    article = "an" if category.name.en[:1].lower() in "aeiou" else "a"
    return kind.zh.format(category.name.zh), f"{article} " + kind.en.format(category.name.en + " ")


def _zh_clause(clause: dict[str, Tag]) -> str:
    scene = clause.get("scene")
    doing = [clause[facet].name.zh for facet in ("person", "action") if facet in clause]
    if scene is None:
        return "".join(doing)
    if not doing:
        return scene.name.zh
    who = clause["person"].name.zh if "person" in clause else ""
    return f"{who}在{scene.name.zh}" + (clause["action"].name.zh if "action" in clause else "")


def _en_clause(clause: dict[str, Tag]) -> str:
    doing = " ".join(clause[facet].name.en for facet in ("person", "action") if facet in clause)
    scene = clause.get("scene")
    if scene is None:
        return doing
    return f"{doing} ({scene.name.en})" if doing else scene.name.en


def _join_en(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _quote(
    transcript: Sequence[TranscriptSegment], lines: Sequence[TextLine]
) -> tuple[str, str, str, str] | None:
    """(verb zh, verb en, text, signal id): the on-screen title, else the longest thing said."""
    titles = [line for line in lines if line.role == "title"]
    if titles:
        return "标题文字", "on-screen title", _shorten(titles[0].text), titles[0].signal
    said = max(transcript, key=lambda segment: len(segment.text), default=None)
    if said is not None and len(said.text) >= 4:
        return "语音提到", "says", _shorten(said.text), said.signal
    return None


def _shorten(text: str) -> str:
    return text if len(text) <= QUOTE_CHARACTERS else text[: QUOTE_CHARACTERS - 1].rstrip() + "…"
