"""From what a caller names (path, URI, file object) to a local file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from mmu.errors import MediaError
from mmu.media.http import download
from mmu.media.options import DecodeOptions
from mmu.media.streams import suffix_of

Source = str | os.PathLike[str] | BinaryIO

#: fsspec schemes that are opened; local and chained ones (`zip::`, `simplecache::`) are not.
REMOTE_SCHEMES = frozenset(
    {"abfs", "abfss", "adl", "az", "cos", "cosn", "ftp", "gcs", "gs", "hdfs", "memory", "obs", "oss"}
    | {"s3", "s3a", "sftp", "ssh", "webhdfs"}
)
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Local:
    """A local regular file, its name for reports, and its ending."""

    uri: str
    path: Path
    suffix: str
    size: int


def resolve(source: Source, options: DecodeOptions, folder: Path) -> Local:
    """A local file for `source`; what is not local is copied into `folder`.

    Raises:
        MediaError: not found, not a file, empty, too large, a scheme that is not allowed, a
            download that failed.
    """
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        match = _SCHEME.match(text) if isinstance(source, str) else None
        if match is None:
            return _local(Path(text), text, options)
        scheme = match[1].lower()
        if scheme == "file":
            return _local(Path(unquote(urlsplit(text).path)), text, options)
        suffix = suffix_of(text)
        if scheme in ("http", "https"):
            chunks: Iterator[bytes] = download(text, options)
        elif scheme in REMOTE_SCHEMES:
            chunks = _fsspec(text)
        else:
            allowed = ", ".join(["file", "http", "https", *sorted(REMOTE_SCHEMES)])
            raise MediaError(
                f"{text}: scheme {scheme!r} is not allowed; allowed are {allowed}", code="scheme"
            )
        return _copied(text, suffix, chunks, options, folder)
    if not hasattr(source, "read"):
        raise MediaError(f"cannot open a {type(source).__name__}: give a path, URI or file", code="source")
    name = getattr(source, "name", None)
    uri = name if isinstance(name, str) else "<file object>"
    return _copied(uri, suffix_of(uri), _read_chunks(source), options, folder)


def _local(path: Path, uri: str, options: DecodeOptions) -> Local:
    try:
        info = path.stat()
        with path.open("rb") if stat.S_ISREG(info.st_mode) else _nothing():
            pass
    except FileNotFoundError as exc:
        raise MediaError(f"{uri}: no such file", code="not_found") from exc
    except PermissionError as exc:
        raise MediaError(f"{uri}: no permission to read the file", code="no_permission") from exc
    except (OSError, ValueError) as exc:
        raise MediaError(f"{uri}: cannot be opened: {exc}", code="unreadable") from exc
    if not stat.S_ISREG(info.st_mode):
        kind = "a folder" if stat.S_ISDIR(info.st_mode) else "not a regular file"
        raise MediaError(f"{uri}: is {kind}", code="not_a_file")
    if info.st_size == 0:
        raise MediaError(f"{uri}: the file is empty (0 bytes)", code="empty_file")
    if info.st_size > options.max_bytes:
        raise _too_large(uri, options)
    return Local(uri, path, suffix_of(path.name), info.st_size)


def _copied(uri: str, suffix: str, chunks: Iterator[bytes], options: DecodeOptions, folder: Path) -> Local:
    path = folder / "source"
    size = 0
    with path.open("xb") as out:
        for chunk in chunks:
            size += len(chunk)
            if size > options.max_bytes:
                raise _too_large(uri, options)
            out.write(chunk)
    if size == 0:
        raise MediaError(f"{uri}: the file is empty (0 bytes)", code="empty_file")
    return Local(uri, path, suffix, size)


def _read_chunks(file: Any) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        if not isinstance(chunk, bytes):
            raise MediaError("the file object gives text; open it in binary mode", code="source")
        yield chunk


def _fsspec(uri: str) -> Iterator[bytes]:
    import fsspec

    if "::" in uri:
        raise MediaError(f"{uri}: chained URIs are not allowed", code="scheme")
    try:
        with fsspec.open(uri, "rb") as file:
            yield from _read_chunks(file)
    except FileNotFoundError as exc:
        raise MediaError(f"{uri}: no such file", code="not_found") from exc
    except (ImportError, ValueError) as exc:
        raise MediaError(f"{uri}: {exc}", code="scheme") from exc
    except MediaError:
        raise
    except Exception as exc:
        # Every store's client has errors of its own.
        raise MediaError(f"{uri}: cannot be read: {exc}", code="unreadable") from exc


def _too_large(uri: str, options: DecodeOptions) -> MediaError:
    limit = options.max_bytes / 2**20
    return MediaError(f"{uri}: the file is too large, the limit is {limit:.0f} MiB", code="file_too_large")


class _nothing:  # noqa: N801 - a context manager used like a function
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
