"""Names in a text: people, places, brands, organisations and works.

Four ways of knowing one: the lexicon of brands and places, the Chinese lexer,
the form of English names, and the marks around a work's title.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from kg import Graph
from kg.entities import EntityLexicon, load_entities
from kg.linker import CONTEXT, affirmed, is_cjk, normalise
from kg.quotes import Quotation, quotations
from mmu.reasoning.chinese_names import chinese_names, names_product
from mmu.reasoning.english_names import english_names
from mmu.report.schema_base import Name
from mmu.report.schema_entities import EntityKind

if TYPE_CHECKING:
    from models.lac import Lexer, Word
    from models.store import Store

#: manifest name of the lexer's weights
MODEL = "lac"
#: what the lexer must say for a word that is mostly something else to be the brand or place
_CONFIRMS = {"brand": "ORG", "place": "LOC"}
_CONFIRMED, _LIKELY = 0.85, 0.6
#: names that are read as such less often than this need a sign
_AMBIGUOUS = 0.5
#: and up to here the lexer is no sign: it takes most apples for the company
_DOUBTFUL = 0.35
#: belief in a title between marks; what is named inside a quotation counts for less
_TITLED, _QUOTED = 0.9, 0.7
#: how far a name counts that is a part of something else's
_PART = 0.4
_LONGEST = 40
_LEXICON, _GRAPH, _MARKS, _FORM = "entities@1", "kg", "title-marks", "english-names"
_LEXER = "lac@2.1.2"
#: sources whose belief counts negation and quotation already
_WEIGHED = (_LEXICON, _GRAPH)


class Named(NamedTuple):
    """A name and what it is the name of: the id is equal for equal things."""

    id: str
    kind: EntityKind
    name: Name
    concept: str | None = None


@dataclass(frozen=True, slots=True)
class NameFound:
    """`text[start:end]` names something; `belief` that it does."""

    named: Named
    start: int
    end: int
    belief: float
    source: str


class Recogniser:
    """Finds names; the lexer is loaded when the first Chinese text is read. Safe to share between threads."""

    def __init__(
        self,
        graph: Graph,
        lexicon: EntityLexicon | None = None,
        load_lexer: Callable[[], Lexer] | None = None,
    ) -> None:
        self._graph = graph
        self._lexicon = lexicon or load_entities()
        self._load = load_lexer
        self._lexer: Lexer | None = None
        self._lock = threading.Lock()

    def find(self, text: str) -> list[NameFound]:
        """The names of a text in order, none overlapping; negated ones are left out."""
        quoted = quotations(text)
        words = self._words(text)
        found = [*self._works(text), *_titled(text, quoted), *self._listed(text, words)]
        for source, names in (
            (_LEXER, chinese_names(words)),
            (_FORM, english_names(text, self._lexicon.given_names)),
        ):
            for name in names:
                named = _named(name.kind, text[name.start : name.end])
                found.append(NameFound(named, name.start, name.end, name.belief, source))
        found = [_in_context(one, text, quoted) for one in found]
        chosen: list[NameFound] = []
        # Of two that overlap the longer one is meant; of equal ones what is listed, unless a person is surer.
        for one in sorted(found, key=lambda one: (one.start - one.end, -_rank(one), one.start)):
            if all(_apart(one, other) for other in chosen):
                chosen.append(one)
        return sorted((one for one in chosen if one.belief > 0), key=lambda one: one.start)

    def _words(self, text: str) -> list[Word]:
        if self._load is None or not any(map(is_cjk, text)):
            return []
        with self._lock:
            self._lexer = self._lexer or self._load()
        return self._lexer.tag(text)

    def _listed(self, text: str, words: list[Word]) -> list[NameFound]:
        """Names of the lexicon. One that is mostly another word needs the lexer's word, or a capital."""
        found = []
        # Lanzhou noodles are a dish: a place in the name of something else is hardly meant.
        wider = [(one.start, one.end) for one in self._graph.link(text)]
        tags = {(word.start, word.end): word.tag for word in words}
        for mention in self._lexicon.link(text):
            entry = self._lexicon.entries[mention.concept]
            belief, surface = self._lexicon.weight(mention), text[mention.start : mention.end]
            context = mention.weight / belief
            lexed = tags.get((mention.start, mention.end))
            if entry.kind == "brand" and names_product(text[mention.end :]):
                belief = max(belief, _CONFIRMED)
            elif lexed == _CONFIRMS[entry.kind] and belief > _DOUBTFUL:
                belief = max(belief, _CONFIRMED if belief >= _AMBIGUOUS else _LIKELY)
            elif surface[0].isascii() and surface[0].isalpha() and not surface[0].isupper():
                belief *= 0.8 if belief >= _AMBIGUOUS else 0.0
            elif belief < _AMBIGUOUS and surface.isascii() and _inside_sentence(text, mention.start):
                belief = _LIKELY
            named = Named(entry.id, entry.kind, Name(zh=entry.zh, en=entry.en))
            if belief < _AMBIGUOUS:
                found.append(NameFound(named, mention.start, mention.end, 0.0, _LEXICON))
            else:
                sure = min(belief, 0.95) * context
                size = mention.end - mention.start
                if any(a <= mention.start and mention.end <= b and b - a > size for a, b in wider):
                    sure *= _PART
                found.append(NameFound(named, mention.start, mention.end, sure, _LEXICON))
        return found

    def _works(self, text: str) -> list[NameFound]:
        """Games, films and shows that the graph knows as topics."""
        found = []
        for mention in self._graph.link(text):
            concept = self._graph.concepts[mention.concept]
            if concept.source == "titles.yaml" and mention.weight >= _AMBIGUOUS:
                named = Named(f"work:{concept.id}", "work", Name(zh=concept.zh, en=concept.en), concept.id)
                found.append(NameFound(named, mention.start, mention.end, 0.9 * mention.weight, _GRAPH))
        return found


