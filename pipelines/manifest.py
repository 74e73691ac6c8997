"""Read manifests row by row: Parquet, CSV, TSV or JSON lines with a `uri` column.

Other columns are `title`, `topics` (a list, or one text with commas, spaces or `#`), `bytes` and
`version`; further ones are ignored. A row that cannot be used becomes a `BadRow` with the reason.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import fsspec

from mmu.errors import ConfigError
from pipelines.listing import is_glob, list_files
from pipelines.rows import BadRow, Row

ENDINGS = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")
ROWS_PER_READ = 1024
#: characters of a bad row that are kept
SHOWN = 500
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")


def is_manifest(source: str) -> bool:
    """Whether a source names a manifest by its ending."""
    return source.lower().endswith(ENDINGS)


def read_source(source: str, pattern: str = "*") -> Iterator[Row | BadRow]:
    """Rows of a manifest, of several by a glob, or of the files under a folder, prefix or glob.

    Raises:
        ConfigError: the source cannot be opened, or a manifest has no `uri` column.
    """
    if not is_manifest(source):
        yield from list_files(source, pattern)
    elif is_glob(source) and not os.path.exists(source):  # noqa: PTH110
        for one in list_files(source):
            if isinstance(one, BadRow):
                yield one
            else:
                yield from read_manifest(one.uri)
    else:
        yield from read_manifest(source)


def read_manifest(uri: str) -> Iterator[Row | BadRow]:
    """Rows of one manifest; relative `uri`s are relative to its folder.

    Raises:
        ConfigError: it cannot be opened or read, or has no `uri` column.
    """
    base = (uri if _SCHEME.match(uri) else os.path.abspath(uri)).rpartition("/")[0]  # noqa: PTH100
    ending = os.path.splitext(uri)[1].lower()  # noqa: PTH122
    try:
        with fsspec.open(uri, "rb") as file:
            if ending == ".parquet":
                found = _parquet(file, uri)
            elif ending in (".csv", ".tsv"):
                found = _csv(file, uri, "\t" if ending == ".tsv" else ",")
            else:
                found = _json_lines(file)
            for number, data in found:
                where = f"{uri}:{number}"
                yield (
                    BadRow(where, data.reason, data.text)
                    if isinstance(data, BadRow)
                    else _row(data, where, base)
                )
    except FileNotFoundError as error:
        raise ConfigError(f"{uri}: no such manifest") from error
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"{uri}: cannot be read: {error}") from error


_Found = Iterator[tuple[int, Mapping[str, Any] | BadRow]]


def _parquet(file: Any, uri: str) -> _Found:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        columns = [name for name in table.schema_arrow.names if name in _COLUMNS]
        if "uri" not in columns:
            raise _no_uri(uri, table.schema_arrow.names)
        number = 0
        for batch in table.iter_batches(ROWS_PER_READ, columns=columns):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pa.ArrowException as error:
        raise ConfigError(f"{uri}: not a readable Parquet file: {error}") from error


def _csv(file: Any, uri: str, delimiter: str) -> _Found:
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.DictReader(text, delimiter=delimiter, restkey="", strict=True)
    names = reader.fieldnames or []
    if "uri" not in names:
        raise _no_uri(uri, list(names))
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, BadRow("", f"not valid CSV: {error}")
            continue
        if "" in row:
            yield reader.line_num, BadRow("", "more fields than columns", _short(row))
        else:
            yield reader.line_num, row


def _json_lines(file: Any) -> _Found:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        shown = line[:SHOWN].decode(errors="backslashreplace").strip()
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadRow("", f"not valid JSON: {error}", shown)
            continue
        yield number, data if isinstance(data, dict) else BadRow("", "not a JSON object", shown)


_COLUMNS = ("uri", "title", "topics", "bytes", "version")


def _no_uri(uri: str, names: list[str]) -> ConfigError:
    return ConfigError(f"{uri}: no column `uri`; its columns are {', '.join(map(str, names)) or 'none'}")


def _row(data: Mapping[str, Any], where: str, base: str) -> Row | BadRow:
    try:
        uri, title, topics = data.get("uri"), data.get("title"), data.get("topics")
        if not isinstance(uri, str) or not uri.strip():
            raise ValueError("no uri" if uri in (None, "") else f"uri is not text: {uri!r:.80}")
        if title is not None and not isinstance(title, str):
            raise ValueError(f"title is not text: {title!r:.80}")
        uri = uri.strip()
        if not _SCHEME.match(uri) and not uri.startswith("/"):
            uri = f"{base}/{uri}" if base else uri
        if not _SCHEME.match(uri):  # a file has one name, however its folder is written
            uri = os.path.normpath(uri)
        row = Row(uri, _size(data.get("bytes")), str(data.get("version") or ""), title or "", _topics(topics))
        json.dumps(row.to_json(), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return BadRow(where, "not valid UTF-8", _short(data))
    except ValueError as error:
        return BadRow(where, str(error), _short(data))
    return row


def _size(value: Any) -> int:
    if value in (None, ""):
        return 0
    try:
        size = int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"bytes is not a whole number: {value!r:.80}") from None
    if not 0 <= size < 2**62:
        raise ValueError(f"bytes is out of range: {size}")
    return size


def _topics(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(topic for topic in re.split(r"[\s,，;；|#＃]+", value) if topic)
    if isinstance(value, list) and all(isinstance(topic, str) for topic in value):
        return tuple(value)
    raise ValueError(f"topics is neither text nor a list of texts: {value!r:.80}")


def _short(data: Mapping[str, Any]) -> str:
    text = json.dumps(dict(data), ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()[:SHOWN]
