"""Are scores what they claim? Expected calibration error and reliability diagram of tags.

    python -m benchmarks.calibration --corpus DIR [--cache DIR] [--image OUT.png] [--json OUT]

Two answers to "is the tag right": the corpus expects it (somebody would have
called the file so; a tag that nobody thought of counts as wrong), and it is
true of the file, as judged by eye and ear (`benchmarks/data/judged_tags.yaml`;
tags that were not judged are left out). Every file is held out once: slope and
offset of the calibration are refitted to the other files' expectations.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

import kg
from benchmarks.reports import Reports
from benchmarks.tasks.tags import FIRST, meets, names_of
from benchmarks.truth import Corpus, read_corpus
from mmu.errors import USER_ERRORS, ConfigError
from mmu.learning.examples import worth_of
from mmu.reasoning.fuse import fuse
from mmu.reasoning.observe import observe
from mmu.reasoning.select import to_tags
from mmu.reasoning.settings import load_settings
from mmu.signals import Signal, SignalSet

JUDGED = Path(__file__).parent / "data" / "judged_tags.yaml"
FOLDS = 5
BINS = 10
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """Reported tags of all files; `true` is NaN where nobody judged."""

    file: Array
    rank: Array
    log_odds: Array
    worth: Array
    score: Array
    expected: Array
    true: Array


def collect(
    corpus: Corpus,
    reports: Reports,
    judged: dict[str, dict[str, set[str]]],
    *,
    axes: frozenset[str] | None = None,
) -> Scored:
    """Every tag of every tagged file from the evidence of these axes (default: all), with both answers."""
    graph, settings = kg.load(), load_settings()
    rows: list[tuple[float, ...]] = []
    for number, entry in enumerate(corpus.of("tags")):
        report = reports.get(entry["path"])
        known = judged.get(entry["path"], {})
        signals = SignalSet(Signal.from_json(one) for one in report.signals)
        duration = report.media.duration if report.media else 0.0
        frame = report.media.frame if report.media else None
        observations = observe(signals, graph, settings, duration, frame=frame)
        beliefs = fuse(observations, graph, settings, axes=axes)
        accepted = [term for expectation in entry["expect"] for term in expectation["any_of"]]
        for rank, tag in enumerate(to_tags(beliefs, graph, settings)):
            fused = beliefs[tag.id]
            expected = meets(names_of(tag), accepted) and not meets(names_of(tag), entry.get("absent") or [])
            true = float("nan")
            if expected or tag.id in known.get("right", ()):
                true = 1.0
            elif tag.id in known.get("wrong", ()):
                true = 0.0
            worth = worth_of(tag.id, graph, settings)
            rows.append((number, rank, fused.log_odds, worth, tag.score, float(expected), true))
    return Scored(*np.array(rows).T)


def held_out(tags: Scored) -> Array:
    """Scores of each file with slope and offset refitted to the other files' expectations."""
    from scipy.optimize import minimize

    scores = np.empty_like(tags.score)
    fold = np.random.default_rng(0).permutation(int(tags.file.max()) + 1)[tags.file.astype(int)] % FOLDS

    def platt(numbers: Array, chosen: NDArray[np.bool_]) -> Array:
        value: Array = tags.worth[chosen] / (1 + np.exp(-(numbers[0] * tags.log_odds[chosen] + numbers[1])))
        return np.clip(value, 1e-6, 1 - 1e-6)

    for part in range(FOLDS):
        rest = fold != part
        right = tags.expected[rest]

        def loss(numbers: Array, rest: NDArray[np.bool_] = rest, right: Array = right) -> float:
            score = platt(numbers, rest)
            return float(-np.mean(right * np.log(score) + (1 - right) * np.log(1 - score)))

        numbers = minimize(loss, np.array([0.6, -0.3]), method="Nelder-Mead").x
        scores[~rest] = platt(numbers, ~rest)
    return scores


def error(scores: Array, right: Array) -> float:
    """Expected calibration error: mean |score − share right| over ten bins, weighted by their tags."""
    return sum(count * abs(mean - share) for mean, share, count in bins(scores, right)) / len(scores)


def bins(scores: Array, right: Array) -> list[tuple[float, float, int]]:
    """(mean score, share right, tags) of each bin that is not empty."""
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        (float(scores[place == k].mean()), float(right[place == k].mean()), int((place == k).sum()))
        for k in range(BINS)
        if (place == k).any()
    ]


