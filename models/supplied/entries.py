"""The entries of `models/supplied/*.toml` as typed values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.errors import ModelError

_FOLDER = Path(__file__).parent
_HEX = re.compile(r"([0-9a-f]{8,64})?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True)
class EntryFile:
    """One file of an entry."""

    #: where it lies in the entry's folder, as in `model.pt`
    name: str
    #: where its publisher serves it; empty when it has to be fetched by hand
    url: str
    #: SHA-256, or the beginning of it, as the publisher states it; empty when it states none
    sha256: str
    #: whether `url` is a zip archive that has the file in it, under this name in whatever folder
    zipped: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """The weights of one network that an adapter can run."""

    name: str
    #: the adapter and its `model`
    adapter: str
    model: str
    version: str
    task: str
    #: page of the publisher
    upstream: str
    licence_code: str
    licence_weights: str
    #: name of terms that forbid commercial use and have to be accepted; empty when there are none
    accept: str
    #: parameters, memory, published figures with their source
    facts: str
    files: tuple[EntryFile, ...]
    #: whether the gpu profile uses it
    default: bool = False

    @property
    def source(self) -> str:
        """Name and version, as a signal's source has them."""
        return f"{self.name}@{self.version}"


def read_entries(path: Path) -> list[Entry]:
    """Read one file of entries.

    Raises:
        ModelError: not TOML, or an entry is wrong; the message names it.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"cannot read the list of weights {path}: {error}") from error
    return [_entry(one, path) for one in data.get("weights", [])]


@cache
def load_entries() -> tuple[Entry, ...]:
    """All entries that ship with the package, in order of file name and place in it."""
    entries = [entry for path in sorted(_FOLDER.glob("*.toml")) for entry in read_entries(path)]
    names = [entry.name for entry in entries]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ModelError(f"weights listed more than once: {', '.join(sorted(doubled))}")
    return tuple(entries)


def find_entry(adapter: str, model: str) -> Entry | None:
    """The entry of an adapter's network; None for a network that is not listed."""
    return next((one for one in load_entries() if (one.adapter, one.model) == (adapter, model)), None)


def select_entries(names: Iterable[str]) -> tuple[Entry, ...]:
    """The named entries.

    Raises:
        ModelError: an unknown name.
    """
    known = {entry.name: entry for entry in load_entries()}
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in known]:
        raise ModelError(f"unknown weights {', '.join(unknown)}; known are: {', '.join(known)}")
    return tuple(known[name] for name in wanted)


def _entry(data: dict[str, Any], path: Path) -> Entry:
    name = str(data.get("name", "?"))
    keys = {
        "name",
        "adapter",
        "model",
        "version",
        "task",
        "upstream",
        "licence_code",
        "licence_weights",
        "facts",
    }
    try:
        texts = {key: _text(data[key]) for key in keys}
        files = tuple(_file(one) for one in data["files"])
        if not files:
            raise ValueError("lists no file")
        return Entry(
            **texts, accept=str(data.get("accept", "")), files=files, default=bool(data.get("default", False))
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"{path.name}, weights {name!r}: {what}") from error


def _file(data: dict[str, Any]) -> EntryFile:
    name, digest = _text(data["name"]), str(data.get("sha256", ""))
    if not _PLAIN.fullmatch(name):
        raise ValueError(f"file name {name!r} is not a plain name")
    if not _HEX.fullmatch(digest):
        raise ValueError(f"file {name!r}: sha256 {digest!r} is not 8 to 64 lower-case hex digits")
    return EntryFile(name, str(data.get("url", "")), digest, bool(data.get("zipped", False)))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected a text, got {value!r}")
    return value
