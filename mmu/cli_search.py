"""`mmu search`: find videos by what they show and say, or by example."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mmu.errors import ConfigError

if TYPE_CHECKING:
    from mmu.report.schema import Report
    from mmu.search.filters import SearchFilters
    from mmu.search.index import Hit, SearchIndex

DESCRIPTION = """\
Search the reports that were added with `mmu index add`, in Chinese or English:

  mmu search "做饭的小男孩"
  mmu search "a dog plays in the snow" --category pets --max-duration 60
  mmu search --song "Blue Tune"       where a track of your library plays (a recording of it will do)
  mmu search --like clip.mp4          copies first, then what is like it (also a picture, song, report)
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `search` command."""
    parser = commands.add_parser(
        "search",
        help="find videos by a description or by example",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what the video shows, says or plays")
    parser.add_argument(
        "--like", metavar="FILE", help="find what is like this video, picture, song or report (.json)"
    )
    parser.add_argument(
        "--song",
        metavar="TRACK|FILE",
        help="find where this track of the song library plays, or what plays in FILE",
    )
    parser.add_argument(
        "--library", type=Path, metavar="DIR", help="song library to know FILE by (default: the user's own)"
    )
    parser.add_argument("--index", type=Path, metavar="DIR", help="index to search (default: the user's own)")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="videos to name (default: 10)")
    only = parser.add_argument_group("only videos")
    only.add_argument(
        "--tag", action="append", default=[], metavar="CONCEPT", help="with this tag or a kind of it"
    )
    only.add_argument(
        "--facet", action="append", default=[], metavar="FACET", help="with any tag of this facet"
    )
    only.add_argument("--category", metavar="CONCEPT", help="of this category or a kind of it")
    only.add_argument("--language", metavar="CODE", help="in which this language is spoken (zh, en, …)")
    only.add_argument("--decision", choices=("pass", "review", "block"), help="with this moderation decision")
    only.add_argument("--min-duration", type=float, metavar="SECONDS")
    only.add_argument("--max-duration", type=float, metavar="SECONDS")
    parser.add_argument("--json", action="store_true", help="one JSON object a hit")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the hits; 1 when there are none."""
    from mmu.search.filters import SearchFilters
    from mmu.search.index import SearchIndex

    if sum(one is not None for one in (args.text, args.like, args.song)) != 1:
        raise ConfigError("say what to look for: either TEXT, --like FILE or --song TRACK")
    filters = SearchFilters(
        tuple(args.tag),
        tuple(args.facet),
        args.category,
        args.language,
        args.decision,
        args.min_duration,
        args.max_duration,
    )
    with SearchIndex(args.index, create=False) as index:
        if args.song is not None:
            hits = _playing(index, args.song, args.library, filters, args.limit)
        elif args.like is None:
            hits = index.search(args.text, limit=args.limit, filters=filters)
        else:
            hits = index.like(_example(args.like), limit=args.limit, filters=filters)
    for hit in hits:
        print(json.dumps(asdict(hit), ensure_ascii=False) if args.json else describe(hit))
    if not hits and not args.json:
        print("nothing found")
    return 0 if hits else 1


def _playing(
    index: SearchIndex, song: str, library: Path | None, filters: SearchFilters, limit: int
) -> list[Hit]:
    """Videos in which a track plays; of a recording, every track of the library that plays in it."""
    titles = [song]
    if Path(song).is_file():
        from mmu.songs.recording import tracks_in

        titles = tracks_in(Path(song), library)
    found = {hit.id: hit for title in titles for hit in index.playing(title, limit=limit, filters=filters)}
    return sorted(found.values(), key=lambda hit: -hit.score)[:limit]


def describe(hit: Hit) -> str:
    """A hit in a few lines: score, name, moment, reasons."""
    where = f"  at {_clock(hit.moment[0])}–{_clock(hit.moment[1])}" if hit.moment else ""
    lines = [f"{hit.score:.2f}  {hit.uri}{where}"]
    for reason in hit.reasons[:3]:
        lines.append(
            f"      {_short(reason.asked, 24)} ← {_short(reason.found, 60)}  ({_short(reason.why, 70)})"
        )
    return "\n".join(lines)


def _example(file: str) -> Report:
    from mmu.report.cli import load_report

    if file.lower().endswith(".json"):
        return load_report(Path(file))
    from mmu.api import analyze

    report = analyze(file)
    if report.errors and not report.id:
        raise ConfigError(f"{file}: {report.errors[0].message}")
    return report


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:04.1f}"
