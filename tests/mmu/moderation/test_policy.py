from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmu.errors import PolicyError
from mmu.moderation.policy import Policy, load_policy

NAME = {"zh": "名", "en": "name"}
MINIMAL: dict[str, Any] = {
    "schema": "mmu.policy/1",
    "name": "test",
    "version": "1",
    "thresholds": {"review": {3: 0.5}},
    "categories": [{"id": "spam", "name": NAME, "severity": 3, "description": NAME}],
    "words": [{"id": "words.spam", "category": "spam", "words": ["buy now"]}],
}


def load(tmp_path: Path, **changes: Any) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, **changes}, allow_unicode=True), encoding="utf-8")
    return load_policy(path)


def test_shipped_policy_covers_what_platforms_publish() -> None:
    policy = load_policy()
    assert policy.version
    labels = [
        "违法犯罪",
        "涉政不当言行",
        "辱骂、引战、宣扬仇恨",
        "危害未成年人身心健康",
        "未成年不适当行为",
        "色情低俗",
        "暴力血腥",
        "危险行为",
        "不实信息",
        "封建迷信",
        "引导私下交易",
        "夸大商品功效",
        "虚假承诺福利",
        "炒作卖货",
        "标题党",
        "饭圈乱象",
        "历史虚无主义",
        "盗用抄袭作品",
        "未添加AI标识",
        "出售违禁品",
    ]
    for label in labels:
        assert policy.category_of_label(label), label
    assert policy.category_of_label("正向") is None
    for category in policy.categories.values():
        assert category.name.zh
        assert category.description.en
        assert category.severity in policy.file.thresholds.review


def test_minimal(tmp_path: Path) -> None:
    assert load(tmp_path).name == "test"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": MINIMAL["categories"] * 2}, "category id 'spam' is used twice"),
        ({"words": [{"id": "w", "category": "ham", "words": ["x"]}]}, "unknown category 'ham'"),
        ({"words": [{"id": "w", "category": "spam"}]}, "neither a file nor words"),
        ({"words": [{"id": "w", "category": "spam", "words": ["x = 7"]}]}, "line 1"),
        ({"words": [{"id": "w", "category": "spam", "file": "none.txt"}]}, "none.txt"),
        ({"words": [{"id": "w", "category": "spam", "file": "../../etc/passwd"}]}, "outside"),
        ({"words": [{"id": "w", "category": "spam", "words": ["x"], "colour": 1}]}, "words.0.colour"),
        ({"signals": [{"id": "s", "category": "spam", "kind": "image.nonsense"}]}, "image.nonsense"),
        ({"thresholds": {"review": {9: 0.5}}}, "thresholds.review.9"),
        ({"schema": "mmu.policy/0"}, "schema"),
        ({"version": None}, "version"),
    ],
)
def test_faults_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load(tmp_path, **changes)


def test_missing_file_and_bad_yaml(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot read"):
        load_policy(tmp_path / "none.yaml")
    path = tmp_path / "bad.yaml"
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(PolicyError, match="not YAML"):
        load_policy(path)
