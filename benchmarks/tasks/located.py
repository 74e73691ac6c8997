"""Things with a place in the picture: objects and regions of text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Metric, mean
from mmu.signals import Box

#: overlap from which a found object is the one of the truth
SAME_OBJECT_IOU = 0.5
#: an object below this is not claimed
CLAIMED = 0.4


def objects(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Recall of boxes (COCO's IoU of 0.5), of labels, and counts within their range."""
    found_boxes: list[float] = []
    found_labels: list[float] = []
    counts: list[float] = []
    for entry in corpus.of("objects", limit=limit):
        signals = [one for one in reports.get(entry["path"]).signals if one["kind"] == "image.object"]
        boxes = [(one["value"], Box(*one["box"])) for one in signals if one["box"]]
        found_boxes += _box_hits(entry.get("boxes") or [], boxes)
        names = {one["value"] for one in signals}
        for wanted in entry.get("labels") or []:
            found_labels.append(float(bool(names & set(wanted if isinstance(wanted, list) else [wanted]))))
        for label, (least, most) in (entry.get("counts") or {}).items():
            number = sum(one["value"] == label and (one["score"] or 0) >= CLAIMED for one in signals)
            counts.append(float(least <= number <= most))
    yield Metric("objects", "objects.box_recall@0.5", mean(found_boxes), len(found_boxes))
    yield Metric("objects", "objects.label_recall", mean(found_labels), len(found_labels))
    if counts:
        yield Metric("objects", "objects.count_within_range", mean(counts), len(counts))


def _box_hits(wanted: Sequence[dict[str, Any]], found: Sequence[tuple[Any, Box]]) -> list[float]:
    free = list(found)
    hits = []
    for one in wanted:
        truth = Box(*one["box"])
        same = [other for other in free if other[0] == one["label"]]
        best = max(same, key=lambda other: truth.iou(other[1]), default=None)
        hit = best is not None and truth.iou(best[1]) >= SAME_OBJECT_IOU
        if best is not None and hit:
            free.remove(best)
        hits.append(float(hit))
    return hits


def text_regions(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Share of the words, not marked ignore, whose centre lies in a line that was read."""
    hits: list[float] = []
    for entry in corpus.of("text_regions", limit=limit):
        truth = json.loads(corpus.path(entry["file"]).read_text(encoding="utf-8"))
        name = entry["path"].rsplit("/", 1)[-1].removeprefix("icdar15_")
        words = next(one for one in truth["data_list"] if one["img_path"].endswith(name))["instances"]
        lines = [line.box for line in reports.get(entry["path"]).on_screen_text if line.box]
        for word in words:
            if not word["ignore"]:
                left, top, right, bottom = word["bbox"]
                x, y = (left + right) / 2, (top + bottom) / 2
                hits.append(float(any(bx <= x <= bx + w and by <= y <= by + h for bx, by, w, h in lines)))
    yield Metric("text_regions", "text_regions.word_recall", mean(hits), len(hits))
