"""Fetch weights that users bring: from their publisher, a mirror or a folder, several at a time, resumed."""

from __future__ import annotations

import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from models.download import Progress, download
from models.errors import ModelError
from models.index import Index
from models.lock import locked
from models.pipconfig import read_pip_config
from models.store import Store, disk_errors, sha256_of
from models.supplied.entries import Entry, EntryFile
from models.supplied.record import Record
from models.supplied.resolve import entry_folder, missing_files, refusal, supplied_folder


def pull_entries(
    store: Store,
    entries: Iterable[Entry],
    *,
    source: str | None = None,
    accepted: Iterable[str] = (),
    jobs: int = 2,
    index: Index | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Bring the files of entries into the store; returns those that had to be fetched.

    Args:
        store: where to, in its folder `supplied/`.
        entries: what.
        source: a folder, or the address of a mirror, that holds the files under their names in
            `ENTRY/FILE`, or as their publisher names them.
        accepted: terms that the caller accepts; remembered in the store.
        jobs: downloads at a time.
        index: HTTP settings, when not those of the user's pip.
        progress: is told what comes.

    Raises:
        ModelError: some could not be had, or their terms were not accepted; the others are there.
    """
    entries, progress = tuple(entries), progress or Progress()
    record = Record(supplied_folder(store))
    asked = {entry.accept for entry in entries if entry.accept}
    if unknown := set(accepted) - asked:
        raise ModelError(
            f"--accept-licence {', '.join(sorted(unknown))}: none of these weights has such terms"
            + (f"; they have: {', '.join(sorted(asked))}" if asked else "")
        )
    record.accept(accepted)
    errors: list[str] = [
        refusal(entry) for entry in entries if entry.accept and entry.accept not in record.accepted()
    ]
    allowed = [entry for entry in entries if not entry.accept or entry.accept in record.accepted()]
    place = _Place(store, source, index, progress)
    todo = [(entry, url, files) for entry in allowed for url, files in _by_url(store, entry).items()]
    fetched: list[Path] = []

    def work(one: tuple[Entry, str, list[EntryFile]]) -> None:
        try:
            fetched.extend(place.fetch(*one))
        except ModelError as error:
            errors.append(f"{one[0].name}: {error}")
        except (OSError, zipfile.BadZipFile) as error:
            errors.append(f"{one[0].name}: {error}")

    with ThreadPoolExecutor(max(1, jobs), thread_name_prefix="pull") as pool:
        try:
            list(pool.map(work, todo))
        except BaseException:
            progress.stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if errors:
        raise ModelError("\n".join(errors))
    return fetched


def _by_url(store: Store, entry: Entry) -> dict[str, list[EntryFile]]:
    missing = set(missing_files(store, entry))
    groups: dict[str, list[EntryFile]] = defaultdict(list)
    for file in entry.files:
        if entry_folder(store, entry) / file.name in missing:
            groups[file.url if file.zipped else f"{file.url}#{file.name}"].append(file)
    return groups


class _Place:
    """Where files come from."""

    def __init__(self, store: Store, source: str | None, index: Index | None, progress: Progress) -> None:
        self._store, self._progress, self._index = store, progress, index
        self._mirror = source.rstrip("/") if source and "://" in source else None
        self._folder = Path(source).expanduser() if source and self._mirror is None else None
        if self._folder is not None and not self._folder.is_dir():
            raise ModelError(f"--from {source}: there is no such folder")

    def fetch(self, entry: Entry, url: str, files: list[EntryFile]) -> list[Path]:
        """Bring files that lie behind one address; nothing is kept that is not as published."""
        url = url.partition("#")[0]
        folder = entry_folder(self._store, entry)
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            files = [file for file in files if not (folder / file.name).is_file()]
            if files and files[0].zipped:
                return self._unzipped(entry, url, files, folder)
            return [self._single(entry, url, file, folder) for file in files]

    def _single(self, entry: Entry, url: str, file: EntryFile, folder: Path) -> Path:
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        coming = target.with_name(target.name + ".coming")
        names = [f"{entry.name}/{file.name}", file.name]
        if "/" not in file.name:  # two files of one entry may have one name in different folders
            names.append(PurePosixPath(urlsplit(url).path).name)
        self._bring(names, url, coming)
        _check(coming, file, url)
        coming.replace(target)
        return target

    def _unzipped(self, entry: Entry, url: str, files: list[EntryFile], folder: Path) -> list[Path]:
        archive = PurePosixPath(urlsplit(url).path).name
        if self._folder is not None:
            unpacked = [self._local([f"{entry.name}/{file.name}", file.name]) for file in files]
            if all(unpacked):
                return [
                    self._single(entry, "", file, folder) for file in files
                ]  # a folder with the files as they come out of the archive
        packed = folder / f"{archive}.coming"
        self._bring([f"{entry.name}/{archive}", archive], url, packed)
        try:
            return [_member(packed, archive, file, folder, url) for file in files]
        finally:
            packed.unlink()

    def _bring(self, names: list[str], url: str, target: Path) -> None:
        """Copy or download one file, from the first place that has it."""
        if self._folder is not None:
            found = self._local(names)
            if found is None:
                known = ", ".join(dict.fromkeys(filter(None, names)))
                raise ModelError(f"{self._folder} holds neither of {known}")
            with disk_errors(target):
                shutil.copyfile(found, target)
            return
        places = [f"{self._mirror}/{name}" for name in dict.fromkeys(names)] if self._mirror else [url]
        if not any(places):
            raise ModelError("its publisher has no direct address; fetch it by hand and use --from")
        index = self._index or Index(read_pip_config())
        for number, place in enumerate(places):
            try:
                download(index, place, target, sha256=None, progress=self._progress)
                return
            except ModelError:
                if number == len(places) - 1:
                    raise

    def _local(self, names: list[str]) -> Path | None:
        if self._folder is None:
            return None
        paths = [self._folder / name for name in names if name]
        return next((path for path in paths if path.is_file()), None)


def _member(packed: Path, archive: str, file: EntryFile, folder: Path, url: str) -> Path:
    """Take one file out of an archive, by its name in whatever folder."""
    with zipfile.ZipFile(packed) as opened:
        members = {PurePosixPath(name).name: name for name in opened.namelist()}
        if (member := members.get(PurePosixPath(file.name).name)) is None:
            raise ModelError(f"{archive} has no {file.name} in it")
        coming = folder / f"{file.name}.coming"
        with opened.open(member) as stream, coming.open("wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
    _check(coming, file, url)
    coming.replace(folder / file.name)
    return folder / file.name


def _check(path: Path, file: EntryFile, url: str) -> None:
    if file.sha256 and not (found := sha256_of(path)).startswith(file.sha256):
        path.unlink()
        raise ModelError(
            f"{file.name} from {url or 'the folder'} has SHA-256 {found}, its publisher states "
            f"{file.sha256}; nothing was kept"
        )
