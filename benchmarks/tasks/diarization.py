"""Diarization error rate: who spoke when, against an RTTM file or listed turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Turn = tuple[float, float]
Turns = Mapping[str, Sequence[Turn]]
#: seconds between two looks, and around each true boundary that are not scored
STEP, COLLAR = 0.01, 0.25


class Errors(NamedTuple):
    """Seconds of each kind of error, and of speech in all (overlapping speech counts for each speaker)."""

    missed: float
    false_alarm: float
    confused: float
    total: float

    @property
    def rate(self) -> float:
        """Diarization error rate; 0 is perfect, it can exceed 1."""
        wrong = self.missed + self.false_alarm + self.confused
        return wrong / self.total if self.total else float(wrong > 0)


def errors(truth: Turns, found: Turns, *, collar: float = COLLAR) -> Errors:
    """Errors under the best one-to-one mapping of speakers, overlaps scored (NIST md-eval).

    Args:
        truth: turns in seconds by speaker.
        found: the same, under any names.
        collar: seconds on either side of each true boundary that are left out.
    """
    ends = [end for turns in (*truth.values(), *found.values()) for _, end in turns]
    size = int(np.ceil(max(ends, default=0.0) / STEP)) + 1
    true, heard = _activity(truth, size), _activity(found, size)
    scored = np.ones(size, bool)
    if collar:
        for turns in truth.values():
            for time in (edge for turn in turns for edge in turn):
                scored[max(0, round((time - collar) / STEP)) : round((time + collar) / STEP)] = False
    true, heard = true[:, scored], heard[:, scored]
    together = true.astype(np.float64) @ heard.T.astype(np.float64)
    rows, columns = linear_sum_assignment(-together)
    right = np.zeros(true.shape[1], int)
    for row, column in zip(rows, columns, strict=True):
        right += true[row] & heard[column]
    speaking, claimed = true.sum(axis=0), heard.sum(axis=0)
    missed = np.maximum(speaking - claimed, 0).sum()
    false_alarm = np.maximum(claimed - speaking, 0).sum()
    confused = (np.minimum(speaking, claimed) - right).sum()
    return Errors(*(float(value) * STEP for value in (missed, false_alarm, confused, speaking.sum())))


def _activity(turns: Turns, size: int) -> NDArray[np.bool_]:
    out = np.zeros((len(turns), size), bool)
    for row, spans in zip(out, turns.values(), strict=True):
        for start, end in spans:
            row[round(start / STEP) : round(end / STEP)] = True
    return out


def read_truth(root: Path, entry: Mapping[str, Any]) -> dict[str, list[Turn]] | None:
    """Turns of an entry by speaker; None when only the number of speakers is known."""
    turns: dict[str, list[Turn]] = {}
    if "rttm" in entry:
        for line in (root / entry["rttm"]).read_text(encoding="utf-8").splitlines():
            part = line.split()
            if len(part) >= 8 and part[0] == "SPEAKER" and entry.get("uri", part[1]) == part[1]:
                start = float(part[3])
                turns.setdefault(part[7], []).append((start, start + float(part[4])))
        return turns
    for one in entry.get("turns", ()):
        turns.setdefault(one["speaker"], []).append((one["start"], one["end"]))
    return turns or None
