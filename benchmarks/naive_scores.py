"""Accuracy of the naive way beside ours, where both do the same: same weights, used as each README does.

    python -m benchmarks.naive_scores --corpus DIR [--cache DIR] [--limit N] [--json OUT]

Naive means what `benchmarks.naive` is timed at: every sampled frame (two a
second) through every network, no tracking, no filtering, no second look;
RapidOCR with its bundled networks; faster-whisper with beam 5 on the whole
sound; faces counted as the most in one frame. A limit takes files evenly
from the whole task.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.naive import frames
from benchmarks.reports import Reports
from benchmarks.tasks import asr
from benchmarks.tasks.ocr import ReadLine, score
from benchmarks.tasks.speech import transcript
from benchmarks.tasks.tags import meets
from benchmarks.truth import Corpus, Entry, read_corpus
from mmu.errors import USER_ERRORS
from mmu.perception.face_analysis import SAME_PERSON_COSINE
from models.image_labels import ImageLabels
from models.store import Store

#: metric, ours, naive, cases
Compared = tuple[str, float, float, int]
Picture = NDArray[np.uint8]
STILL = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"}
#: classes of a picture that a tutorial prints
TOP = 5


class Naive:
    """The networks, loaded at first use, used as their READMEs use them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def _detector(self) -> Any:
        return cv2.FaceDetectorYN.create(str(self._store.file("yunet")), "", (320, 320), 0.7, 0.3)

    @cached_property
    def _recogniser(self) -> Any:
        return cv2.FaceRecognizerSF.create(str(self._store.file("sface")), "")

    @cached_property
    def _labels(self) -> ImageLabels:
        return ImageLabels(self._store.file("efficientnet-lite0"), threads=2)

    @cached_property
    def _ocr(self) -> Any:
        from rapidocr import RapidOCR

        return RapidOCR(params={"Global.log_level": "error"})

    @cached_property
    def _whisper(self) -> Any:
        from faster_whisper import WhisperModel

        return WhisperModel(str(self._store.folder("whisper-base")), device="cpu", compute_type="int8")

    def transcript(self, path: Path) -> str:
        """All that is said."""
        segments, _ = self._whisper.transcribe(str(path), beam_size=5)
        return " ".join(segment.text.strip() for segment in segments)

    def lines(self, path: Path) -> list[ReadLine]:
        """Lines of every frame; of a video each with the time of its frame."""
        read = []
        for number, picture in enumerate(pictures(path)):
            span = None if path.suffix.lower() in STILL else (number / 2, number / 2 + 0.5)
            texts: Any = getattr(self._ocr(picture), "txts", None) or ()
            read += [ReadLine(str(text), span) for text in texts]
        return read

    def faces(self, picture: Picture) -> NDArray[np.float32]:
        """(n, 15) rows of YuNet."""
        self._detector.setInputSize((picture.shape[1], picture.shape[0]))
        rows = self._detector.detect(picture)[1]
        return np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)

    def embedding(self, path: Path) -> NDArray[np.float32] | None:
        """Of the largest face of a picture."""
        picture = next(pictures(path), None)
        rows = np.zeros((0, 15)) if picture is None else self.faces(picture)
        if picture is None or not len(rows):
            return None
        row = max(rows, key=lambda one: one[2] * one[3])
        found = self._recogniser.feature(self._recogniser.alignCrop(picture, row)).ravel()
        return np.asarray(found / np.linalg.norm(found), np.float32)

    def names(self, path: Path) -> list[str]:
        """The first classes of the mean over all frames, in English as the network names them."""
        looks = [self._labels.look(picture).probabilities for picture in pictures(path)]
        if not looks:
            return []
        order = np.argsort(-np.mean(looks, axis=0))[:TOP]
        return [self._labels.labels[k].casefold() for k in order]


def pictures(path: Path) -> Any:
    """The picture, or two frames a second of the video."""
    if path.suffix.lower() in STILL:
        picture = cv2.imread(str(path))
        return iter([] if picture is None else [np.asarray(picture, np.uint8)])
    return frames(str(path))


