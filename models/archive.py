"""One way to look into the two kinds of package files: wheels (zip) and source archives (tar.gz)."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from zipfile import ZipFile

from models.errors import ModelError


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive; `packed` is what it takes there, where that is known."""

    name: str
    size: int
    packed: int


class Archive(Protocol):
    """An open package file. Members are only read, never written to disk under their own names."""

    name: str

    def members(self) -> list[Member]:
        """Return all regular files."""

    def open(self, member: str) -> IO[bytes]:
        """Open one file.

        Raises:
            KeyError: it is not there.
        """

    def close(self) -> None:
        """Let go of the file."""


class WheelArchive:
    """A wheel."""

    def __init__(self, source: Path | IO[bytes], name: str) -> None:
        self.name = name
        self._zip = ZipFile(source)

    def members(self) -> list[Member]:
        infos = (info for info in self._zip.infolist() if not info.is_dir())
        return [Member(info.filename, info.file_size, info.compress_size) for info in infos]

    def open(self, member: str) -> IO[bytes]:
        return self._zip.open(member)

    def close(self) -> None:
        self._zip.close()


class SourceArchive:
    """A source archive."""

    def __init__(self, source: Path, name: str) -> None:
        self.name = name
        self._tar = tarfile.open(source, "r:*")  # noqa: SIM115 (closed by close)

    def members(self) -> list[Member]:
        return [Member(m.name, m.size, m.size) for m in self._tar.getmembers() if m.isfile()]

    def open(self, member: str) -> IO[bytes]:
        stream = self._tar.extractfile(member)
        if stream is None:
            raise KeyError(f"{member} is not a file")
        return stream

    def close(self) -> None:
        self._tar.close()


def open_archive(path: Path) -> Archive:
    """Open a package file by the kind that its name tells.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        wheel = path.name.endswith(".whl")
        return WheelArchive(path, path.name) if wheel else SourceArchive(path, path.name)
    except Exception as error:
        # zipfile and tarfile raise a dozen kinds of error on damaged files; all mean the same here.
        raise ModelError(f"{path.name} cannot be opened: {error}; the file is damaged") from error
