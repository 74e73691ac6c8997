"""`mmu topics clean | split`: the hashtags of a stream of posts; joined hashtags taken apart."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from mmu.errors import ConfigError

CLEAN = """\
Read one JSON object a line, {"title": "...", "topics": ["..."], "text": "..."}, and
write it back with "decisions": for every topic keep, merge or drop, its canonical form,
the reason and a score. A line that cannot be used comes back with "error".
Exit code 1 when there was one.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `topics` command."""
    parser = commands.add_parser(
        "topics",
        help="clean the hashtags of a stream of posts, without any video",
        description="Hashtags on their own: clean those of a stream of posts, or take joined ones apart.",
    )
    actions = parser.add_subparsers(dest="topics_command", metavar="COMMAND", required=True)
    clean = actions.add_parser(
        "clean",
        help="keep, merge or drop the topics of every post",
        description=CLEAN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    clean.add_argument("file", nargs="?", default="-", metavar="FILE.jsonl", help="default: standard input")
    clean.add_argument(
        "--no-embeddings", action="store_true", help="by words and concepts only: 50 times as fast"
    )
    clean.add_argument("--threads", type=int, default=1, metavar="N", help="of the text encoders (default 1)")
    split = actions.add_parser(
        "split",
        help="take joined hashtags apart",
        description="Print the words of every hashtag, one hashtag a line.",
    )
    split.add_argument("hashtags", nargs="+", metavar="HASHTAG")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out one command; 1 when a line could not be used."""
    return _split(args) if args.topics_command == "split" else _clean(args)


def _clean(args: argparse.Namespace) -> int:
    import kg
    from mmu.reasoning.similarity import load_similarity
    from mmu.topics.clean import clean_lines
    from mmu.topics.segment import load_segmenter
    from models.errors import ModelError
    from models.store import Store

    if args.threads < 1:
        raise ConfigError(f"--threads must be at least 1, not {args.threads}")
    store = Store()
    similarity = None if args.no_embeddings else load_similarity(store, threads=args.threads)
    if similarity is None and not args.no_embeddings:
        raise ModelError(
            "the text encoders are not in the store: run `mmu models pull text-e5-small text-use`, "
            "or use --no-embeddings"
        )
    failed = False
    with _open(args.file) as lines:
        for post in clean_lines(
            lines, graph=kg.load(), similarity=similarity, segmenter=load_segmenter(store)
        ):
            failed |= "error" in post and "decisions" not in post
            print(json.dumps(post, ensure_ascii=False), flush=similarity is not None)
    return int(failed)


def _split(args: argparse.Namespace) -> int:
    from mmu.topics.segment import load_segmenter
    from models.errors import ModelError
    from models.store import Store

    segmenter = load_segmenter(Store())
    if segmenter is None:
        raise ModelError("the word counts are not in the store: run `mmu models pull words-en`")
    for hashtag in args.hashtags:
        print(" ".join(segmenter.segment(hashtag)))
    return 0


@contextlib.contextmanager
def _open(name: str) -> Iterator[TextIO]:
    # Bytes that are not UTF-8 must cost their own line only.
    if name == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        yield sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8", errors="replace") as file:
            yield file
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}") from error
