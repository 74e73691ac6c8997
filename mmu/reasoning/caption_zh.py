"""A caption's facts as Chinese."""

from __future__ import annotations

from collections.abc import Sequence

from mmu.reasoning.caption_facts import Facts, words
from mmu.reasoning.caption_join import Group
from mmu.report.schema import Tag

KINDS = {"video": "视频", "picture": "图片", "audio": "录音"}
_SEVERAL = 3
#: characters of speech that make a title
QUOTABLE = 8


def sentence(facts: Facts, *, quoted: bool = True) -> str:
    """One sentence, beginning with what kind of file it is; `quoted` adds words on screen or said."""
    parts: list[str] = []
    clause = who_does_what(facts)
    if clause and (facts.action or who(facts.people, facts)):
        parts.append(clause)
    if facts.things:
        parts.append("画面中有" + listed(facts.things))
    apart = also(facts)
    if apart:
        parts.append("另外还有" + "、".join(apart))
    if facts.maybe:
        parts.append("可能有人在" + facts.maybe.name.zh)
    if facts.doubts:
        parts.append("可能有" + listed(facts.doubts, "或"))
    if facts.music:
        parts.append("配有" + facts.music.name.zh)
    if quoted and facts.title:
        parts.append(f"标题写着“{facts.title.text}”")
    elif quoted and facts.spoken:
        parts.append(f"{'说的是' if parts else '有人说'}“{facts.spoken[0].text}”")
    return kind(facts) + ("：" + "，".join(parts) if parts else "") + "。"


def kind(facts: Facts) -> str:
    """What kind of file it is: 一段黑白音乐视频."""
    style = words()["styles"][facts.styles[0].id]["zh"] if facts.styles else ""
    topic = facts.category.name.zh if facts.category else ""
    place = "" if facts.action or who(facts.people, facts) or not facts.place else at(facts.place) + "拍摄的"
    return f"一{'张' if facts.medium == 'picture' else '段'}{place}{style}{topic}{KINDS[facts.medium]}"


def who(group: Group, facts: Facts) -> str:
    """Known names, else how many people of which kind are seen."""
    if group.names:
        return "、".join(group.names)
    women, men, total = group.faces.get("female", 0), group.faces.get("male", 0), group.total
    if total >= _SEVERAL:
        return "几个人"
    if women == men == 1:
        return "一男一女"
    if total == 2:
        plain = group.person is None or group.person.id in ("man", "woman")
        return "两个女人" if plain and women == 2 else "两个男人" if plain and men == 2 else "两个人"
    if group.person is None:
        return ""
    if facts.medium == "audio" and group.person.id == "person":
        return "有人"
    known = words()["people"].get(group.person.id)
    return known["zh"] if known else f"一位{group.person.name.zh}"


def also(facts: Facts) -> list[str]:
    """What is there at another time: people, and the names of tags."""
    people = who(facts.others, facts)
    return [*([people] if people else []), *(one.name.zh for one in facts.apart)]


def who_does_what(facts: Facts) -> str:
    """Person, place and action as one clause."""
    subject, place = who(facts.people, facts), at(facts.place)
    if facts.action is not None:
        if subject:
            doing = facts.action.name.zh
            if doing.endswith("手势"):
                return subject + place + "做" + doing
            return subject + place + ("" if place else "在") + doing
        return place + facts.action.name.zh
    return subject + place if subject or not place else place.removeprefix("在")


def at(place: Tag | None) -> str:
    """在街道上, 在厨房里, 在户外."""
    if place is None:
        return ""
    name, known = place.name.zh, words()
    if place.id in known["adverbs"]:
        return "在" + name
    side = "上" if name[-1] in known["zh_on"] else "里" if name[-1] in known["zh_in"] else ""
    return "在" + name + side


def listed(tags: Sequence[Tag], last: str = "和") -> str:
    """a、b和c."""
    names = [tag.name.zh for tag in tags]
    return names[0] if len(names) == 1 else "、".join(names[:-1]) + last + names[-1]


def paragraph(facts: Facts) -> str:
    """A few sentences: what is seen and heard, then mood, words on screen and words said."""
    more: list[str] = []
    if facts.mood:
        more.append(f"整体情绪是{facts.mood.name.zh}。")
    if facts.title:
        more.append(f"画面上的标题是“{facts.title.text}”。")
    if facts.spoken:
        language = f"用{facts.language.name.zh}" if facts.language else ""
        said = "”“".join(one.text for one in facts.spoken)
        more.append(f"有人{language}说：“{said}”")
    return sentence(facts, quoted=False) + "".join(more)


def titles(facts: Facts) -> list[str]:
    """Short titles, most telling first."""
    found: list[str] = []
    if facts.title:
        found.append(facts.title.text)
    if who(facts.people, facts) and (facts.action or facts.place):
        found.append(who_does_what(facts))
    if len(facts.things) > 1 or (facts.things and facts.place):
        place = at(facts.place).removeprefix("在")
        found.append((place + "的" if place else "") + listed(facts.things))
    if facts.spoken and len(facts.spoken[0].text) >= QUOTABLE:
        found.append(f"“{facts.spoken[0].text}”")
    return found[:3]
