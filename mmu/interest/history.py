"""What a user's history says of a video not seen before: history profile times candidate features."""

from __future__ import annotations

import csv
import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.interest.table import Group, Table

#: tokens of a group that are kept, those of most videos first
MOST_TOKENS = 256
#: clicked videos of a user that a candidate is compared with one by one
RECENT = 20
#: what a history says in each group, beside the candidate's own numbers
MATCHES = ("tokens_clicked", "tokens_passed", "tokens_nearest", "numbers_clicked", "numbers_passed")


class Event(NamedTuple):
    """A video was shown to a user; `time` in any unit that grows."""

    user: str
    video: str
    clicked: bool
    time: float


def read_events(path: Path) -> list[Event]:
    """Read a CSV file with the columns user, video, clicked (0 or 1) and time, in order of time.

    Raises:
        ConfigError: it cannot be read, lacks a column, or a value is wrong; the message names the line.
    """
    events = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                try:
                    clicked, time = {"0": False, "1": True}[row["clicked"].strip()], float(row["time"])
                    if not math.isfinite(time):
                        raise ValueError(row["time"])
                    events.append(Event(row["user"], row["video"], clicked, time))
                except (KeyError, ValueError, AttributeError) as error:
                    wanted = "columns user, video, clicked (0 or 1), time (a number)"
                    raise ConfigError(f"{path} line {number}: {error!r}; wanted: {wanted}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the events {path}: {error}") from error
    return sorted(events, key=lambda event: event.time)


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """One group as vectors: tokens weighted by rarity, numbers in standard deviations; rows L2-normalised."""

    names: list[str]
    raw: NDArray[np.float32]
    tokens: NDArray[np.float32]
    numbers: NDArray[np.float32]


def space(group: Group, fitted: Sequence[int]) -> Space:
    """Vectors of a group; means, deviations and rarity are taken from the rows `fitted` alone."""
    counts = Counter(token for row in fitted for token in group.tokens[row])
    kept = {token: at for at, (token, _) in enumerate(counts.most_common(MOST_TOKENS))}
    table = np.zeros((len(group.tokens), max(1, len(kept))), np.float32)
    for row, tokens in enumerate(group.tokens):
        for token, weight in tokens.items():
            if token in kept:
                table[row, kept[token]] = weight * math.log((1 + len(fitted)) / counts[token])
    raw = group.continuous
    known = np.where(np.isfinite(raw[list(fitted)]), raw[list(fitted)], 0.0)
    spread = np.maximum(known.std(axis=0), 1e-6)
    numbers = np.where(np.isfinite(raw), (raw - known.mean(axis=0)) / spread, 0.0)
    return Space(group.columns, raw, _normalised(table), _normalised(numbers.astype(np.float32)))


@dataclass(slots=True)
class _User:
    clicked: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)
    passed: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))


class Histories:
    """The users' histories so far, in the spaces of the groups."""

    def __init__(self, spaces: dict[str, Space]) -> None:
        self._spaces = spaces
        self._users: dict[str, _User] = {}

    def add(self, user: str, row: int, clicked: bool) -> None:
        """A user was shown the video of a row."""
        known = self._users.setdefault(user, _User())
        side = known.clicked if clicked else known.passed
        for name, one in self._spaces.items():
            sums = side.setdefault(name, [np.zeros_like(one.tokens[row]), np.zeros_like(one.numbers[row])])
            sums[0] += one.tokens[row]
            sums[1] += one.numbers[row]
        if clicked:
            known.recent.append(row)

    def describe(self, user: str, row: int, group: str) -> list[float]:
        """The features of a candidate for a user: what the history says (`MATCHES`), and its own numbers.

        NaN stands for what an empty history cannot say.
        """
        one, known = self._spaces[group], self._users.get(user)
        matches = [math.nan] * len(MATCHES)
        if known is not None:
            for side, places in ((known.clicked, (0, 3)), (known.passed, (1, 4))):
                if group in side:
                    matches[places[0]] = _cosine(side[group][0], one.tokens[row])
                    matches[places[1]] = _cosine(side[group][1], one.numbers[row])
            if known.recent:
                matches[2] = float((one.tokens[list(known.recent)] @ one.tokens[row]).max())
        return [*matches, *one.raw[row].tolist()]


def rows_of(table: Table) -> dict[str, int]:
    """Row of each video, by id and by URI."""
    by_uri = {uri: row for row, uri in enumerate(table.uris)}
    return by_uri | {one: row for row, one in enumerate(table.ids)}


def _cosine(sums: NDArray[np.float32], vector: NDArray[np.float32]) -> float:
    size = float(np.linalg.norm(sums))
    return float(sums @ vector) / size if size > 0 else 0.0


def _normalised(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)
