"""Stream the files of a folder, bucket prefix or glob: no listing is ever held whole.

Local folders are walked entry by entry, S3 is asked page by page (1,000 keys),
other stores folder by folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from typing import Any

import fsspec
from fsspec.utils import glob_translate

from mmu.errors import ConfigError
from pipelines.rows import BadRow, Row
from pipelines.storage import retrying

_MAGIC = re.compile(r"[*?\[]")


def list_files(source: str, pattern: str = "*") -> Iterator[Row | BadRow]:
    """Rows of the files under a folder or prefix, of one file, or of a glob (`**` is deep).

    Hidden files and folders (`.name`) are left out, and files whose name does not fit `pattern`.

    Raises:
        ConfigError: the scheme is unknown, its package is not installed, nothing is there, or it
            cannot be listed.
    """
    base, match = _split_glob(source)
    try:
        fs, path = fsspec.core.url_to_fs(base)
        local = "file" in _protocols(fs)
        # A file has one name, however its folder is written.
        path = os.path.normpath(path) if local else path.rstrip("/") or path
        found = False
        for entry in _entries(fs, path):
            found = True
            name = entry.uri
            if not _wanted(name.removeprefix(path), pattern):
                continue
            if match is not None and not match.match(name):
                continue
            yield _row(fs, entry, local)
        if not found and not fs.exists(path):
            raise ConfigError(f"nothing at {base}")
    except (ImportError, ValueError) as error:
        raise ConfigError(f"cannot open {source}: {error}") from error
    except FileNotFoundError as error:
        raise ConfigError(f"nothing at {base}") from error
    except OSError as error:
        raise ConfigError(f"cannot list {source}: {error}") from error


def is_glob(source: str) -> bool:
    """Whether a source has wildcards."""
    return bool(_MAGIC.search(source.partition("://")[2] or source))


def _split_glob(source: str) -> tuple[str, re.Pattern[str] | None]:
    """The part before the first wildcard's folder, and what whole paths must match."""
    if not is_glob(source) or os.path.exists(source):  # noqa: PTH110 - a file may be called [1].mp4
        return source, None
    scheme, mark, rest = source.rpartition("://")
    base = rest[: _MAGIC.search(rest).start()].rpartition("/")[0]  # type: ignore[union-attr]
    if not mark:
        base, rest = os.path.abspath(base), os.path.abspath(rest)  # noqa: PTH100
    return f"{scheme}{mark}{base or '/'}", re.compile(glob_translate(rest))


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _entries(fs: Any, path: str) -> Iterator[Row]:
    """Files as rows whose `uri` is still the store's own path."""
    protocols = _protocols(fs)
    if "file" in protocols:
        yield from _walk_local(path)
    elif "s3" in protocols and hasattr(fs, "call_s3"):
        yield from _page_s3(fs, path)
    else:
        yield from _walk(fs, path)


def _walk_local(path: str) -> Iterator[Row]:
    if not os.path.isdir(path):  # noqa: PTH112
        facts = os.stat(path)  # noqa: PTH116
        yield Row(path, facts.st_size, str(facts.st_mtime_ns))
        return
    folders = [path]
    while folders:
        folder = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                try:
                    facts = entry.stat()
                    size, version = facts.st_size, str(facts.st_mtime_ns)
                except OSError:  # a dangling link: reading it will say so
                    size, version = 0, ""
                if not entry.is_dir():
                    yield Row(entry.path, size, version)


def _page_s3(fs: Any, path: str) -> Iterator[Row]:
    bucket, _, prefix = path.partition("/")
    more: dict[str, str] = {}
    single = True
    # A folder's own prefix ends in `/`, so that `videos` does not list `videos-old`.
    ask = partial(fs.call_s3, "list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/" if prefix else "")
    while True:
        page = retrying(partial(ask, **more))
        for item in page.get("Contents", ()):
            single = False
            if not item["Key"].endswith("/"):
                yield Row(f"{bucket}/{item['Key']}", int(item["Size"]), str(item.get("ETag", "")).strip('"'))
        if not page.get("IsTruncated"):
            break
        more = {"ContinuationToken": page["NextContinuationToken"]}
    if single and prefix and fs.isfile(path):
        facts = fs.info(path)
        yield Row(path, int(facts.get("size") or 0), str(facts.get("ETag", "")).strip('"'))


def _walk(fs: Any, path: str) -> Iterator[Row]:
    if fs.isfile(path):
        yield _fact_row(fs.info(path))
        return
    folders = [path]
    while folders:
        folder = folders.pop()
        for facts in retrying(partial(fs.ls, folder, detail=True)):
            if facts["type"] == "directory":
                folders.append(facts["name"])
            else:
                yield _fact_row(facts)
        fs.invalidate_cache(folder)


def _fact_row(facts: dict[str, Any]) -> Row:
    version = next(
        (
            str(facts[name])
            for name in ("etag", "ETag", "generation", "mtime", "LastModified")
            if facts.get(name)
        ),
        "",
    )
    return Row(facts["name"], int(facts.get("size") or 0), version.strip('"'))


def _row(fs: Any, entry: Row, local: bool) -> Row | BadRow:
    try:
        entry.uri.encode()
    except UnicodeEncodeError:
        shown = entry.uri.encode("utf-8", "backslashreplace").decode()
        return BadRow(shown, "the file's name is not valid UTF-8; rename it", shown)
    uri = entry.uri if local else str(fs.unstrip_protocol(entry.uri))
    return Row(uri, entry.bytes, entry.version)


def _wanted(below: str, pattern: str) -> bool:
    parts = below.split("/")
    return not any(part.startswith(".") for part in parts) and (not parts[-1] or fnmatch(parts[-1], pattern))
