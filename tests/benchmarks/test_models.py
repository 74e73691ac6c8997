"""The comparison of networks: costs from measured runs, and a real one over two files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import models
from models.store import Store
from pipelines.costs import load_costs


def test_a_line_through_runs_has_no_part_below_zero() -> None:
    assert models.line([(9.0, 99.0), (10.0, 3.0), (20.0, 5.0), (40.0, 9.0)]) == pytest.approx((1.0, 0.2))
    assert models.line([(10.0, 2.0)]) == pytest.approx((0.0, 0.2))
    fixed, slope = models.line([(1.0, 9.0), (10.0, 1.0), (20.0, 4.0), (30.0, 7.0)])
    assert (fixed, slope) >= (0.0, 0.0)
    assert models.line([(1.0, 1.0), (10.0, 4.0), (20.0, 2.0), (30.0, 1.0)])[1] == 0.0


def test_costs_of_one_stage_after_another_go_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "costs.yaml"
    row = {
        "network": "ast:audioset",
        "device": "NVIDIA X",
        "fixed_s": 0.1,
        "per_second_s": 0.02,
        "peak_mb": 9000,
    }
    models.write_costs("sound", [{**row, "per_second_s": 9}, {**row, "at_once": {"4": 0.6}}], path)
    models.write_costs("speech", [{**row, "network": "whisper", "device": "cpu", "per_second_s": 0.5}], path)
    costs, shipped = load_costs(path, "gpu"), load_costs(None, "cpu")
    assert (costs.stages["sound"].gpu_per_second, costs.stages["sound"].per_second) == (0.02, 0.02)
    assert (costs.stages["speech"].gpu_per_second, costs.stages["speech"].per_second) == (0.0, 0.5)
    assert (costs.stages["sound"].at_once, costs.stages["speech"].at_once) == ({4: 0.6}, {})
    assert costs.stages["text"] == shipped.stages["text"]
    assert costs.worker_mb == 9000
    assert costs.gpu(30) == pytest.approx(0.1 + 0.6)


@pytest.mark.parametrize("wrong", ["two", "1", "2,65"])
def test_wrong_numbers_of_videos_at_once_are_named(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models.main(["speech", "--corpus", str(tmp_path), "--at-once", wrong]) == 2
    assert f"models: --at-once {wrong!r}: " in capsys.readouterr().err


@pytest.mark.weights
@pytest.mark.slow
def test_the_default_speech_stage_is_judged_and_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store()
    if not store.has("sample-media"):
        pytest.skip("needs `mmu models pull --profile sample`")
    (tmp_path / "a.wav").write_bytes(store.file("sample-media", "speech_2.wav").read_bytes())
    truth = {
        "task": "asr",
        "path": "a.wav",
        "lang": "en",
        "text": "He turned sharply and faced Gregson across the table.",
    }
    (tmp_path / "truth.jsonl").write_text(json.dumps(truth) + "\n")
    out = tmp_path / "rows.json"
    code = models.main(
        [
            "speech",
            "--corpus",
            str(tmp_path),
            "--json",
            str(out),
            "--costs",
            str(tmp_path / "c.yaml"),
            "--at-once",
            "2",
            "--with",
            "default",
        ]
    )
    assert code == 0
    (row,) = json.loads(out.read_text())
    assert row["metrics"]["asr.wer_en"] < 0.4
    assert row["ms_per_second"] > 0
    assert row["peak_mb"] > 100
    assert row["device"] == "cpu"
    said = capsys.readouterr().out
    assert "| default | cpu |" in said
    assert f"several videos at once takes: 2 at once {row['at_once']['2']:g}\n" in said
    costs = load_costs(tmp_path / "c.yaml", "gpu").stages["speech"]
    assert costs.gpu(60) == 0
    # CPU time: two at once take about what each takes alone
    assert 0.5 < costs.at_once[2] < 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nose"], "no task is known to judge stage 'nose'"),
        (["speech", "--task", "nose"], "unknown task nose"),
        (["speech", "--limit", "0"], "--limit must be at least 1"),
        (["speech"], "name the corpus"),
    ],
)
def test_wrong_usage_is_said(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if message != "name the corpus":
        arguments = [*arguments, "--corpus", "."]
    else:
        monkeypatch.delenv("MMU_CORPUS", raising=False)
    assert models.main(arguments) == 2
    assert message in capsys.readouterr().err
