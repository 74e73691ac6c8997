"""Tasks on text files: moderation and hashtag clean-up, without any video."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from collections.abc import Iterable

import kg
from benchmarks.truth import Corpus, Metric, mean
from mmu.reasoning.similarity import load_similarity
from mmu.reasoning.topics import judge_topics
from mmu.topics.few_shot import FewShot
from mmu.topics.segment import load_segmenter
from mmu.topics.zero_shot import ZeroShot
from models.errors import ModelError
from models.store import Store
from models.text_embedding import TextEmbedder

#: posts of the hashtag file that are judged
POSTS = 500
FOREIGN = 9
#: titles of the news file that are classified
TITLES = 1000
#: titles of a class that teach it, and how often they are drawn anew
SHOTS, DRAWS = 20, 5
#: stand for numbers, links and names that the file's makers took out
MASKS = {"DIGIT", "URL", "MENTION"}


def hashtags(corpus: Corpus, _reports: object, limit: int | None) -> Iterable[Metric]:
    """Keep/drop F1: each post's own tags among nine foreign ones (drawn with a fixed seed)."""
    for entry in corpus.of("hashtags"):
        posts = corpus.path(entry["posts"]).read_text(encoding="utf-8").splitlines()
        rows = corpus.path(entry["tags"]).read_text(encoding="utf-8").splitlines()
        tags = [[plain(tag) for tag in row.split(entry["separator"]) if tag.strip()] for row in rows]
        draw = random.Random(20261122)
        pool = [tag for row in tags for tag in row]
        chosen = sorted(draw.sample(range(len(posts)), min(limit or POSTS, len(posts))))
        graph, similarity = kg.load(), load_similarity(Store())
        kept_own = kept_foreign = own = 0
        for index in chosen:
            foreign: list[str] = []
            while len(foreign) < FOREIGN:
                tag = draw.choice(pool)
                if tag not in tags[index] and tag not in foreign:
                    foreign.append(tag)
            topics = [*tags[index], *foreign]
            decisions = judge_topics(
                topics, texts=[plain(posts[index])], support={}, graph=graph, similarity=similarity
            )
            kept = [decision.action in ("keep", "merge") for decision in decisions]
            own += len(tags[index])
            kept_own += sum(kept[: len(tags[index])])
            kept_foreign += sum(kept[len(tags[index]) :])
        f1 = 2 * kept_own / (kept_own + kept_foreign + own) if own else None
        note = "" if similarity else "by words only: the text encoders are not in the store"
        yield Metric("hashtags", "hashtags.f1", f1, len(chosen), note)


def plain(text: str) -> str:
    """Words joined as they were written, without the marks that stand for what the corpus leaves out."""
    return "".join(word for word in text.split() if word not in MASKS)


def moderation(corpus: Corpus, _reports: object, limit: int | None) -> Iterable[Metric]:
    """Decision from title, on-screen text and speech of each row against its label, rules alone."""
    from benchmarks.tasks.moderation import decide_rows, encoder

    for entry in corpus.of("moderation"):
        lines = corpus.path(entry["file"]).read_text(encoding="utf-8").splitlines()[:limit]
        rows = [json.loads(line) for line in lines if line.strip()]
        safe, field = entry["safe_label"], entry["label_field"]
        pairs = list(zip(decide_rows(rows, safe), [row[field] for row in rows], strict=True))
        named = [label != safe for guess, label in pairs if guess != safe]
        caught = [guess != safe for guess, label in pairs if label != safe]
        binary = [(guess == safe) == (label == safe) for guess, label in pairs]
        multi = [guess == label for guess, label in pairs]
        note = "" if encoder() else "by words only: the text encoders are not in the store"
        for name, found in (
            ("binary_accuracy", binary),
            ("multiclass_accuracy", multi),
            ("violation_precision", named),
            ("violation_recall", caught),
        ):
            yield Metric("moderation", f"moderation.{name}", mean([*map(float, found)]), len(found), note)


def segmentation(corpus: Corpus, _reports: object, limit: int | None) -> Iterable[Metric]:
    """Share of joined hashtags that are taken apart exactly as a person did (case does not count)."""
    segmenter = load_segmenter(Store())
    if segmenter is None:
        raise ModelError("the word counts are not in the store: run `mmu models pull words-en`")
    right: list[float] = []
    for entry in corpus.of("hashtag_segmentation"):
        columns = entry["columns"]
        with corpus.path(entry["file"]).open(encoding="utf-8", newline="") as file:
            tabs = entry["file"].endswith(".tsv")
            rows = list(
                csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(file)
            )
        tag, gold = columns.index("hashtag"), columns.index("gold")
        for row in rows[1 if entry.get("header") else 0 :][:limit]:
            # From the first answer on, every column is one that is accepted.
            accepted = {_spaced(answer) for answer in row[gold:] if answer.strip()}
            right.append(float(_spaced(" ".join(segmenter.segment(row[tag]))) in accepted))
    yield Metric("hashtag_segmentation", "hashtag_segmentation.accuracy", mean(right), len(right))


def _spaced(text: str) -> str:
    return " ".join(text.lower().split())


def topics(corpus: Corpus, _reports: object, limit: int | None) -> Iterable[Metric]:
    """Accuracy of the class of a title: from the classes' names alone, and after a few titles of each.

    The taught figure is the mean over draws of the titles that teach; the others are judged.
    """
    for entry in corpus.of("text_topic"):
        lines = corpus.path(entry["file"]).read_text(encoding="utf-8").splitlines()
        draw = random.Random(20261122)
        chosen = draw.sample(lines, min(limit or TITLES, len(lines)))
        pairs = [line.rsplit("\t", 1) for line in chosen]
        embedder = TextEmbedder(Store(), cache=4 * TITLES)
        found = ZeroShot(embedder, entry["classes"]).classify([title for title, _ in pairs])
        right = [float(guess == int(label)) for guess, (_, label) in zip(found, pairs, strict=True)]
        yield Metric("text_topic", "text_topic.zero_shot_accuracy", mean(right), len(right))
        spread: list[float] = []
        for _ in range(DRAWS):
            taught = _shots(draw, lines, SHOTS)
            model = FewShot(embedder, [title for title, _ in taught], [int(label) for _, label in taught])
            known = {title for title, _ in taught}
            judged = [(title, int(label)) for title, label in pairs if title not in known]
            guesses = model.classify([title for title, _ in judged])
            hits = [float(guess == label) for guess, (_, label) in zip(guesses, judged, strict=True)]
            spread.append(mean(hits) or 0.0)
        note = f"{SHOTS} titles a class, {DRAWS} draws: {min(spread):.3f} to {max(spread):.3f}"
        yield Metric("text_topic", "text_topic.taught_accuracy", mean(spread), len(pairs), note)


def _shots(draw: random.Random, lines: list[str], count: int) -> list[list[str]]:
    """So many titles of every class."""
    by_label: dict[str, list[list[str]]] = defaultdict(list)
    for line in draw.sample(lines, len(lines)):
        title, label = line.rsplit("\t", 1)
        if len(by_label[label]) < count:
            by_label[label].append([title, label])
    return [pair for pairs in by_label.values() for pair in pairs]