def read_judged(path: Path) -> dict[str, dict[str, set[str]]]:
    """Judged tags by file.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {
            file: {answer: set((names or "").split()) for answer, names in answers.items()}
            for file, answers in data.items()
        }
    except (OSError, yaml.YAMLError, AttributeError) as fault:
        raise ConfigError(f"judged tags {path}: {fault}") from fault


def draw(tags: Scored, image: Path) -> None:
    """The reliability diagram, both answers in one picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.6, 5.2))
    axes.plot([0, 1], [0, 1], color="#999", linewidth=1, linestyle="--", label="perfect")
    judged = ~np.isnan(tags.true)
    curves = (
        ("expected by the corpus", tags.score, tags.expected, "#2563a8"),
        ("true by eye and ear", tags.score[judged], tags.true[judged], "#c2571a"),
    )
    for name, scores, right, colour in curves:
        points = bins(scores, right)
        sizes = [8 + 60 * (count / len(scores)) ** 0.5 for *_, count in points]
        axes.plot([mean for mean, *_ in points], [share for _, share, _ in points], color=colour, label=name)
        axes.scatter([m for m, *_ in points], [share for _, share, _ in points], s=sizes, color=colour)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score of a tag", ylabel="share of such tags that are right")
    axes.legend(loc="lower right")
    axes.set_title("Reliability of tags")
    figure.tight_layout()
    figure.savefig(image, dpi=110)
    pyplot.close(figure)


def rows(tags: Scored) -> list[tuple[str, float, int]]:
    """(metric, value, tags) of the table."""
    refitted, judged, first = held_out(tags), ~np.isnan(tags.true), tags.rank < FIRST
    return [
        ("calibration.ece", error(tags.score, tags.expected), len(tags.score)),
        ("calibration.ece@10", error(tags.score[first], tags.expected[first]), int(first.sum())),
        ("calibration.ece_cv", error(refitted, tags.expected), len(refitted)),
        ("calibration.ece_cv@10", error(refitted[first], tags.expected[first]), int(first.sum())),
        ("calibration.ece_judged", error(tags.score[judged], tags.true[judged]), int(judged.sum())),
        judged_precision("tags", tags),
    ]


def judged_precision(name: str, tags: Scored) -> tuple[str, float, int]:
    """Share of the first ten tags that are true by eye and ear."""
    chosen = ~np.isnan(tags.true) & (tags.rank < FIRST)
    return f"{name}.judged_precision@10", float(tags.true[chosen].mean()), int(chosen.sum())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder with truth.jsonl")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep reports between runs")
    parser.add_argument("--judged", type=Path, default=JUDGED, metavar="FILE")
    parser.add_argument("--image", type=Path, metavar="OUT.png", help="draw the reliability diagram")
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args(argv)
    try:
        corpus, reports = read_corpus(args.corpus), Reports(args.corpus, cache=args.cache)
        judged = read_judged(args.judged)
        tags = collect(corpus, reports, judged)
        found = rows(tags)
        for axis in ("image", "audio"):
            alone = collect(corpus, reports, judged, axes=frozenset({axis}))
            found.append(judged_precision(f"tags[{axis}]", alone))
    except USER_ERRORS as fault:
        print(f"calibration: {fault}", file=sys.stderr)
        return 2
    print("| metric | tags | value |\n|---|---:|---:|")
    print("\n".join(f"| {name} | {count} | {value:.3f} |" for name, value, count in found))
    known = ~np.isnan(tags.true)
    print("\n| mean score | tags | expected | judged true |\n|---:|---:|---:|---:|")
    place = np.minimum((tags.score * BINS).astype(int), BINS - 1)
    for k in sorted(set(place)):
        own = place == k
        true = tags.true[own & known]
        print(
            f"| {tags.score[own].mean():.2f} | {own.sum()} | {tags.expected[own].mean():.2f} "
            f"| {'–' if not len(true) else f'{true.mean():.2f} ({len(true)})'} |"
        )
    if args.image:
        draw(tags, args.image)
    if args.json:
        data = [{"task": "calibration", "metric": n, "value": v, "cases": c} for n, v, c in found]
        args.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
