"""One event as a sentence in Chinese and English, made only of its facts, people and quotations."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mmu.report.schema import EventFact, Name, Person

#: letters of a quotation
QUOTED = 64
#: lines on screen that are quoted
LINES = 3
#: a face that old is called a child
CHILD = 13
#: how people without a name are called, by gender and whether they are children
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
    named: Collection[str] = (),
) -> Name:
    """Who does what where, what is seen, said, written and heard, in this order.

    `named` are the concepts that words name themselves; what only follows from words is not mentioned.
    """
    seen = [fact for fact in facts if fact.axis in ("face", "image")]
    heard = [fact.name for fact in facts if fact.axis == "audio"] + list(sounds)
    # a place that follows from a word is not where the video is
    worded = [one for one in facts if one.axis in ("speech", "text") and one.facet != "scene"]
    mentioned = [one.name for one in worded if one.concept in named]
    who = [_who(person) for person in people[:3]] or [one.name for one in seen if one.facet == "person"][:1]
    doing, scene, things = (
        [one.name for one in seen if one.facet == facet] for facet in ("action", "scene", "element")
    )
    zh, en = [], []
    if who or doing or scene:
        zh.append(_zh_clause(who, doing, scene))
        en.append(_en_clause(who, doing, scene))
    if things:
        zh.append("画面中有" + "、".join(name.zh for name in things))
        en.append("seen: " + ", ".join(name.en for name in things))
    if mentioned:
        zh.append("提到" + "、".join(name.zh for name in mentioned))
        en.append("mentioned: " + ", ".join(name.en for name in mentioned))
    if said:
        zh.append(f"说：“{shorten(said)}”")
        en.append(f"says “{shorten(said)}”")
    if written:
        quoted = [f"“{shorten(line)}”" for line in written[:LINES]]
        zh.append("屏幕文字" + "、".join(quoted))
        en.append("on screen " + ", ".join(quoted))
    if heard:
        zh.append("听到" + "、".join(dict.fromkeys(name.zh for name in heard)))
        en.append("heard: " + ", ".join(dict.fromkeys(name.en for name in heard)))
    sentence = "; ".join(en)
    return Name(zh="；".join(zh), en=sentence[:1].upper() + sentence[1:])


def shorten(text: str) -> str:
    """The text, cut with an ellipsis where it is long; a Chinese character is as wide as two letters."""
    width = 0
    for place, character in enumerate(text):
        width += 1 if ord(character) < 0x2E80 else 2
        if width > QUOTED:
            return text[:place].rstrip() + "…"
    return text


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