def spread(entries: list[Entry], limit: int | None) -> list[Entry]:
    """At most `limit` entries, evenly from all."""
    if limit is None or len(entries) <= limit:
        return entries
    return [entries[k * len(entries) // limit] for k in range(limit)]


def transcripts(corpus: Corpus, reports: Reports, naive: Naive, limit: int | None) -> list[Compared]:
    """Word and character error rates."""
    entries = spread([one for one in corpus.of("asr") if one["lang"] in ("en", "zh")], limit)
    ours = asr.score((one, transcript(reports.get(one["path"]), one["lang"])) for one in entries)
    theirs = asr.score((one, naive.transcript(corpus.path(one["path"]))) for one in entries)
    return [(a["metric"], a["value"], b["value"], a["cases"]) for a, b in zip(ours, theirs, strict=True)]


def text(corpus: Corpus, reports: Reports, naive: Naive, limit: int | None) -> list[Compared]:
    """Recall of lines, and the error rate of those that were read."""
    entries = spread([one for one in corpus.of("ocr") if not one.get("hard")], limit)
    both: list[list[Any]] = [[], []]
    for entry in entries:
        report = reports.get(entry["path"])
        still = report.media is not None and report.media.still
        own = [ReadLine(one.text, None if still else (one.start, one.end)) for one in report.on_screen_text]
        both[0].append(score(entry, own))
        both[1].append(score(entry, naive.lines(corpus.path(entry["path"]))))
    lines = sum(one.lines for one in both[0])
    recall = [sum(one.matched for one in side) / max(1, lines) for side in both]
    cer = [sum(o.edits for o in side) / max(1, sum(o.characters for o in side)) for side in both]
    return [("ocr.line_recall", recall[0], recall[1], lines), ("ocr.cer", cer[0], cer[1], lines)]


def faces(corpus: Corpus, reports: Reports, naive: Naive, limit: int | None) -> list[Compared]:
    """Number of faces (pictures) or people (videos) within the stated range."""
    entries = spread(corpus.of("faces"), limit)
    right = [0, 0]
    for entry in entries:
        report = reports.get(entry["path"])
        still = report.media is not None and report.media.still
        tracks = sum(one["kind"] == "face.track" for one in report.signals)
        counts = (
            tracks if still else len(report.people),
            max((len(naive.faces(picture)) for picture in pictures(corpus.path(entry["path"]))), default=0),
        )
        for side, count in enumerate(counts):
            right[side] += entry["min"] <= count <= entry["max"]
    return [("faces.within_range", right[0] / len(entries), right[1] / len(entries), len(entries))]


def pairs(corpus: Corpus, reports: Reports, naive: Naive, limit: int | None) -> list[Compared]:
    """Largest face of each of two pictures."""
    from benchmarks.tasks.pictures import face_pairs

    entries = spread(corpus.of("face_pair"), limit)
    found = cache(lambda name: naive.embedding(corpus.path(name)))
    right = 0
    for entry in entries:
        a, b = found(entry["a"]), found(entry["b"])
        same = a is not None and b is not None and float(a @ b) >= SAME_PERSON_COSINE
        right += same == entry["same"]
    ours = next(iter(face_pairs(Corpus(corpus.root, {"face_pair": entries}), reports, None)))
    return [("face_pair.accuracy", ours.value or 0.0, right / len(entries), len(entries))]


def labels(corpus: Corpus, reports: Reports, naive: Naive, limit: int | None) -> list[Compared]:
    """Leaf expectations of things met by five names: ours the first five tags that are things."""
    chosen = [one for one in corpus.of("tags") if not one["path"].endswith((".wav", ".flac", ".mp3", ".ogg"))]
    met, asked = [0, 0], 0
    for entry in spread(chosen, limit):
        names = naive.names(corpus.path(entry["path"]))
        tags = [one for one in reports.get(entry["path"]).tags if one.facet == "element"][:TOP]
        own = [
            text.casefold() for one in tags for text in (one.name.en, one.name.zh, one.id.replace("_", " "))
        ]
        for expectation in entry["expect"]:
            if expectation["facet"] == "object" and expectation["level"] == "leaf":
                asked += 1
                met[0] += meets(own, expectation["any_of"])
                met[1] += meets(names, expectation["any_of"])
    return [("labels.object_recall@5", met[0] / max(1, asked), met[1] / max(1, asked), asked)]


TASKS: dict[str, Callable[..., list[Compared]]] = {
    "asr": transcripts,
    "ocr": text,
    "faces": faces,
    "face_pair": pairs,
    "labels": labels,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.naive_scores", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder with truth.jsonl")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep our reports between runs")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--limit", type=int, metavar="N", help="at most N files a task")
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args(argv)
    try:
        corpus, naive = read_corpus(args.corpus), Naive(Store())
        reports = Reports(args.corpus, cache=args.cache)
        found = [row for task in args.only for row in TASKS[task](corpus, reports, naive, args.limit)]
    except USER_ERRORS as fault:
        print(f"naive_scores: {fault}", file=sys.stderr)
        return 2
    print("| metric | cases | ours | naive |\n|---|---:|---:|---:|")
    print(
        "\n".join(f"| {name} | {cases} | {ours:.3f} | {theirs:.3f} |" for name, ours, theirs, cases in found)
    )
    if args.json:
        rows = [{"metric": n, "ours": a, "naive": b, "cases": c} for n, a, b, c in found]
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
