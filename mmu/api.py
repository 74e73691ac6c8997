"""The Python API in two calls: one video, or many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmu.analyzer import Profile
    from mmu.engine import Progress
    from mmu.report.schema import Report
    from mmu.request import Request, Source

#: options that choose stages or networks
_CHOOSING = frozenset({"config", "only", "skip"})


def analyze(
    source: Source,
    *,
    title: str = "",
    topics: Sequence[str] = (),
    profile: Profile | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Analyse one video; see `Analyzer` for the options and `Analyzer.analyze` for the arguments.

    Loading the networks takes a few seconds: for many videos use `analyze_many` or an `Analyzer`.
    """
    from mmu.media.ahead import begun

    chosen = not options.keys().isdisjoint(_CHOOSING)
    with begun(source, profile=profile, options=options.get("decode"), chosen=chosen) as ahead:
        from mmu.analyzer import Analyzer

        with Analyzer(profile=profile, **options) as analyzer:
            return analyzer.analyze(source, title=title, topics=topics, progress=progress, ahead=ahead)


def analyze_many(
    requests: Iterable[Request | Source],
    *,
    profile: Profile | None = None,
    at_once: int = 1,
    **options: Any,
) -> Iterator[Report]:
    """Analyse many videos with one set of loaded networks; a generator of reports in order.

    `at_once` as for `Analyzer.analyze_many`.
    """
    from mmu.analyzer import Analyzer

    with Analyzer(profile=profile, **options) as analyzer:
        yield from analyzer.analyze_many(requests, at_once=at_once)
