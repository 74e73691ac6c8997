"""The batch job on real Ray: every file becomes a row, broken ones too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from mmu.errors import ConfigError
from mmu.report.schema import Report
from pipelines.batch import main
from pipelines.listing import list_files

pytest.importorskip("ray")


def test_listing_is_sorted_and_skips_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "small.mp4").write_bytes(b"1")
    (tmp_path / "deep" / "big.mp4").write_bytes(b"12345")
    (tmp_path / ".hidden").write_bytes(b"1")
    rows = list_files(str(tmp_path))
    assert [Path(row["uri"]).name for row in rows] == ["big.mp4", "small.mp4"]
    assert [Path(row["uri"]).name for row in list_files(str(tmp_path), "s*.mp4")] == ["small.mp4"]


def test_listing_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing at"):
        list_files(str(tmp_path / "absent"))
    with pytest.raises(ConfigError, match="cannot open"):
        list_files("warp://bucket/x")


def test_wrong_usage_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--src", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no files like" in capsys.readouterr().err


@pytest.mark.weights
@pytest.mark.slow
def test_a_folder_with_a_broken_file(tmp_path: Path, sample_video: Path) -> None:
    import pyarrow.parquet as pq

    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    shutil.copy(sample_video, source / "good.mp4")
    (source / "broken.mp4").write_bytes(b"not a video at all")
    (source / "empty.mp4").touch()
    command = ["--src", str(source), "--out", str(out), "--only", "shots,labels", "--workers", "1"]
    assert main(command) == 1
    assert main(command) == 1  # a second run replaces the rows and adds none
    rows = {Path(row["uri"]).name: row for row in pq.read_table(out / "reports.parquet").to_pylist()}
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "good.mp4": "ok",
        "broken.mp4": "failed",
        "empty.mp4": "failed",
    }
    assert "empty" in rows["empty.mp4"]["error"]
    assert Report.model_validate_json(rows["good.mp4"]["report"]).tags
    written = [json.loads(path.read_text(encoding="utf-8"))["uri"] for path in (out / "json").glob("*.json")]
    assert sorted(Path(uri).name for uri in written) == ["broken.mp4", "empty.mp4", "good.mp4"]


def test_the_cluster_file_fits_the_schema_that_ray_ships() -> None:
    import jsonschema
    import ray

    root = Path(__file__).parent.parent.parent
    schema = json.loads(
        (Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text(encoding="utf-8")
    )
    config = yaml.safe_load((root / "ray_cluster.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(config, schema)
    assert config["head_node_type"] in config["available_node_types"]
    used = {name for node in config["available_node_types"].values() for name in node}
    assert "node_config" in used
