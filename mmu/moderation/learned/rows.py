"""Labelled rows: one JSON object a line with the words of a video and its label."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError
from mmu.moderation.texts import Words

#: how rows write that there is no such text
_ABSENT = frozenset({"", "null", "none", "nan"})
#: names under which a field may stand
TITLE = ("title",)
SCREEN = ("OCR", "ocr", "screen", "on_screen_text")
SPEECH = ("ASR", "asr", "speech", "transcript")
LABEL = ("tag", "label")
#: the label of compliant rows, if a file has one of these
SAFE_LABELS = ("正向", "pass", "safe", "compliant", "正常")


@dataclass(frozen=True, slots=True)
class Row:
    """The words of one video and what a person said of it."""

    words: Words
    label: str


def words_of(row: dict[str, Any]) -> Words:
    """The texts of a row; `|` parts frames and segments."""
    return Words(_text(row, TITLE), _text(row, SCREEN), _text(row, SPEECH))


def read_rows(path: Path) -> list[Row]:
    """Rows of a JSON Lines file.

    Raises:
        ConfigError: it cannot be read, or a line (named by its number) is not a labelled row.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the labelled rows {path}: {error}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(data, dict):
            raise ConfigError(f"{path}:{number}: a JSON object is needed, not {type(data).__name__}")
        label = _text(data, LABEL)
        if not label:
            raise ConfigError(f"{path}:{number}: no label; it stands under {' or '.join(LABEL)}")
        if not any(name in data for name in (*TITLE, *SCREEN, *SPEECH)):
            raise ConfigError(f"{path}:{number}: none of the fields title, {SCREEN[0]} and {SPEECH[0]}")
        rows.append(Row(words_of(data), label))
    if not rows:
        raise ConfigError(f"{path}: no rows")
    return rows


def safe_label_of(labels: list[str], wanted: str | None = None) -> str:
    """The label of compliant rows.

    Raises:
        ConfigError: the wanted one is not among the labels, or none of the usual ones is.
    """
    known = set(labels)
    if wanted is not None:
        if wanted not in known:
            raise ConfigError(f"no row has the safe label {wanted!r}; labels: {', '.join(sorted(known))}")
        return wanted
    for label in SAFE_LABELS:
        if label in known:
            return label
    raise ConfigError(
        f"which label means compliant? name it with --safe-label; labels: {', '.join(sorted(known))}"
    )


def _text(row: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if name in row:
            value = row[name]
            if isinstance(value, list):
                value = "|".join(str(part) for part in value)
            text = str("" if value is None else value).strip()
            return "" if text.lower() in _ABSENT else text
    return ""
