"""Reports and videos from allowed folders only, whatever a task or a report names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mmu.errors import ConfigError, MediaError
from mmu.report.cli import load_report
from mmu.report.playback import playable
from mmu.report.schema import Report
from mmu.review.copies import Copies

#: reports larger than this are not opened
MAX_REPORT = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Media:
    """A video that may be shown."""

    path: Path
    kind: str
    mime: str


class Files:
    """Looks files up inside some folders.

    Args:
        roots: the folders; links that lead out of them are not followed.

    Raises:
        ConfigError: a root is not a folder.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = []
        for root in roots:
            if not root.is_dir():
                raise ConfigError(f"{root}: is not a folder")
            self._roots.append(root.resolve())
        self._copies = Copies(self._roots)

    def inside(self, place: str) -> Path | None:
        """The file that a path or file: URI names, when it lies inside a root; None otherwise."""
        if not place or "\0" in place or "://" in place.removeprefix("file://"):
            return None
        if place.startswith("file://"):
            place = unquote(urlsplit(place).path)
        try:
            path = Path(place)
            candidates = [path] if path.is_absolute() else [root / path for root in self._roots]
            for candidate in candidates:
                real = candidate.resolve(strict=True)
                if real.is_file() and any(real.is_relative_to(root) for root in self._roots):
                    return real
        except (OSError, ValueError, RuntimeError):
            return None
        return None

    def report(self, place: str) -> Report | None:
        """A report; None when it is not there, not allowed or not a report."""
        path = self.inside(place)
        if path is None:
            return None
        try:
            info = path.stat()
            return _report(path, info.st_mtime_ns, info.st_size) if info.st_size <= MAX_REPORT else None
        except (OSError, ConfigError):
            return None

    def media(self, report: Report | None) -> Media | None:
        """The video of a report, when it may be shown and is as large as it was.

        One that is no longer where it was is looked for by its SHA-256, inside the folders only.
        """
        if report is None:
            return None
        try:
            path = self._as_it_was(report) or self._moved(report)
            if path is None:
                return None
            kind, mime = playable(report.media, path)
        except (OSError, MediaError):
            return None
        return Media(path, kind, mime) if kind != "none" else None

    def _as_it_was(self, report: Report) -> Path | None:
        path = self.inside(report.uri)
        if path is None or (report.media and path.stat().st_size != report.media.bytes):
            return None
        return path

    def _moved(self, report: Report) -> Path | None:
        if report.media is None or "://" in report.uri.removeprefix("file://"):
            return None
        found = self._copies.find(report.id, report.media.bytes)
        return self.inside(str(found)) if found else None


@lru_cache(maxsize=64)
def _report(path: Path, changed: int, size: int) -> Report:
    return load_report(path)
