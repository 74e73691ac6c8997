"""Fit the numbers of `mmu/reasoning/data/topic_match.yaml` on posts whose hashtags are known.

    python -m benchmarks.fit_topics --corpus DIR [--posts N]

Every post's own topics are put among nine foreign ones. Prints the coefficients
fitted on all posts, and F1 by five-fold cross-validation over posts.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.tasks.texts import FOREIGN, plain
from benchmarks.truth import read_corpus
from mmu.reasoning.similarity import load_similarity
from mmu.reasoning.topic_match import features_of
from mmu.reasoning.topics import normalise_topic
from models.store import Store

#: of the topics of one post
Numbers = list[dict[str, float]]

FOLDS = 5
KEEP = np.arange(0.15, 0.6, 0.01)


def main() -> int:
    """Fit the regressions and print them."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fit_topics", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--posts", type=int, default=2500)
    args = parser.parse_args()
    corpus = read_corpus(args.corpus)
    entry = corpus.of("hashtags")[0]
    posts = [plain(line) for line in corpus.path(entry["posts"]).read_text("utf-8").splitlines()]
    rows = corpus.path(entry["tags"]).read_text("utf-8").splitlines()
    tags = [[plain(tag) for tag in row.split(entry["separator"]) if plain(tag)] for row in rows]
    draw = random.Random(1)
    pool = [tag for row in tags for tag in row]
    similarity = load_similarity(Store())
    if similarity is None:
        print("fit_topics: run `mmu models pull text-e5-small text-use`", file=sys.stderr)
        return 2
    quick: list[Numbers] = []
    both: list[Numbers] = []
    own: list[int] = []
    for index in sorted(draw.sample(range(len(posts)), min(args.posts, len(posts)))):
        foreign = [tag for tag in draw.sample(pool, 4 * FOREIGN) if tag not in tags[index]]
        topics = [*tags[index], *list(dict.fromkeys(foreign))[:FOREIGN]]
        plain_topics = [normalise_topic(one) for one in topics]
        text = normalise_topic(posts[index])
        for found, quickly in ((quick, True), (both, False)):
            cosines = similarity.to_texts(topics, [posts[index]], quick=quickly).tolist()
            found.append(features_of(plain_topics, cosines, text))
        own.append(len(tags[index]))
    names = list(quick[0][0])
    for encoders, numbers in (("quick", quick), ("both", both)):
        for title, used in (("alone", [name for name in names if name != "lead"]), ("among", names)):
            _fit(f"{encoders} {title}", used, list(zip(numbers, own, strict=True)))
    return 0


def _fit(title: str, names: list[str], sets: list[tuple[Numbers, int]]) -> None:
    data = [np.array([[one[name] for name in names] for one in found]) for found, _ in sets]
    truth = [np.arange(len(found)) < own for found, own in sets]
    folds = np.random.default_rng(0).integers(0, FOLDS, len(sets))

    def fit(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
        places = np.flatnonzero(chosen)
        model.fit(np.concatenate([data[k] for k in places]), np.concatenate([truth[k] for k in places]))
        scaler, regression = model[0], model[-1]
        weights = regression.coef_[0] / scaler.scale_
        return weights, float(regression.intercept_[0] - weights @ scaler.mean_)

    scores: list[NDArray[np.float64]] = [np.zeros(0)] * len(sets)
    for fold in range(FOLDS):
        weights, intercept = fit(folds != fold)
        for place in np.flatnonzero(folds == fold):
            scores[place] = 1 / (1 + np.exp(-(data[place] @ weights + intercept)))
    given, right = np.concatenate(scores), np.concatenate(truth)
    f1 = [2 * (right & (given >= keep)).sum() / (right.sum() + (given >= keep).sum()) for keep in KEEP]
    best = int(np.argmax(f1))
    weights, intercept = fit(np.ones(len(sets), bool))
    shown = ", ".join(f"{name}: {weight:.3f}" for name, weight in zip(names, weights, strict=True))
    print(f"{title}: {{{shown}, intercept: {intercept:.3f}, keep: {KEEP[best]:.2f}}}  # F1 {f1[best]:.3f}")


if __name__ == "__main__":
    sys.exit(main())
