"""A caption's facts as English."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmu.reasoning.caption_facts import Facts, words
from mmu.reasoning.caption_join import Group
from mmu.report.schema import Tag

KINDS = {"video": "video", "picture": "picture", "audio": "recording"}
_SEVERAL = 3
#: characters of speech that make a title
QUOTABLE = 8


def sentence(facts: Facts, *, quoted: bool = True) -> str:
    """One sentence, beginning with what kind of file it is; `quoted` adds words on screen or said."""
    text = a(kind(facts))
    clause = who_does_what(facts)
    if who(facts.people, facts) or (facts.action and _gerund(facts.action)):
        text += " of " + clause
    elif clause:
        text += (": " if facts.action else " shot ") + clause
    if facts.things:
        text += (", with " if clause else " showing ") + listed(facts.things)
    apart = also(facts)
    if apart:
        text += "; also " + join(apart)
    if facts.maybe:
        text += f"; someone may be {facts.maybe.name.en}"
    if facts.doubts:
        said = clause or facts.things or facts.maybe
        text += ("; there may be " if said else " that may show ") + listed(facts.doubts, "or")
    if facts.music:
        text += ", set to " + music(facts.music)
    if quoted and facts.title:
        text += f"; the title reads “{facts.title.text}”"
    elif quoted and facts.spoken:
        text += f"; somebody says “{facts.spoken[0].text}”"
    return text[0].upper() + text[1:] + "."


def _gerund(tag: Tag) -> bool:
    return tag.name.en.split()[0].endswith("ing")


def kind(facts: Facts) -> str:
    """black-and-white music video."""
    style = words()["styles"][facts.styles[0].id]["en"] if facts.styles else ""
    topic = facts.category.name.en if facts.category else ""
    return " ".join(part for part in (style, topic, KINDS[facts.medium]) if part)


def who(group: Group, facts: Facts) -> str:
    """Known names, else how many people of which kind are seen."""
    if group.names:
        return join(group.names)
    women, men, total = group.faces.get("female", 0), group.faces.get("male", 0), group.total
    if total >= _SEVERAL:
        return "several people"
    if women == men == 1:
        return "a man and a woman"
    if total == 2:
        plain = group.person is None or group.person.id in ("man", "woman")
        return "two women" if plain and women == 2 else "two men" if plain and men == 2 else "two people"
    if group.person is None:
        return ""
    if facts.medium == "audio" and group.person.id == "person":
        return "someone"
    known = words()["people"].get(group.person.id)
    return known["en"] if known else a(group.person.name.en)


def also(facts: Facts) -> list[str]:
    """What is there at another time: people, and tags, each with its article."""
    people = who(facts.others, facts)
    tags = [one.name.en if one.facet == "action" else a(one.name.en) for one in facts.apart]
    return [*([people] if people else []), *tags]


def who_does_what(facts: Facts) -> str:
    """Person, action and place as one clause."""
    subject, doing = who(facts.people, facts), facts.action.name.en if facts.action else ""
    if subject and doing and not re.search(r"ing\b", doing):
        doing = "doing " + doing
    return " ".join(part for part in (subject, doing, at(facts.place)) if part)


def at(place: Tag | None) -> str:
    """on a street, in a kitchen, outdoors."""
    if place is None:
        return ""
    known = words()
    if place.id in known["adverbs"]:
        return str(known["adverbs"][place.id])
    side = "on" if place.name.en in known["en_on"] else "in"
    return f"{side} {a(place.name.en)}"


def a(noun: str) -> str:
    """The noun with its article, where it takes one."""
    last = noun.split()[-1].lower()
    if noun in words()["definite"]:
        return f"the {noun}"
    if last in words()["uncountable"] or (last.endswith("s") and not last.endswith(("ss", "us", "is"))):
        return noun
    vowel = noun[:1].lower() in "aeiou" and not noun.lower().startswith(("uni", "use", "eu", "one"))
    return f"{'an' if vowel else 'a'} {noun}"


def music(tag: Tag) -> str:
    """instrumental -> instrumental music."""
    name = tag.name.en
    return name if name.endswith(("music", "song", "singing")) else name + " music"


def listed(tags: Sequence[Tag], last: str = "and") -> str:
    """a car, a bus and a bicycle."""
    return join([a(tag.name.en) for tag in tags], last)


def join(names: Sequence[str], last: str = "and") -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" {last} {names[-1]}"


def paragraph(facts: Facts) -> str:
    """A few sentences: what is seen and heard, then mood, words on screen and words said."""
    more: list[str] = []
    if facts.mood:
        more.append(f"The mood is {facts.mood.name.en}.")
    if facts.title:
        more.append(f"The title on screen reads “{facts.title.text}”.")
    if facts.spoken:
        language = f" in {facts.language.name.en}" if facts.language else ""
        said = " ".join(f"“{one.text}”" for one in facts.spoken)
        more.append(f"Somebody says{language}: {said}")
    return " ".join([sentence(facts, quoted=False), *more])


def titles(facts: Facts) -> list[str]:
    """Short titles, most telling first."""
    found: list[str] = []
    if facts.title:
        found.append(facts.title.text)
    if who(facts.people, facts) and (facts.action or facts.place):
        found.append(who_does_what(facts))
    if len(facts.things) > 1 or (facts.things and facts.place):
        found.append(" ".join(part for part in (listed(facts.things), at(facts.place)) if part))
    if facts.spoken and len(facts.spoken[0].text) >= QUOTABLE:
        found.append(f"“{facts.spoken[0].text}”")
    return [one[:1].upper() + one[1:] for one in found[:3]]
