"""A brain for video: one call from a file to an evidence-backed report.

    import mmu
    report = mmu.analyze("clip.mp4", title="今天做蛋糕", topics=["美食"])
    for tag in report.tags:
        print(tag.name.zh, round(tag.score, 2), tag.evidence[0].source)

Names are loaded on first use, so importing `mmu` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmu.analyzer import Analyzer
    from mmu.api import analyze, analyze_many
    from mmu.errors import (
        ConfigError,
        GraphError,
        MediaError,
        MmuError,
        ModelError,
        PolicyError,
        StoreError,
    )
    from mmu.outcome import Outcome
    from mmu.report.schema import Report
    from mmu.request import Request
    from mmu.search.filters import SearchFilters
    from mmu.search.index import SearchIndex

__version__ = "0.1.0"

_HOMES = {
    "Analyzer": "mmu.analyzer",
    "Request": "mmu.request",
    "analyze": "mmu.api",
    "analyze_many": "mmu.api",
    "Outcome": "mmu.outcome",
    "Report": "mmu.report.schema",
    "ConfigError": "mmu.errors",
    "GraphError": "mmu.errors",
    "MediaError": "mmu.errors",
    "MmuError": "mmu.errors",
    "ModelError": "mmu.errors",
    "PolicyError": "mmu.errors",
    "SearchFilters": "mmu.search.filters",
    "SearchIndex": "mmu.search.index",
    "StoreError": "mmu.errors",
}

__all__ = [
    "Analyzer",
    "ConfigError",
    "GraphError",
    "MediaError",
    "MmuError",
    "ModelError",
    "Outcome",
    "PolicyError",
    "Report",
    "Request",
    "SearchFilters",
    "SearchIndex",
    "StoreError",
    "analyze",
    "analyze_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mmu' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
