"""What a caller hands in: sources, topics, and how they are named."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

Source = str | os.PathLike[str] | BinaryIO


@dataclass(frozen=True, slots=True)
class Request:
    """One video with the words its user gave it."""

    source: Source
    title: str = ""
    topics: Sequence[str] = field(default_factory=tuple)


def digest(*texts: str) -> str:
    """SHA-256 of one text, or of several in order; of a lone SHA-256 it is that itself."""
    if len(texts) == 1 and len(texts[0]) == 64:
        return texts[0]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def clean_topics(topics: Sequence[str]) -> list[str]:
    """The topics without `#`; one string may hold several, apart by `#`, commas or spaces."""
    if isinstance(topics, str):
        topics = re.split(r"[\s,，#＃]+", topics)
    return [plain for topic in topics if (plain := topic.strip().lstrip("#＃").strip())]


def describe(source: Source) -> str:
    """The source as reports name it."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "") or "<file object>")
