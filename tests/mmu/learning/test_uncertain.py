"""The queue of what people should look at next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmu.cli import main
from mmu.learning.uncertain import entropy, uncertain
from mmu.report import schema as s
from tests.mmu.reports import report


def hit(score: float) -> s.Moderation:
    one = s.ModerationHit(
        rule="r", category="c", name=s.Name(zh="", en=""), severity=3, score=score, axis="text", text="x"
    )
    return s.Moderation(decision="review", policy="p", version="1", hits=[one])


def test_entropy() -> None:
    assert entropy(0.5) == 1
    assert entropy(0.0) < 1e-6
    assert entropy(0.2) == pytest.approx(entropy(0.8))


def test_the_unsure_come_first_and_copies_last() -> None:
    sure = report("sure", {"dog": 0.99})
    unsure = report("unsure", {"dog": 0.5, "snow": 0.5}).model_copy(update={"moderation": hit(0.5)})
    twin = report("twin", {"dog": 0.5, "snow": 0.5}).model_copy(update={"moderation": hit(0.5)})
    other = report("other", {"car": 0.55, "street": 0.6})
    queue = uncertain([sure, unsure, twin, other, unsure])
    assert [Path(one.uri).stem for one in queue] == ["unsure", "other", "twin", "sure"]
    assert queue[0].reasons[0].kind == "moderation"
    assert queue[2].novelty < 0.01
    assert len(uncertain([sure, unsure], limit=1)) == 1


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text(report("a", {"dog": 0.5}).to_json(), encoding="utf-8")
    assert main(["uncertain", str(tmp_path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["reasons"][0]["about"].startswith("狗")
    (tmp_path / "b.json").write_text("[]", encoding="utf-8")
    assert main(["uncertain", str(tmp_path)]) == 1
    assert main(["uncertain", str(tmp_path), "--limit", "0"]) == 2
    assert main(["uncertain", str(tmp_path / "none")]) == 2
