"""A caption in Chinese and English, built only from tags and quoted signals."""

from __future__ import annotations

from collections.abc import Sequence

from mmu.report.schema import Caption, Category, Name, Tag, TextLine, TranscriptSegment

QUOTE_CHARACTERS = 40


def write_caption(
    tags: Sequence[Tag],
    category: Category | None,
    *,
    still: bool,
    transcript: Sequence[TranscriptSegment],
    lines: Sequence[TextLine],
) -> Caption | None:
    """One sentence; every content word comes from a tag or is a quotation. None without evidence.

    Args:
        tags: those strong and specific enough for a sentence, most telling first.
        category: opens the sentence when it is known.
        still: a picture, not a video.
        transcript: quoted when there is speech.
        lines: a title on screen is quoted.
    """
    people = _pick(tags, ("person",), 1)
    actions = _pick(tags, ("action",), 1)
    scenes = _pick(tags, ("scene",), 1)
    things = _pick(tags, ("element",), 3)
    sounds = _pick(tags, ("music",), 1)
    used = people + actions + scenes + things + sounds
    quote = _quote(transcript, lines)
    if not used and category is None and quote is None:
        return None
    zh, en = _opening(category, still)
    if people or actions or scenes:
        zh += "：" + _zh_clause(people, actions, scenes)
        en += ": " + _en_clause(people, actions, scenes)
    if things:
        zh += "，画面中有" + "、".join(tag.name.zh for tag in things)
        en += ", showing " + _join_en([tag.name.en for tag in things])
    if sounds:
        zh += "，伴有" + sounds[0].name.zh
        en += ", with " + sounds[0].name.en
    if quote is not None:
        verb_zh, verb_en, text, _ = quote
        zh += f"；{verb_zh}“{text}”"
        en += f"; {verb_en} “{text}”"
    return Caption(
        text=Name(zh=zh + "。", en=en[0].upper() + en[1:] + "."),
        tags=([category.id] if category else []) + [tag.id for tag in used],
        signals=[] if quote is None else [quote[3]],
    )


def _pick(tags: Sequence[Tag], facets: tuple[str, ...], most: int) -> list[Tag]:
    return [tag for tag in tags if tag.facet in facets][:most]


def _opening(category: Category | None, still: bool) -> tuple[str, str]:
    kind_zh, kind_en = ("图片", "picture") if still else ("视频", "video")
    if category is None:
        return f"一段{kind_zh}" if not still else "一张图片", f"a {kind_en}"
    article = "an" if category.name.en[:1].lower() in "aeiou" else "a"
    measure = "一张" if still else "一段"
    return f"{measure}{category.name.zh}{kind_zh}", f"{article} {category.name.en} {kind_en}"


def _zh_clause(people: list[Tag], actions: list[Tag], scenes: list[Tag]) -> str:
    who = people[0].name.zh if people else ""
    where = (
        f"在{scenes[0].name.zh}" if scenes and (people or actions) else (scenes[0].name.zh if scenes else "")
    )
    what = actions[0].name.zh if actions else ""
    return who + where + what


def _en_clause(people: list[Tag], actions: list[Tag], scenes: list[Tag]) -> str:
    parts = [tag.name.en for tag in people + actions]
    if scenes:
        parts.append(f"({scenes[0].name.en})" if parts else scenes[0].name.en)
    return " ".join(parts)


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
