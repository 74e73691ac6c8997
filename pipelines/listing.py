"""List the files of a source through fsspec."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import fsspec

from mmu.errors import ConfigError


def list_files(source: str, pattern: str = "*") -> list[dict[str, Any]]:
    """Rows `{uri, bytes}` of the files under a folder or prefix, or of one file, biggest first.

    Big files first keeps one long video from running alone at the end. Hidden
    files (`.name`) are left out.

    Raises:
        ConfigError: the scheme is unknown, its package is not installed, or nothing is there.
    """
    try:
        system, path = fsspec.core.url_to_fs(source)
        found = system.find(path, detail=True)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"cannot open {source}: {error}") from error
    except OSError as error:
        raise ConfigError(f"cannot list {source}: {error}") from error
    if not found and not system.exists(path):
        raise ConfigError(f"nothing at {source}")
    local = system.protocol in ("file", "local") or "file" in system.protocol
    rows = [
        {"uri": name if local else system.unstrip_protocol(name), "bytes": int(facts.get("size") or 0)}
        for name, facts in found.items()
        if _wanted(name.rsplit("/", 1)[-1], pattern)
    ]
    return sorted(rows, key=lambda row: (-row["bytes"], row["uri"]))


def _wanted(name: str, pattern: str) -> bool:
    return not name.startswith(".") and fnmatch(name, pattern)
