"""The rows of a job: what is to be analysed, and what cannot be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One video with the words its user gave it."""

    uri: str
    #: size of the file; 0 when the source does not say
    bytes: int = 0
    #: what changes when the file does: ETag, generation or time of change; empty when unknown
    version: str = ""
    title: str = ""
    topics: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """32 hexadecimal digits: equal for the same file with the same words, without reading it."""
        return _hash([self.uri, self.bytes, self.version, self.title, list(self.topics)])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        """The row that `to_json` made."""
        return cls(**{**data, "topics": tuple(data["topics"])})


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a manifest, or an entry of a listing, that names no video."""

    #: manifest or folder, and line or row number
    where: str
    reason: str
    #: the row as found, shortened
    text: str = ""

    @property
    def key(self) -> str:
        return _hash(["bad", self.where, self.text])


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()[:32]
