"""Examples as a user names them: a clip, a stored report, a file of texts, or words."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmu.errors import ConfigError, MediaError
from mmu.outcome import Outcome
from mmu.reasoning.similarity import Embedder
from mmu.report.cli import load_report
from mmu.report.schema import Report
from mmu.signals import Signal
from mmu.taught.spaces import Example, signal_example, text_example

#: analyses one file into a report that holds embeddings
Analyse = Callable[[Path], Report]
_PREFIX = "text:"
_FILE = re.compile(r"\.[A-Za-z0-9]{2,5}$")


def read_examples(
    items: Sequence[str], *, analyse: Analyse, embedder: Embedder | None
) -> list[tuple[str, Example]]:
    """Name and vectors of every example, in order.

    Args:
        items: a `.json` report, a `.txt` file (one text a line), any other existing file (a clip,
            picture or recording to analyse), or a text: `text:WORDS`, or words that are no file name.
        analyse: called for clips.
        embedder: of texts; without it words do not count.

    Raises:
        ConfigError: a file that is not there or not what its name says, or an empty text.
        MediaError: a clip that cannot be decoded.
    """
    found: list[tuple[str, Example]] = []
    for item in items:
        found += _read(item, analyse, embedder)
    return found


def _read(item: str, analyse: Analyse, embedder: Embedder | None) -> list[tuple[str, Example]]:
    path = Path(item)
    if item.startswith(_PREFIX) or not _is_file(path):
        text = item.removeprefix(_PREFIX).strip()
        if not item.startswith(_PREFIX) and (os.sep in item or _FILE.search(item)):
            raise ConfigError(f"no such file: {item} (a text is given as `text:…`)")
        if not text:
            raise ConfigError("an example text is empty")
        return [(text, text_example(text, embedder))]
    try:
        if path.suffix == ".txt":
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            if not lines:
                raise ConfigError(f"{item} holds no text")
            return [(line, text_example(line, embedder)) for line in lines]
        if path.suffix == ".json":
            return [(item, report_example(load_report(path), embedder))]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{item}: not a text: {error}") from error
    report = analyse(path)
    if report.outcome is Outcome.FAILED:
        raise MediaError(f"{item}: {report.errors[0].message if report.errors else 'cannot be analysed'}")
    return [(item, report_example(report, embedder))]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a text that is too long for a name
        return False


def report_example(report: Report, embedder: Embedder | None) -> Example:
    """The example that a stored report makes; faces, voices and pictures count if it holds embeddings."""
    known: dict[tuple[str, str], Any] = {("face.person", one.id): one.embedding for one in report.people}
    known |= {("speech.speaker", one.id): one.embedding for one in report.speakers}
    signals: list[Signal] = []
    for data in report.signals:
        signal = Signal.from_json(data)
        vector = known.get((signal.kind, str(signal.value)))
        if signal.embedding is None and vector is not None:
            signal = replace(signal, embedding=np.asarray(vector, np.float16))
        signals.append(signal)
    return signal_example(signals, embedder, title=report.title)
