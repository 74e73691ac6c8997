"""One event as a sentence in Chinese and English, made only of its facts, people and quotations."""

from __future__ import annotations

from collections.abc import Sequence

from mmu.report.schema import EventFact, Name, Person

#: characters of a quotation
QUOTED = 60
#: lines on screen that are quoted
LINES = 3
#: a face that old is called a child
CHILD = 13
#: English names that are no countable thing or read well without an article keep what they are
WHO = {
    ("female", False): Name(zh="一名女性", en="a woman"),
    ("male", False): Name(zh="一名男性", en="a man"),
    ("female", True): Name(zh="一名女孩", en="a girl"),
    ("male", True): Name(zh="一名男孩", en="a boy"),
    (None, True): Name(zh="一个孩子", en="a child"),
    (None, False): Name(zh="一个人", en="a person"),
}


def describe(
    facts: Sequence[EventFact],
    people: Sequence[Person],
    said: str,
    written: Sequence[str],
    sounds: Sequence[Name],
) -> Name:
    """Who does what where, what is seen, said, written and heard, in this order."""
    by_facet: dict[str, list[Name]] = {}
    for fact in facts:
        by_facet.setdefault(fact.facet, []).append(fact.name)
    who = [_who(person) for person in people[:3]] or by_facet.get("person", [])[:1]
    doing, scene, things = (by_facet.get(facet, []) for facet in ("action", "scene", "element"))
    zh, en = [], []
    if who or doing or scene:
        zh.append(_zh_clause(who, doing, scene))
        en.append(_en_clause(who, doing, scene))
    if things:
        zh.append("画面中有" + "、".join(name.zh for name in things))
        en.append("seen: " + ", ".join(name.en for name in things))
    if said:
        zh.append(f"说：“{shorten(said)}”")
        en.append(f"says “{shorten(said)}”")
    if written:
        quoted = [f"“{shorten(line)}”" for line in written[:LINES]]
        zh.append("屏幕文字" + "、".join(quoted))
        en.append("on screen " + ", ".join(quoted))
    if sounds:
        zh.append("听到" + "、".join(name.zh for name in sounds))
        en.append("heard: " + ", ".join(name.en for name in sounds))
    sentence = "; ".join(en)
    return Name(zh="；".join(zh), en=sentence[:1].upper() + sentence[1:])


def shorten(text: str) -> str:
    """The text, cut with an ellipsis where it is long."""
    return text if len(text) <= QUOTED else text[: QUOTED - 1].rstrip() + "…"


def _who(person: Person) -> Name:
    if person.name:
        return Name(zh=person.name, en=person.name)
    return WHO[person.gender, person.age is not None and person.age < CHILD]


def _zh_clause(who: Sequence[Name], doing: Sequence[Name], scene: Sequence[Name]) -> str:
    subject = "、".join(_counted([name.zh for name in who]))
    place = f"在{scene[0].zh}" if scene and (who or doing) else "".join(name.zh for name in scene)
    return subject + place + "、".join(name.zh for name in doing)


def _en_clause(who: Sequence[Name], doing: Sequence[Name], scene: Sequence[Name]) -> str:
    subject = " and ".join(_counted([name.en for name in who]))
    action = ", ".join(name.en for name in doing)
    clause = f"{subject}: {action}" if subject and action else subject or action
    if not scene:
        return clause
    return f"{clause} ({scene[0].en})" if clause else scene[0].en


def _counted(names: list[str]) -> list[str]:
    """Each name once; people that look alike are told apart by `another`."""
    out: list[str] = []
    for name in names:
        if name in out:
            name = name.replace("一名", "另一名").replace("一个", "另一个")
            name = "another " + name[2:] if name.startswith("a ") else name
        if name not in out:
            out.append(name)
    return out
