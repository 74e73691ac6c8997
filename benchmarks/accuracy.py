"""Score every task of a corpus and print one table.

    python -m benchmarks.accuracy --corpus DIR [--only TASK…] [--limit N] [--json OUT]

`DIR/truth.jsonl` says what is true of the files; every file is analysed once
with the shipped defaults. Tasks that the project cannot do yet are listed as
*not supported*, never left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.reports import Reports
from benchmarks.tasks import (
    identity,
    interest,
    located,
    melody,
    moderation,
    odd_files,
    people,
    pictures,
    quality,
    retrieval,
    sound,
    speech,
    tags,
    texts,
    written,
)
from benchmarks.truth import Corpus, Metric, read_corpus
from mmu.errors import USER_ERRORS, ConfigError

Scorer = Callable[[Corpus, Reports, int | None], Iterable[Metric]]

#: truth task -> how it is scored, in the order of the table
SCORERS: dict[str, Scorer] = {
    "asr": speech.transcripts,
    "language": speech.languages,
    "ocr": written.lines,
    "text_regions": located.text_regions,
    "shots": pictures.shots,
    "face_pair": pictures.face_pairs,
    "faces": pictures.faces,
    "identity": identity.score,
    "expression": people.expression,
    "objects": located.objects,
    "gesture": people.gestures,
    "sign": people.signing,
    "speaker_pair": speech.speaker_pairs,
    "speaker_gender": speech.speaker_genders,
    "speech_emotion": speech.speech_emotions,
    "diarization": speech.diarization,
    "audio_class": sound.classes,
    "audio_event": sound.events,
    "vocals": sound.vocals,
    "genre": sound.genres,
    "instrument": sound.instruments,
    "tempo": sound.tempo,
    "beats": sound.beats,
    "metre": sound.metre,
    "key": sound.key,
    "f0": melody.f0,
    "notes": melody.notes,
    "same_work": melody.same_work,
    "near_duplicate": pictures.near_duplicates,
    "quality_pair": quality.pairs,
    "mos": quality.opinions,
    "quality_reference": quality.references,
    "odd": odd_files.agreement,
    "moderation": texts.moderation,
    "hashtags": texts.hashtags,
    "hashtag_segmentation": texts.segmentation,
    "text_topic": texts.topics,
    "tags": tags.score,
    "retrieval": retrieval.score,
    "interest": interest.score,
    # last: it looks at what the others had analysed
    "benign": moderation.benign,
}

#: tasks whose truth is kept in `benchmarks/data`, for the files of a corpus that it names, or needs no file
OWN = {"retrieval", "benign"}

#: kinds of truth that are resources for development, not tasks
RESOURCES = {"taxonomy", "lexicon", "policy", "knowledge_graph"}


def build_parser() -> argparse.ArgumentParser:
    """The options of the harness."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--corpus", type=Path, default=default_corpus(), help="folder with truth.jsonl ($MMU_CORPUS)"
    )
    parser.add_argument("--only", nargs="+", metavar="TASK", help="score these tasks only")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N cases a task")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the table as JSON")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep reports between runs of one pipeline")
    return parser


def default_corpus() -> Path | None:
    """Where `$MMU_CORPUS` says that a corpus is."""
    place = os.environ.get("MMU_CORPUS")
    return Path(place) if place else None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the harness; 0 when every task could be scored, 2 on wrong usage."""
    args = build_parser().parse_args(argv)
    try:
        metrics = run(args)
        if args.json:
            rows = [{"task": m.task, "metric": m.metric, "value": m.value, "cases": m.cases} for m in metrics]
            args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    except USER_ERRORS as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return 2
    print(table(metrics))
    return 0


def run(args: argparse.Namespace) -> list[Metric]:
    """All metrics of the chosen tasks.

    Raises:
        ConfigError: no corpus, or a task that is neither in it nor known.
    """
    if args.corpus is None:
        raise ConfigError("name the corpus with --corpus DIR or $MMU_CORPUS")
    if args.limit is not None and args.limit < 1:
        raise ConfigError(f"--limit must be at least 1, not {args.limit}")
    corpus = read_corpus(args.corpus)
    known = [*SCORERS, *sorted(corpus.entries.keys() - SCORERS.keys() - RESOURCES)]
    unknown = set(args.only or ()) - set(known)
    if unknown:
        raise ConfigError(f"unknown task {', '.join(sorted(unknown))}; tasks: {', '.join(known)}")
    reports = Reports(args.corpus, cache=args.cache)
    metrics: list[Metric] = []
    for task in known:
        if args.only and task not in args.only:
            continue
        cases = len(corpus.of(task))
        if task not in SCORERS:
            metrics.append(Metric(task, task, None, cases, "not supported"))
        elif cases or task in OWN:
            metrics += SCORERS[task](corpus, reports, args.limit)
    return metrics


def table(metrics: Sequence[Metric]) -> str:
    """The metrics as a Markdown table."""
    rows = ["| task | metric | cases | value | |", "|---|---|---:|---:|---|"]
    for one in metrics:
        value = "*not supported*" if one.value is None and one.note == "not supported" else _number(one.value)
        note = "" if one.note == "not supported" else one.note
        rows.append(f"| {one.task} | {one.metric} | {one.cases} | {value} | {note} |")
    return "\n".join(rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
