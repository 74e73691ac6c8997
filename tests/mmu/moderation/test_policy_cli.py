"""`mmu policy check | test | explain | replay` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmu.cli import main
from mmu.report.schema import Moderation, Report

POLICY = """\
schema: mmu.policy/1
name: house
version: "2"
thresholds: {review: {3: 0.5}}
categories:
- id: deals
  severity: 3
  name: {zh: 交易, en: deals}
  description: {zh: 交易, en: deals}
words:
- {id: words.deals, category: deals, words: [私聊我 = 0.7]}
contexts:
- {id: warning, factor: 0.5, words: [谨防]}
examples:
- {text: 私聊我, decision: review, category: deals}
- {text: 公园, decision: pass}
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    path = tmp_path / "house.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def test_check(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(house)]) == 0
    assert "house 2: 1 categories, 1 rules, 1 terms" in capsys.readouterr().out
    assert main(["policy", "check"]) == 0
    assert "shipped policy" in capsys.readouterr().out


def test_check_names_file_and_line(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house.write_text(POLICY.replace("severity: 3", "severity: 9"), encoding="utf-8")
    assert main(["policy", "check", str(house)]) == 1
    assert f"{house}:7: categories.0.severity" in capsys.readouterr().err
    house.write_text(POLICY.replace("words: [私聊我 = 0.7]", "words: [私聊我 = 7]"), encoding="utf-8")
    assert main(["policy", "check", str(house)]) == 1
    assert "line 1" in capsys.readouterr().err


def test_examples(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", "--policy", str(house)]) == 0
    assert "2 of 2" in capsys.readouterr().out
    house.write_text(
        POLICY.replace("text: 公园, decision: pass", "text: 公园, decision: block"), encoding="utf-8"
    )
    assert main(["policy", "test", "--policy", str(house)]) == 1
    assert "FAILED 公园" in capsys.readouterr().out


def test_examples_of_the_shipped_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test"]) == 0, capsys.readouterr().out


def test_explain(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "谨防骗子说私聊我", "--policy", str(house)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("pass: nothing")
    assert "words.deals" in out
    assert "softened by warning" in out
    assert main(["policy", "explain", "私聊我", "--policy", str(house), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["decision"], found["category"]) == ("review", "deals")
    assert found["hits"][0]["term"] == "私聊我"


def report(folder: Path, name: str, title: str, decision: str) -> None:
    category = "deals" if decision != "pass" else None
    moderation = Moderation(decision=decision, policy="house", version="1", category=category)  # type: ignore[arg-type]
    one = Report(id=name, uri=f"{name}.mp4", outcome="ok", title=title, moderation=moderation)  # type: ignore[arg-type]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(one.to_json(), encoding="utf-8")


def test_replay(house: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "reports"
    report(folder, "a", "私聊我", "pass")
    report(folder, "b", "公园", "review")
    report(folder, "c", "私聊我", "review")
    assert main(["policy", "replay", str(folder), "--policy", str(house), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["decisions"] == {"pass -> review": 1, "review -> pass": 1, "review -> review": 1}
    assert [one["uri"] for one in found["changed"]] == ["a.mp4", "b.mp4"]
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(POLICY.replace("私聊我 = 0.7", "公园"), encoding="utf-8")
    command = ["policy", "replay", str(folder), "--policy", str(stricter), "--against", str(house)]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "3 of 3 differ" in out
    assert "pass -> review  deals  b.mp4  words.deals" in out


def test_wrong_arguments(house: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "replay", str(tmp_path / "none")]) == 2
    assert "cannot read the report" in capsys.readouterr().err
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    assert main(["policy", "explain", str(tmp_path / "x.json"), "--policy", str(house)]) == 2
    assert "is not an mmu.report/1 report" in capsys.readouterr().err
    assert main(["policy", "explain", "none.json"]) == 2
    assert main(["policy", "test", "--policy", str(tmp_path / "none.yaml")]) == 2
    assert "cannot read the policy" in capsys.readouterr().err
    assert main(["policy", "test", "--model", "m", "--policy", str(house)]) == 2


def test_shadow_policy(house: Path) -> None:
    from mmu.moderation.decide import decide
    from mmu.moderation.policy import load_policy

    shadow = load_policy(house).as_shadow()
    found = decide(shadow, title="私聊我")
    assert (found.decision, found.would, found.category, found.priority) == ("pass", "review", "deals", 0.0)
    assert found.hits
