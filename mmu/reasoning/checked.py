"""A draft held against the evidence: clauses with words that nothing supports are taken out and listed.

A content word is supported when it is part of a tag's name or alias (or of a
broader concept of a tag), of the title, of the words on screen, or of what is
said. Words of manner, number and grammar need no support (`function_words.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml

from kg import Graph
from kg.linker import is_cjk, normalise, plural
from mmu.reasoning.llm import Draft
from mmu.report.schema import Caption, Name, Report

#: characters in a row of Chinese text that are enough to be found in the evidence
SHARED = 2
_CLAUSE = re.compile(r"[^，。！？；,.!?;：:]+[，。！？；,.!?;：:”\"]*")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*|[\u3400-\u9fff]+")


@dataclass(slots=True)
class Support:
    """Words and stretches of Chinese text that the evidence holds."""

    english: set[str] = field(default_factory=set)
    chinese: str = ""
    #: names of one character: 狗
    single: set[str] = field(default_factory=set)

    def add(self, text: str) -> None:
        """Everything in a text is supported."""
        for word in _WORD.findall(normalise(text)):
            if is_cjk(word[0]):
                self.chinese += "\n" + word
                self.single |= {word} if len(word) == 1 else set()
            else:
                self.english |= {word, plural(word)}

    def missing(self, text: str) -> list[str]:
        """The content words of a text that nothing supports, in order."""
        found: list[str] = []
        for word in _WORD.findall(normalise(text)):
            if is_cjk(word[0]):
                found += self._missing_chinese(word)
            elif not self._has_english(word):
                found.append(word)
        return list(dict.fromkeys(found))

    def _has_english(self, word: str) -> bool:
        plain = word.removesuffix("'s").removesuffix("’s")
        if plain in self.english or plain in _function_words()[1]:
            return True
        stems = {plain[: -len(end)] for end in ("s", "es", "ing", "ed", "d", "ly") if plain.endswith(end)}
        stems |= {stem + "e" for stem in stems} | {stem[:-1] for stem in stems if stem[-2:-1] == stem[-1:]}
        return any(len(stem) > 2 and stem in self.english for stem in stems)

    def _missing_chinese(self, run: str) -> list[str]:
        """Stretches of a run that are covered neither by the evidence nor by function words."""
        covered = [False] * len(run)
        for start in range(len(run)):
            longest = 0
            while start + longest < len(run) and run[start : start + longest + 1] in self.chinese:
                longest += 1
            if longest < SHARED and run[start] not in self.single:
                longest = 0
            function = next((one for one in _function_words()[0] if run.startswith(one, start)), "")
            longest = max(longest, len(function))
            for place in range(start, start + longest):
                covered[place] = True
        return "".join(char if not done else " " for char, done in zip(run, covered, strict=True)).split()


@cache
def _function_words() -> tuple[tuple[str, ...], frozenset[str]]:
    data = yaml.safe_load((files("mmu.reasoning") / "data" / "function_words.yaml").read_text("utf-8"))
    return tuple(sorted(data["zh"].split(), key=len, reverse=True)), frozenset(data["en"].split())


def support_of(report: Report, graph: Graph) -> Support:
    """What the evidence of a report supports."""
    support = Support()
    concepts = {tag.id for tag in report.tags}
    concepts |= {above for one in list(concepts) if one in graph for above in graph.ancestors(one)}
    for tag in report.tags:
        support.add(f"{tag.name.zh} {tag.name.en}")
    for one in concepts:
        if one in graph:
            for alias in graph.concepts[one].aliases:
                support.add(alias.text)
    names = [one.name for one in report.people if one.name]
    spoken = [segment.text for segment in report.transcript]
    for text in (report.title, *(line.text for line in report.on_screen_text), *spoken, *names):
        support.add(text)
    if report.category:
        support.add(f"{report.category.name.zh} {report.category.name.en}")
    return support


def check(draft: Draft, report: Report, graph: Graph, *, source: str) -> Caption | None:
    """The draft as a caption: only clauses that the evidence supports, the other words listed.

    Args:
        draft: as the model wrote it.
        report: holds the evidence, and the grounded caption for what is lost.
        graph: names and broader concepts of the tags.
        source: of the caption, e.g. `llm:NAME`.

    Returns:
        The grounded caption, with the words listed, when nothing of the sentence is left in one of the
        languages; None if there is none either.
    """
    support = support_of(report, graph)
    unsupported: list[str] = []

    def kept(text: str) -> str:
        clauses = []
        for clause in _CLAUSE.findall(text):
            missing = support.missing(clause)
            unsupported.extend(missing)
            if not missing:
                clauses.append(clause)
        return _joined(clauses)

    zh, en = kept(draft.sentence_zh), kept(draft.sentence_en)
    paragraph = Name(zh=kept(draft.paragraph_zh), en=kept(draft.paragraph_en))
    titles = [
        Name(zh=one, en=other)
        for one, other in zip(draft.titles_zh, draft.titles_en, strict=False)
        if not _note(support.missing(one + " " + other), unsupported)
    ]
    grounded = report.caption
    words = list(dict.fromkeys(unsupported))
    if not zh or not en:
        return grounded.model_copy(update={"unsupported": words}) if grounded else None
    return Caption(
        text=Name(zh=zh, en=en),
        paragraph=paragraph if paragraph.zh and paragraph.en else grounded.paragraph if grounded else None,
        titles=titles or (grounded.titles if grounded else []),
        tags=[tag.id for tag in report.tags if _mentioned(tag.name, zh + en)],
        source=source,
        unsupported=words,
    )


def _note(missing: list[str], unsupported: list[str]) -> bool:
    unsupported.extend(missing)
    return bool(missing)


def _mentioned(name: Name, text: str) -> bool:
    return name.zh in text or name.en.casefold() in text.casefold()


def _joined(clauses: Iterable[str]) -> str:
    """Clauses as one text that ends like a sentence."""
    text = "".join(clauses).strip()
    text = re.sub(r"[，,；;：:]+$", "", text).strip()
    if text and text[-1] not in '。！？.!?”"':
        text += "。" if any(is_cjk(char) for char in text) else "."
    return text[:1].upper() + text[1:]
