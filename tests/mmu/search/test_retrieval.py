"""Search with the real encoders, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmu.cli import main
from mmu.search.index import SearchIndex
from tests.mmu.reports import report

pytestmark = pytest.mark.weights


def test_descriptions_find_their_video_in_both_languages(tmp_path: Path) -> None:
    videos = {
        "dog": (
            {"dog": 0.7, "snow": 0.6, "man": 0.5},
            "a puppy rolls around on a winter day",
            "小狗在冬天打滚",
        ),
        "cake": ({"cake": 0.6, "kitchen": 0.7, "mixer": 0.4}, "somebody bakes a dessert", "有人在烤甜点"),
        "ball": ({"basketball": 0.7, "gymnasium": 0.5}, "kids shoot hoops indoors", "孩子们在馆里投篮"),
        "guitar": ({"electric_guitar": 0.8, "stage": 0.5}, "a musician plays a solo", "乐手在弹独奏"),
        "plane": ({"airplane": 0.8, "sky": 0.6}, "an aircraft takes off", "一架客机起飞"),
    }
    with SearchIndex(tmp_path) as index:
        index.add(
            [
                report(name, {k: v for k, v in tags.items() if k in index._graph})
                for name, (tags, *_) in videos.items()
            ]
        )
        for name, (_, *texts) in videos.items():
            for text in texts:
                assert name in [Path(hit.uri).stem for hit in index.search(text, limit=2)], text


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports, index = tmp_path / "reports", str(tmp_path / "index")
    reports.mkdir()
    for name, tags in (("dog", {"dog": 0.8}), ("car", {"car": 0.9})):
        (reports / f"{name}.json").write_text(report(name, tags).to_json(), encoding="utf-8")
    assert main(["search", "dog", "--index", index]) == 2
    assert main(["index", "add", str(tmp_path / "none"), "--index", index]) == 2
    assert main(["index", "add", str(reports), "--index", index]) == 0
    (reports / "bad.json").write_text("{}", encoding="utf-8")
    assert main(["index", "add", str(reports), "--index", index]) == 1
    capsys.readouterr()
    assert main(["search", "狗", "--index", index, "--limit", "1"]) == 0
    assert "/videos/dog.mp4  at 0:04.0–0:08.0" in capsys.readouterr().out
    assert main(["search", "--like", str(reports / "dog.json"), "--index", index, "--json"]) == 0
    assert "/videos/car.mp4" in json.loads(capsys.readouterr().out.splitlines()[0])["uri"]
    assert main(["search", "--index", index]) == 2
    assert main(["search", "狗", "--facet", "nothing", "--index", index]) == 2
    assert main(["search", "狗", "--min-duration", "999", "--index", index]) == 1
    assert main(["index", "remove", "/videos/dog.mp4", "--index", index]) == 0
    assert main(["index", "remove", "/videos/dog.mp4", "--index", index]) == 2
    capsys.readouterr()
    assert main(["index", "stats", "--json", "--index", index]) == 0
    assert json.loads(capsys.readouterr().out)["videos"] == 1
