"""Names in Chinese text from the lexer's words: without titles and callings; signs of a brand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, NamedTuple

import yaml

from kg.linker import is_cjk

if TYPE_CHECKING:
    from models.lac import Word

Kind = Literal["person", "place", "organisation"]
#: what the lexer calls a name, and how far it is believed; its works (`nw`) are too often whole titles
_TAGS: dict[str, tuple[Kind, float]] = {
    "PER": ("person", 0.85),
    "LOC": ("place", 0.85),
    "ORG": ("organisation", 0.75),
}
_LONGEST = 40


class ChineseName(NamedTuple):
    """`text[start:end]` is a name; `belief` that it is one of this kind."""

    kind: Kind
    start: int
    end: int
    belief: float


def chinese_names(words: Sequence[Word]) -> Iterator[ChineseName]:
    """The names among the words of a text; a surname with a title alone is nobody in particular."""
    for word in words:
        kind, belief = _TAGS.get(word.tag, (None, 0.0))
        if kind is None or len(word.text) > _LONGEST:
            continue
        start, end = _bare(word) if kind == "person" else (word.start, word.end)
        name = word.text[start - word.start : end - word.start]
        if len(name.strip()) >= 2 and any(map(is_cjk, name)):
            yield ChineseName(kind, start, end, belief)


def names_product(text: str) -> bool:
    """Whether a text that follows a word begins with something that brands make or have."""
    return text.lstrip().startswith(tuple(_lists()["products"]))


def _bare(word: Word) -> tuple[int, int]:
    """A person's name without calling before it and title behind it."""
    start, end, text = word.start, word.end, word.text
    for calling in _lists()["callings"]:
        if text.startswith(calling) and len(text) - len(calling) >= 2:
            start, text = start + len(calling), text[len(calling) :]
            break
    for title in _lists()["titles"]:
        # 王老师, 张桂梅校长; but 刘德华 ends with no title, and 李哥 is no name
        if text.endswith(title) and (len(title) > 1 or len(text) == 2):
            return start, end - len(title)
    return start, end


@cache
def _lists() -> dict[str, list[str]]:
    """Words by what they tell, the longest first, from `data/names_zh.yaml`."""
    text = (resources.files("mmu.reasoning") / "data" / "names_zh.yaml").read_text("utf-8")
    lists: dict[str, str] = yaml.load(text, Loader=yaml.BaseLoader)
    return {name: sorted(words.split(), key=len, reverse=True) for name, words in lists.items()}
