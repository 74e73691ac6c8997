"""The accuracy harness on a corpus made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.accuracy import main
from benchmarks.clips import write_sparse
from benchmarks.tasks.sound import _mirex
from benchmarks.tasks.tags import Tally, meets
from benchmarks.truth import auc
from mmu.report.schema import Evidence, EvidenceStep, Name, Tag


def tag(zh: str, en: str, score: float) -> Tag:
    step = EvidenceStep(kind="signal", id="s:0", text="s")
    evidence = Evidence(axis="image", weight=score, signal="s:0", source="m@1", path=[step])
    return Tag(id=en, name=Name(zh=zh, en=en), facet="element", score=score, evidence=[evidence])


def test_latin_terms_match_whole_words_and_chinese_ones_parts() -> None:
    assert meets(["playing guitar"], ["guitar"])
    assert not meets(["cartoon"], ["car"])
    assert meets(["打篮球"], ["篮球"])


def test_tags_are_judged_as_described() -> None:
    tally = Tally()
    entry = {
        "expect": [
            {"any_of": ["dog", "狗"], "level": "leaf"},
            {"any_of": ["animal"], "level": "parent"},
            {"any_of": ["snow"], "level": "leaf", "hard": True},
        ],
        "absent": ["beach"],
    }
    tags = [
        tag("小狗", "puppy", 0.9),
        tag("沙滩", "beach", 0.5),
        tag("车", "car", 0.95),
        tag("树", "tree", 0.6),
    ]
    tally.add(entry, tags)
    assert tally.recall("leaf") == 1.0
    assert tally.recall("parent") == 0.0
    assert tally.asked["hard"] == 1
    assert (tally.right, tally.wrong) == (1, 2)
    assert tally.absent_hit / tally.absent_asked == 1.0


def test_auc() -> None:
    assert auc([0.9, 0.8, 0.1], [True, True, False]) == 1.0
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert auc([0.5], [True]) is None


def test_mirex_key_score() -> None:
    assert _mirex("D minor", "D minor") == 1.0
    assert _mirex("A minor", "D minor") == 0.5
    assert _mirex("F major", "D minor") == 0.3
    assert _mirex("D major", "D minor") == 0.2
    assert _mirex("C# major", "D minor") == 0.0


@pytest.mark.weights
def test_a_corpus_of_the_form_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sparse(tmp_path / "clip.mp4", seconds=8, events=(2.0,))  # somebody, between two grey walls
    (tmp_path / "notes.txt").write_text("no media", encoding="utf-8")
    cuts = {"cuts_s": [2.0, 6.0], "complete": True, "tolerance_s": 0.1}
    rows = [
        {"task": "shots", "path": "clip.mp4", **cuts},
        {"task": "odd", "path": "notes.txt", "expect": "error"},
        {"task": "smell", "path": "clip.mp4", "label": "coffee"},
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "truth.jsonl").write_text(lines, encoding="utf-8")
    out = tmp_path / "out.json"
    assert main(["--corpus", str(tmp_path), "--json", str(out)]) == 0
    metrics = {row["metric"]: row for row in json.loads(out.read_text(encoding="utf-8"))}
    assert metrics["shots.f1"]["value"] == 1.0
    assert metrics["odd.agreement"]["value"] == 1.0
    assert metrics["smell"]["value"] is None
    assert "not supported" in capsys.readouterr().out


def test_wrong_usage_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(tmp_path)]) == 2
    (tmp_path / "truth.jsonl").write_text('{"no": "task"}', encoding="utf-8")
    assert main(["--corpus", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert "no corpus in" in printed
    assert "line 1" in printed