def load_recogniser(store: Store, graph: Graph, *, threads: int = 1) -> Recogniser:
    """A recogniser; without the lexer's weights Chinese names are known by the lexicon alone."""
    if not store.has(MODEL):
        return Recogniser(graph)

    def load() -> Lexer:
        from models.lac import Lexer

        return Lexer(store.folder(MODEL), threads=threads)

    return Recogniser(graph, load_lexer=load)


def _rank(found: NameFound) -> float:
    """Order among names of the same words. A word that is no brand here is no organisation either."""
    if found.source == _LEXICON and not found.belief:
        return 0.8
    return found.belief + (0.15 if found.source in _WEIGHED and found.belief > 0 else 0.0)


def _apart(one: NameFound, other: NameFound) -> bool:
    """Whether both may stand: they do not overlap, or one is the place in which the other lies (北京胡同)."""
    if one.end <= other.start or other.end <= one.start:
        return True
    places = one.named.kind == other.named.kind == "place"
    return places and one.source == _LEXICON and other.source == _LEXER and one.start == other.start


def _titled(text: str, quoted: list[Quotation]) -> list[NameFound]:
    return [
        NameFound(_named("work", text[one.start : one.end]), one.start, one.end, _TITLED, _MARKS)
        for one in quoted
        if one.kind == "work" and one.end - one.start <= _LONGEST
    ]


def _named(kind: EntityKind, text: str) -> Named:
    name = " ".join(text.split())
    return Named(f"{kind}:{normalise(name)}", kind, Name(zh=name, en=name))


def _in_context(found: NameFound, text: str, quoted: list[Quotation]) -> NameFound:
    """Less belief in what is denied or quoted; what only a work's title names is not there."""
    belief, titled = found.belief, found.source == _MARKS
    if found.source not in _WEIGHED:
        belief *= affirmed(_before(text, found.start - titled))
    for one in () if titled else quoted:
        if one.start <= found.start and found.end <= one.end:
            if one.kind == "work":
                belief = belief if found.source == _GRAPH else 0.0
            elif found.source not in _WEIGHED:
                belief *= _QUOTED
    return replace(found, belief=belief)


def _before(text: str, start: int) -> str:
    """What stands before a mention, in the form in which negation is looked for."""
    before = text[max(0, start - CONTEXT) : start]
    return normalise(before) + (" " if before.endswith(" ") else "")


def _inside_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip()
    return bool(before) and before[-1] not in '.!?。！？\n:：-–—“"' and not text.isupper()
