"""Text in pictures of reports, scored by `benchmarks.tasks.ocr`."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.reports import Reports
from benchmarks.tasks.ocr import ReadLine, score
from benchmarks.truth import Corpus, Metric


def lines(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Recall of the lines, and the character error rate of those that were read; hard ones apart."""
    entries = corpus.of("ocr", limit=limit)
    for hard in (False, True):
        chosen = [entry for entry in entries if bool(entry.get("hard")) is hard]
        if not chosen and hard:
            continue
        scores = []
        for entry in chosen:
            report = reports.get(entry["path"])
            still = report.media is not None and report.media.still
            read = [
                ReadLine(one.text, None if still else (one.start, one.end)) for one in report.on_screen_text
            ]
            scores.append(score(entry, read))
        wanted, characters = sum(one.lines for one in scores), sum(one.characters for one in scores)
        suffix, note = ("_hard", "hard") if hard else ("", "")
        recall = sum(one.matched for one in scores) / wanted if wanted else None
        cer = sum(one.edits for one in scores) / characters if characters else None
        yield Metric("ocr", f"ocr.line_recall{suffix}", recall, wanted, note)
        yield Metric("ocr", f"ocr.cer{suffix}", cer, sum(one.matched for one in scores), note)
        empty = [one for entry, one in zip(chosen, scores, strict=True) if not entry["lines"]]
        if empty:
            false = sum(one.false_lines for one in empty) / len(empty)
            yield Metric("ocr", f"ocr.false_lines_per_textless_picture{suffix}", false, len(empty), note)
    yield from _subtitles(corpus, reports, limit)


def _subtitles(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Recall of the lines of videos whose time is known, of all and of those in Chinese."""
    hits: dict[str, list[int]] = {}
    for entry in corpus.of("ocr", limit=limit):
        spans = entry.get("spans") or []
        timed = [(line, span) for line, span in zip(entry["lines"], spans, strict=False) if span is not None]
        if not timed or entry.get("hard"):
            continue
        read = [ReadLine(one.text, (one.start, one.end)) for one in reports.get(entry["path"]).on_screen_text]
        own = score({**entry, "lines": [line for line, _ in timed], "spans": [s for _, s in timed]}, read)
        for group in ("", f"_{entry['lang']}"):
            row = hits.setdefault(group, [0, 0])
            row[0], row[1] = row[0] + own.matched, row[1] + own.lines
    for group, (matched, wanted) in sorted(hits.items()):
        yield Metric("ocr", f"ocr.subtitle_recall{group}", matched / wanted, wanted)
