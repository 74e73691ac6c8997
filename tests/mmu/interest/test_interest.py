"""Features by group, trees without pickle, and a population whose rule is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.interest import population
from mmu.cli import main
from mmu.errors import ConfigError
from mmu.interest.features import COLUMNS, GROUPS, extract
from mmu.interest.history import read_events
from mmu.interest.model import auc, evaluate
from mmu.interest.table import read_features, write_features
from mmu.interest.trees import Trees, grow
from mmu.report import schema as s
from tests.mmu.reports import report

ANN = s.Person(id="p", name="Ann", seconds=10, spans=[(0, 10)], age=31, gender="female", expression="happy")


def test_features_of_a_report() -> None:
    signals = [{"kind": "image.colour", "value": "red", "score": 0.4, "span": [0, 20]}]
    found = extract(report("a", {"dog": 0.8}, people=[ANN], category="pets", title="小狗", signals=signals))
    numbers = {
        column.name: value
        for group in GROUPS
        for column, value in zip(
            (c for c in COLUMNS if c.group == group), found.continuous[group], strict=True
        )
    }
    assert numbers["people"] == 1
    assert numbers["face_time"] == 0.5
    assert numbers["smiling"] == 1
    assert numbers["colour_red"] == 0.4
    assert numbers["title_length"] == 2
    assert numbers["tempo"] is None
    assert found.discrete["visual"] == {"element:dog": 0.8}
    assert found.discrete["face"] == {
        "gender:female": 0.5,
        "expression:happy": 0.5,
        "name:Ann": 0.5,
        "age:30s": 0.5,
    }
    assert found.discrete["text"]["category:pets"] == 0.9


def test_parquet_and_back(tmp_path: Path) -> None:
    assert write_features([report("a", {"dog": 0.8}), report("b", {"car": 0.6}, people=[ANN])], tmp_path) == 2
    table = read_features(tmp_path)
    assert table.uris == ["/videos/a.mp4", "/videos/b.mp4"]
    assert table.groups["visual"].tokens[1] == pytest.approx({"element:car": 0.6})
    assert np.isnan(table.groups["face"].continuous[0, table.groups["face"].columns.index("age")])
    names = {
        (row["group"], row["name"]) for row in json.loads((tmp_path / "dictionary.json").read_text("utf-8"))
    }
    assert names == {(c.group, c.name) for c in COLUMNS} | {(group, "tokens") for group in GROUPS}
    with pytest.raises(ConfigError, match="mmu features"):
        read_features(tmp_path / "none")
    with pytest.raises(ConfigError, match="no report"):
        write_features([], tmp_path / "empty")


def test_own_trees_say_what_scikit_learn_says(tmp_path: Path) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw = np.random.default_rng(4)
    rows = draw.standard_normal((600, 5)).astype(np.float32)
    rows[draw.random(rows.shape) < 0.1] = np.nan
    labels = np.nan_to_num(rows[:, 0]) + np.nan_to_num(rows[:, 1]) ** 2 > 0.5
    trees = grow(rows, labels)
    trees.save(tmp_path / "m.npz", "facts")
    again, facts = Trees.load(tmp_path / "m.npz")
    theirs = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=12, l2_regularization=1.0,
        early_stopping=False, random_state=0,
    ).fit(rows, labels)  # fmt: skip
    assert facts == "facts"
    assert np.abs(again.score(rows) - theirs.predict_proba(rows)[:, 1]).max() < 1e-6
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    with pytest.raises(ConfigError, match="no model"):
        Trees.load(tmp_path / "bad.npz")


def test_auc() -> None:
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert auc(np.zeros(4), np.array([False, True, False, True])) == 0.5


def test_each_group_is_worth_what_the_rule_says() -> None:
    table, events = population(users=60, videos=300, shown=50)
    judged = evaluate(table, events)
    assert judged.auc["text"] > 0.6
    assert judged.auc["text"] > judged.auc["face"] > 0.53
    assert abs(judged.auc["audio"] - 0.5) < 0.05
    assert judged.auc["all"] > judged.auc["text"]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports, features, model = tmp_path / "reports", tmp_path / "features", tmp_path / "m.npz"
    reports.mkdir()
    for number in range(40):
        tags = {"dog": 0.9} if number % 2 else {"car": 0.9}
        (reports / f"{number}.json").write_text(report(f"v{number}", tags).to_json(), encoding="utf-8")
    assert main(["features", str(reports), str(features)]) == 0
    rows = ["user,video,clicked,time"]
    for user in range(20):
        for number in range(40):
            rows.append(f"u{user},/videos/v{number}.mp4,{int((number + user) % 2)},{number}")
    events = tmp_path / "events.csv"
    events.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert main(["interest", "fit", str(features), str(events), "--model", str(model)]) == 0
    printed = capsys.readouterr().out
    assert "videos never seen in training" in printed
    line = next(line for line in printed.splitlines() if line.split()[0] == "visual")
    assert float(line.split()[1]) > 0.9
    score = [
        "interest",
        "score",
        str(features),
        str(events),
        "--model",
        str(model),
        "--user",
        "u0",
        "--limit",
        "3",
    ]
    assert main(score) == 0
    best = [json.loads(line)["uri"] for line in capsys.readouterr().out.splitlines()]
    assert all(int(uri.removeprefix("/videos/v").removesuffix(".mp4")) % 2 for uri in best)
    events.write_text("user,video,clicked,time\na,b,yes,1\n", encoding="utf-8")
    assert main(score) == 2
    with pytest.raises(ConfigError, match="line 2"):
        read_events(events)
    assert main(["interest", "fit", str(tmp_path), str(events), "--model", str(model)]) == 2
