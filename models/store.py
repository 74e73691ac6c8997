"""The local weights store: content-addressed, written atomically, read offline.

Layout under `$MMU_HOME/models` (default: the platform's data folder of `mmu`):

    sha256/<aa>/<sha256>            the bytes, named by their hash
    sha256/<aa>/<sha256>.licence    under what terms they come, beside them
    views/<model>-<key>/<file>      the same files under their manifest names, as links
    downloads/, tmp/, locks/        work in progress

Runtimes that go by a file's extension (OpenCV) or want a folder (CTranslate2)
are given paths in a view. `<key>` is a digest of the file hashes, so two
versions of the project can share a store.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from models.errors import ModelError
from models.manifest import Manifest, Model, ModelFile, load_manifest

Status = Literal["ok", "missing", "damaged"]
CHUNK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST}
_STALE_SECONDS = 24 * 3600.0


def default_root() -> Path:
    """Return `$MMU_HOME`, or the platform's data folder for `mmu`."""
    if home := os.environ.get("MMU_HOME"):
        return Path(home).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("mmu", appauthor=False))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into a `ModelError` that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ModelError(
                f"the disk is full: cannot write under {where}; free some space there, "
                "or set MMU_HOME to a folder on a larger disk"
            ) from error
        if error.errno in _DENIED:
            raise ModelError(
                f"cannot write under {where} ({error.strerror}); "
                "set MMU_HOME to a folder that you may write, or pull as the user who owns it"
            ) from error
        raise


class Store:
    """Weights on disk, found by the names of the manifest.

    Reading never writes and never touches the network, so a store may be
    shared read-only. `models.pull` fills it.

    Args:
        root: the folder to use in place of `$MMU_HOME` or the platform's data folder.
        manifest: the list to go by in place of the one that ships with the package.
    """

    def __init__(
        self, root: str | os.PathLike[str] | None = None, *, manifest: Manifest | None = None
    ) -> None:
        self.root = (Path(root).expanduser() if root is not None else default_root()) / "models"
        self.manifest = manifest if manifest is not None else load_manifest()

    def file(self, model: str, name: str | None = None) -> Path:
        """Return the path of one file of a model; `name` may be left out when it has only one.

        Raises:
            ModelError: an unknown name, or the file was not pulled yet.
        """
        entry = self.manifest.model(model)
        path = self.view_path(entry) / entry.file(name).name
        if not path.is_file() or path.stat().st_size != entry.file(name).bytes:
            raise ModelError(
                f"weights of {model!r} ({path.name}) are not in the store {self.root}: "
                f"run `mmu models pull {model}`"
            )
        return path

    def folder(self, model: str) -> Path:
        """Return a folder in which all files of a model have their manifest names.

        Raises:
            ModelError: an unknown name, or not all of it was pulled yet.
        """
        entry = self.manifest.model(model)
        for file in entry.files:
            self.file(model, file.name)
        return self.view_path(entry)

    def has(self, model: str) -> bool:
        """Tell whether all files of a model are there, by name and size."""
        try:
            self.folder(model)
        except ModelError:
            return False
        return True

    def licence(self, model: str, name: str | None = None) -> str:
        """Return the licence text kept beside a file.

        Raises:
            ModelError: an unknown name, or the file was not pulled yet.
        """
        path = self.licence_path(self.manifest.model(model).file(name))
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise ModelError(
                f"the licence of {model!r} is not in the store: run `mmu models pull {model}`"
            ) from error

    def check(self, file: ModelFile) -> Status:
        """Read a file's bytes and compare size and SHA-256 with the manifest."""
        path = self.object_path(file)
        if not path.is_file():
            return "missing"
        if path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            return "damaged"
        return "ok"

    def object_path(self, file: ModelFile) -> Path:
        """Return where the bytes of a file are, or would be."""
        return self.root / "sha256" / file.sha256[:2] / file.sha256

    def licence_path(self, file: ModelFile) -> Path:
        """Return where the licence of a file is, or would be."""
        return self.object_path(file).with_name(f"{file.sha256}.licence")

    def view_path(self, model: Model) -> Path:
        """Return the folder of a model's files by name, or where it would be."""
        key = hashlib.sha256("\n".join(f"{f.name} {f.sha256}" for f in model.files).encode()).hexdigest()
        return self.root / "views" / f"{model.name}-{key[:12]}"

    def add(self, file: ModelFile, content: Iterator[bytes], licence: str) -> None:
        """Write one file: to a temporary name, checked, flushed, then renamed into place.

        Raises:
            ModelError: the bytes are not those of the manifest, or the disk refuses.
        """
        with self.temporary() as temp:
            digest, size = hashlib.sha256(), 0
            with disk_errors(self.root), temp.open("wb") as out:
                for chunk in content:
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
                flush(out)
            if size != file.bytes or digest.hexdigest() != file.sha256:
                raise ModelError(
                    f"{file.name} is not the file that the manifest lists: SHA-256 {digest.hexdigest()} "
                    f"({size:,} bytes) instead of {file.sha256} ({file.bytes:,} bytes); nothing was kept. "
                    "A mirror may hold a changed copy: pull from another index or with --from"
                )
            with disk_errors(self.root):
                self.object_path(file).parent.mkdir(parents=True, exist_ok=True)
                temp.chmod(0o644)
                # The licence goes first: bytes in the store always have their terms beside them.
                self._write_text(self.licence_path(file), licence)
                temp.replace(self.object_path(file))
                sync_folder(self.object_path(file).parent)

    def link(self, model: Model) -> None:
        """Make the folder of a model's files by name, from files already in the store.

        Raises:
            ModelError: the disk refuses.
        """
        view = self.view_path(model)
        with disk_errors(self.root):
            view.mkdir(parents=True, exist_ok=True)
            for file in model.files:
                target, link = self.object_path(file), view / file.name
                if link.is_file() and link.samefile(target):
                    continue
                with self.temporary() as temp:
                    try:
                        temp.symlink_to(os.path.relpath(target, view))
                    except OSError:
                        # No symbolic links here (Windows without the right, some network shares).
                        shutil.copyfile(target, temp)
                    temp.replace(link)

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """Give a fresh name on the store's own disk; what is left there at the end is removed."""
        folder = self.root / "tmp"
        with disk_errors(self.root):
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder)
            os.close(handle)
            path = Path(name)
            path.unlink()
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed processes left behind more than a day ago."""
        for folder in ("tmp", "downloads"):
            for path in (self.root / folder).glob("*"):
                with contextlib.suppress(OSError):
                    if time.time() - path.lstat().st_mtime > _STALE_SECONDS:
                        path.unlink()

    def _write_text(self, path: Path, text: str) -> None:
        with self.temporary() as temp:
            with temp.open("w", encoding="utf-8") as out:
                out.write(text)
            temp.replace(path)


def flush(file: BinaryIO) -> None:
    """Force what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force a rename in `folder` to the disk, where the platform lets a folder be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
