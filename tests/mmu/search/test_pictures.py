"""Keyframe vectors of many videos, and what is nearest to a text."""

from __future__ import annotations

import numpy as np
import pytest

from mmu.cli import main
from mmu.report.schema import Report
from mmu.search.pictures import Pictures
from mmu.signals import Signal

SOURCE = "open_clip:tiny@1"


def report(name: str, rows: list[tuple[float, list[float]]], source: str = SOURCE) -> Report:
    signals = [
        Signal(
            "image.embedding",
            None,
            None,
            None,
            source,
            attributes={"time": time},
            embedding=np.array(row, np.float16),
        ).to_json(embedding=True)
        | {"id": f"image.embedding:{number}"}
        for number, (time, row) in enumerate(rows)
    ]
    return Report(id=name, uri=f"{name}.mp4", outcome="ok", signals=signals, profile="cpu", pipeline="x")


def test_a_video_answers_by_its_best_keyframe() -> None:
    pictures = Pictures.of(
        [
            report("a", [(1.0, [1, 0, 0]), (5.0, [0, 1, 0])]),
            report("b", [(2.0, [0.8, 0.6, 0])]),
            report("c", [(3.0, [0, 0, 1])]),
        ],
        SOURCE,
    )
    found = pictures.search(np.array([0, 1, 0], np.float32), limit=2)
    assert [(one.id, one.uri, one.time) for one in found] == [("a", "a.mp4", 5.0), ("b", "b.mp4", 2.0)]
    assert [one.score for one in found] == pytest.approx([1.0, 0.6], abs=1e-3)
    assert len(pictures.search(np.array([1, 0, 0], np.float32), limit=9)) == 3


def test_vectors_of_other_networks_are_left_out_and_counted() -> None:
    pictures = Pictures.of(
        [
            report("a", [(0.0, [1, 0])]),
            report("b", [(0.0, [1, 0, 0, 0])], "efficientnet-lite0@mediapipe"),
            report("c", []),
        ],
        SOURCE,
    )
    assert [name for name, _ in pictures.videos] == ["a"]
    assert pictures.without == 2


def test_of_a_video_analysed_twice_the_last_report_counts() -> None:
    pictures = Pictures.of([report("a", [(0.0, [1, 0])]), report("a", [(9.0, [0, 1])])], SOURCE)
    assert [one.time for one in pictures.search(np.array([1, 0], np.float32))] == [9.0]
    assert Pictures.of([], SOURCE).search(np.array([1, 0], np.float32)) == []


def test_wrong_use_is_said(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    mix = tmp_path / "mix.yaml"
    mix.write_text("profile: cpu\n")
    (tmp_path / "a.json").write_text(report("a", []).to_json())
    assert main(["find", "a dog", str(tmp_path / "a.json"), "--config", str(mix)]) == 2
    assert "stage labels is not run by open_clip" in capsys.readouterr().err
    assert main(["find", " ", str(tmp_path / "a.json"), "--config", str(mix)]) == 2
    assert main(["find", "x", str(tmp_path / "a.json"), "--config", str(mix), "--limit", "0"]) == 2
