"""Moderation on labelled rows: rules alone, a TF-IDF baseline and the trained classifier, in one run.

    python -m benchmarks.moderation ROWS.jsonl [--seeds 0 1 2] [--harmless TEXTS…] [--reports DIR]

`ROWS.jsonl` is as for `mmu policy train`; the trained ones are measured by 5-fold
cross-validation with every seed. Files of `--harmless` hold compliant texts, one a
line (news titles; a class after a tab is ignored) or Markdown, a paragraph each;
`--reports` is a folder of reports of compliant videos. Of these, all that is sent to
review or blocked is a false alarm.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.tasks.moderation import encoder, policy
from mmu.errors import USER_ERRORS
from mmu.moderation.decide import judge
from mmu.moderation.learned.features import read
from mmu.moderation.learned.metrics import Scores, score
from mmu.moderation.learned.rows import Row, read_rows, safe_label_of
from mmu.moderation.learned.rules import judge_rows
from mmu.moderation.learned.validate import cross_validate
from mmu.moderation.replay import judge_report, read_reports
from mmu.moderation.sentiment import judge as judge_words

#: lines of one file of harmless texts that are judged
LINES = 2000
#: shortest paragraph of a Markdown file
PARAGRAPH = 60


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.moderation", description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--harmless", type=Path, nargs="*", default=[])
    parser.add_argument("--reports", type=Path)
    parser.add_argument("--rules-only", action="store_true", help="train nothing")
    args = parser.parse_args(argv)
    try:
        run(args)
    except USER_ERRORS as error:
        print(f"moderation: {error}", file=sys.stderr)
        return 2
    return 0


def run(args: argparse.Namespace) -> None:
    """Print a line a measured thing."""
    rows = read_rows(args.rows)
    labels = [row.label for row in rows]
    safe = safe_label_of(labels)
    print("| what | binary | macro-F1 | precision | recall | multi-class |", flush=True)
    print("|---|---:|---:|---:|---:|---:|")
    for name, embed in (("words and contacts alone", None), ("rules (no training)", encoder())):
        found = judge_rows(policy(), rows, safe, embed)
        _print(name, [score(labels, found, [label != safe for label in found], safe)])
    _sentiment(rows)
    if not args.rules_only:
        _print("TF-IDF + logistic regression", [baseline(rows, safe, seed) for seed in args.seeds])
        embed = encoder()
        if embed is None:
            print("the encoders' weights are not in the store: nothing trained", file=sys.stderr)
        else:
            seen = read([row.words for row in rows], policy().likeness, embed, policy())
            known = policy().described
            scores = [cross_validate(seen, labels, safe, described=known, seed=seed) for seed in args.seeds]
            _print(f"trained classifier, seeds {args.seeds}", scores)
    for path in args.harmless:
        _alarms(path.name, _texts(path))
    if args.reports:
        decisions = [
            judge_report(policy(), one, embed=encoder()).decision for one in read_reports(args.reports)
        ]
        _tell(args.reports.name, decisions)


def _sentiment(rows: Sequence[Row]) -> None:
    """How well the abusive share of `text.sentiment` tells the rows of the abuse category from all others."""
    embed, names = encoder(), {"abuse", *policy().categories["abuse"].labels}
    abusive = [row.label in names for row in rows]
    if embed is None or len(set(abusive)) < 2:
        return
    shares = [judge_words(row.words.together, embed)["abusive"] if row.words else 0.0 for row in rows]
    print(
        f"text.sentiment, abusive: AUC {roc_auc_score(abusive, shares):.3f} on {sum(abusive)} rows",
        file=sys.stderr,
    )


def baseline(rows: Sequence[Row], safe: str, seed: int) -> Scores:
    """Character TF-IDF of all text and two logistic regressions, 5-fold."""
    texts = [f"{row.words.title}\n{row.words.screen}\n{row.words.speech}" for row in rows]
    y = np.array([row.label for row in rows])
    guesses, violating = np.empty(len(y), object), np.zeros(len(y), bool)
    for seen, unseen in StratifiedKFold(5, shuffle=True, random_state=seed).split(texts, y != safe):
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
        x = vectorizer.fit_transform([texts[i] for i in seen])
        z = vectorizer.transform([texts[i] for i in unseen])
        model = LogisticRegression(C=10, solver="liblinear")
        violating[unseen] = model.fit(x, y[seen] != safe).predict(z)
        kinds = LogisticRegression(C=10, max_iter=200, tol=1e-3).fit(x, y[seen])
        guesses[unseen] = kinds.predict(z)
    return score(y.tolist(), guesses.tolist(), violating.tolist(), safe)


def _print(name: str, scores: Sequence[Scores]) -> None:
    def told(values: Sequence[float | None]) -> str:
        known = [value for value in values if value is not None]
        if not known:
            return "–"
        spread = f" ± {statistics.pstdev(known):.3f}" if len(known) > 1 else ""
        return f"{statistics.mean(known):.3f}{spread}"

    columns: list[list[float | None]] = [
        [one.binary_accuracy for one in scores],
        [one.binary_macro_f1 for one in scores],
        [one.violation_precision for one in scores],
        [one.violation_recall for one in scores],
        [one.multiclass_accuracy for one in scores],
    ]
    print(f"| {name} | " + " | ".join(told(column) for column in columns) + " |", flush=True)


def _texts(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".md":
        return [line.strip(" *#-") for line in lines if len(line) >= PARAGRAPH]
    texts = [line.rsplit("\t", 1)[0] for line in lines if line.strip()]
    return random.Random(0).sample(texts, min(LINES, len(texts)))


def _alarms(name: str, texts: Sequence[str]) -> None:
    embed = encoder()
    if embed is not None:
        embed(list(texts))
    _tell(name, [judge(policy(), title=text, embed=embed).decision for text in texts])


def _tell(name: str, decisions: Sequence[str]) -> None:
    review, block = decisions.count("review"), decisions.count("block")
    total = max(1, len(decisions))
    print(f"{name}: {len(decisions)} compliant, review {review / total:.3f}, block {block}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
