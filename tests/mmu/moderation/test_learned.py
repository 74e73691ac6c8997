"""The trained classifier, from labelled rows through the command line to a decision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from mmu.cli import main
from mmu.errors import ConfigError, StoreError
from mmu.moderation.decide import decide
from mmu.moderation.learned.judge import LearnedJudge
from mmu.moderation.learned.metrics import score
from mmu.moderation.learned.rows import read_rows, safe_label_of
from mmu.moderation.learned.rules import confidences
from mmu.moderation.learned.store import CARD, NAMES, NUMBERS, load
from mmu.moderation.policy import load_policy
from mmu.moderation.texts import Words
from models.text_embedding import TextEmbedder

GAMBLING = ["下注就能赢", "百家乐开局", "老虎机爆分", "赌场见", "押大小", "庄家通杀", "梭哈一把", "彩票稳赚"]
DEALS = [
    "私信我领资料",
    "加好友看货",
    "扫码进群",
    "想要的滴滴我",
    "主页有电话",
    "点下方购物车",
    "添加客服",
    "联系我发货",
]
SAFE = [
    "今天去公园散步",
    "妈妈做的红烧肉",
    "小猫睡着了",
    "看海的日子",
    "练习钢琴曲",
    "毕业旅行",
    "学做蛋糕",
    "周末爬山",
]
ENDS = ["，家人们看过来", "，第二天的记录", "。大家觉得呢", "，晚上八点"]


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for label, starts in (("违法犯罪", GAMBLING), ("引导私下交易", DEALS), ("正向", [*SAFE, *SAFE])):
        for index, start in enumerate(starts):
            for end in ENDS[index % 2 :: 2]:
                text = start + end if label != "正向" or index < 8 else end + start
                found.append({"title": text, "OCR": f"{start}|{start}。{end}", "ASR": "null", "tag": label})
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("learned")
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows()), encoding="utf-8")
    assert main(["policy", "train", str(file), "--out", str(folder / "model"), "--folds", "3"]) == 0
    return file, folder / "model"


@pytest.mark.weights
def test_command_line(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str], encoder_of_commands: None
) -> None:
    file, model = trained
    assert main(["policy", "test", str(file), "--model", str(model), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["binary_accuracy"] > 0.9
    assert found["multiclass_accuracy"] > 0.9
    assert found["macro_f1"] > 0.9
    assert found["per_class"]["违法犯罪"]["rows"] == 16
    card = (model / CARD).read_text("utf-8")
    assert "| 违法犯罪 | 16 |" in card
    assert "3-fold" in card
    assert {path.name for path in model.iterdir()} == {NUMBERS, NAMES, CARD}
    assert main(["policy", "test", str(file), "--json"]) == 0  # the rules alone
    assert 0 < json.loads(capsys.readouterr().out)["violation_recall"] < 1


@pytest.mark.weights
def test_takes_part_in_decisions(trained: tuple[Path, Path], embedder: TextEmbedder) -> None:
    judge = LearnedJudge(trained[1])
    embed = embedder.embed
    policy = load_policy()
    title = "百家乐开局，晚上八点"
    found = decide(policy, title=title, embed=embed, classifier=judge)
    hits = [hit for hit in found.hits if hit.rule == "classifier"]
    assert found.decision == "review"
    assert {hit.category for hit in hits} == {"illegal"}
    assert hits[0].text in title
    assert any("百家乐" in (hit.text or "") for hit in hits)
    calm = decide(policy, title="小猫睡着了，第二天的记录", embed=embed, classifier=judge)
    assert [hit for hit in calm.hits if hit.rule == "classifier"] == []


def test_the_rules_say_which_violation_they_find() -> None:
    policy = load_policy()
    texts = [Words(title="百家乐开局 下注返水"), Words(title="小猫睡着了"), Words(speech="加微信 abc12345")]
    found = confidences(policy, texts, ("like.illegal", "like.private_deals", "like.unknown"))
    assert found.shape == (3, 3)
    assert found[0, 0] > 0.5
    assert found[2, 1] > 0.5
    assert found[[0, 0, 1, 1, 1, 2, 2], [1, 2, 0, 1, 2, 0, 2]].tolist() == [0.0] * 7


@pytest.mark.weights
def test_damaged_models_are_named(trained: tuple[Path, Path], tmp_path: Path) -> None:
    def copy(name: str, **changes: bytes) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for part in (NUMBERS, NAMES):
            (folder / part).write_bytes(changes.get(part, (trained[1] / part).read_bytes()))
        return folder

    names = json.loads((trained[1] / NAMES).read_text("utf-8"))
    with pytest.raises(StoreError, match="no classifier"):
        load(tmp_path / "none")
    with pytest.raises(StoreError, match="damaged"):
        load(copy("cut", **{NUMBERS: b"PK\x03\x04 cut"}))
    with pytest.raises(StoreError, match="damaged"):
        load(copy("json", **{NAMES: b"{"}))
    with pytest.raises(StoreError, match="not a"):
        load(copy("other", **{NAMES: b"{}"}))
    with pytest.raises(StoreError, match="another version"):
        load(copy("old", **{NAMES: json.dumps(names | {"encoder": "other"}).encode()}))
    with pytest.raises(StoreError, match="damaged"):
        load(copy("choice", **{NAMES: json.dumps(names | {"choice": [1.0]}).encode()}))
    with pytest.raises(StoreError, match="damaged"):
        load(copy("weighing", **{NAMES: json.dumps(names | {"weighing": [1.0]}).encode()}))
    with pytest.raises(StoreError, match="damaged"):
        load(copy("kinds", **{NAMES: json.dumps(names | {"kinds": ["a"]}).encode()}))
    objects = tmp_path / "objects.npz"
    np.savez(objects, evil=np.array([{}], object))
    with pytest.raises(StoreError, match="damaged"):  # pickled objects are never loaded
        load(copy("pickle", **{NUMBERS: objects.read_bytes()}))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", ":1: a JSON object"),
        ("{", ":1: not JSON"),
        ('{"title": "x"}', ":1: no label"),
        ('{"tag": "x"}', ":1: none of the fields"),
        ("", "no rows"),
    ],
)
def test_bad_rows(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_rows(path)


def test_too_few_rows_and_unknown_safe_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="--safe-label"):
        safe_label_of(["a", "b"])
    with pytest.raises(ConfigError, match="'c'"):
        safe_label_of(["a", "b"], "c")
    assert main(["policy", "train", str(tmp_path / "none"), "--out", str(tmp_path)]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_scores_by_hand() -> None:
    found = score(["ok", "ok", "a", "b"], ["ok", "a", "a", "a"], [False, True, True, True], "ok")
    assert found.binary_accuracy == 0.75
    assert found.violation_precision == pytest.approx(2 / 3)
    assert found.violation_recall == 1.0
    assert found.multiclass_accuracy == 0.5
    assert found.per_class["a"] == {"precision": pytest.approx(1 / 3), "recall": 1.0, "f1": 0.5, "rows": 1}
    assert found.per_class["b"]["precision"] is None


HOUSE = """
schema: mmu.policy/1
name: house
version: "3"
thresholds: {review: {4: 0.4}}
categories:
- {id: illegal, severity: 4, name: {zh: 违法犯罪, en: Illegal}, description: {zh: 违法, en: illegal}, labels: [违法犯罪]}
- {id: listed, severity: 4, name: {zh: 名单, en: Listed}, description: {zh: 名单, en: listed}}
people:
- {id: listed.person, category: listed, names: [Eileen Collins], score: 0.9}
"""
STRICT = """
schema: mmu.policy/1
name: strict
version: "1"
thresholds: {review: {3: 0.4}}
categories:
- {id: late, severity: 3, name: {zh: 夜间, en: Late}, description: {zh: 夜间, en: late}}
words:
- {id: words.late, category: late, words: [晚上八点], score: 0.6}
"""


@pytest.mark.weights
def test_tag_with_a_classifier_a_shadow_policy_and_listed_people(
    trained: tuple[Path, Path], short_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "portrait.png"), data.astronaut()[:, :, ::-1])
    gallery = tmp_path / "gallery.npz"
    assert (
        main(["people", "add", "Eileen Collins", str(tmp_path / "portrait.png"), "--gallery", str(gallery)])
        == 0
    )
    (tmp_path / "house.yaml").write_text(HOUSE, "utf-8")
    (tmp_path / "strict.yaml").write_text(STRICT, "utf-8")
    capsys.readouterr()
    command = [
        "tag",
        str(short_video),
        "--quiet",
        "--only",
        "faces",
        "--title",
        "百家乐开局，晚上八点",
        "--json",
        "-",
    ]
    command += ["--policy", str(tmp_path / "house.yaml"), "--shadow-policy", str(tmp_path / "strict.yaml")]
    command += ["--moderation-model", str(trained[1]), "--gallery", str(gallery)]
    assert main(command) == 0
    report = json.loads(capsys.readouterr().out)
    found = report["moderation"]
    assert (found["decision"], found["policy"], found["version"]) == ("review", "house", "3")
    hits = {hit["rule"]: hit for hit in found["hits"]}
    assert hits.keys() == {"classifier", "listed.person"}
    assert (hits["classifier"]["category"], hits["classifier"]["axis"]) == ("illegal", "user")
    assert hits["listed.person"]["text"] == "Eileen Collins"
    assert hits["listed.person"]["span"][0] < 1.6  # the first shot of the sample shows her
    (shadow,) = found["shadows"]
    assert (shadow["policy"], shadow["decision"], shadow["would"]) == ("strict", "pass", "review")
    assert [hit["rule"] for hit in shadow["hits"]] == ["words.late"]
    command[command.index(str(trained[1]))] = str(tmp_path / "none")
    assert main(command) == 2
    assert "no classifier" in capsys.readouterr().err
