"""Brands and places by name, in both languages, and the given names of people.

`ontology/entities/*.yaml` holds them, one a line, written as concepts are (`ontology/README.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from kg.errors import GraphError
from kg.graph import Alias
from kg.linker import Linker, Mention, normalise
from kg.load import ONTOLOGY, aliases, read_yaml

EntryKind = Literal["brand", "place"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing; the first name of each language is shown."""

    id: str
    kind: EntryKind
    zh: str
    en: str
    aliases: tuple[Alias, ...]


class EntityLexicon:
    """Named things by id, found in text as concepts are: any script, width and case, no negated ones."""

    def __init__(self, entries: list[Entry], given_names: frozenset[str]) -> None:
        self.entries = {entry.id: entry for entry in entries}
        #: given names as they are written
        self.given_names = given_names
        named = [(alias.text, entry.id, alias.weight) for entry in entries for alias in entry.aliases]
        self._weights = {(entry, normalise(text)): weight for text, entry, weight in named}
        self._linker = Linker(named)

    def link(self, text: str) -> list[Mention]:
        """Mentions in order of position; `concept` is the id of an entry."""
        return self._linker.link(text)

    def weight(self, mention: Mention) -> float:
        """P(the entry is meant | its name is read), whatever stands around it."""
        return self._weights.get((mention.concept, mention.alias), mention.weight)


@lru_cache(maxsize=2)
def load_entities(root: Path | None = None) -> EntityLexicon:
    """The lexicon of an ontology folder (default: the shipped one).

    Raises:
        GraphError: a file is missing or malformed, or two entries share a name.
    """
    folder = (root or ONTOLOGY) / "entities"
    entries: list[Entry] = []
    owners: dict[str, str] = {}
    for kind, name in (("brand", "brands.yaml"), ("place", "places.yaml")):
        content = read_yaml(folder / name)
        if content.get("kind") != kind or not isinstance(content.get("names"), dict):
            raise GraphError(f"{name} must hold `kind: {kind}` and `names`")
        for key, line in content["names"].items():
            entry = _entry(f"{kind}:{key}", str(line), name)
            entries.append(entry)
            for alias in entry.aliases:
                if owners.setdefault(alias.text.casefold(), entry.id) != entry.id:
                    raise GraphError(
                        f"{name}: {alias.text!r} is a name of {owners[alias.text.casefold()]} too"
                    )
    given = read_yaml(folder / "given_names.yaml").get("names")
    if not isinstance(given, str) or not given.split():
        raise GraphError("given_names.yaml must hold a text `names`")
    return EntityLexicon(entries, frozenset(given.split()))


def _entry(key: str, line: str, file: str) -> Entry:
    zh, bar, en = (part.strip() for part in line.partition("|"))
    if not (zh and bar and en):
        raise GraphError(f"{file}: {key} must be `Chinese names | English names`")
    chinese, english = aliases(zh, "zh", f"{file}: {key}"), aliases(en, "en", f"{file}: {key}")
    kind: EntryKind = "brand" if key.startswith("brand:") else "place"
    return Entry(key, kind, chinese[0].text, english[0].text, tuple(chinese + english))
