"""The batch job on real Ray: every file becomes a row, broken, crashing and hanging ones too."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.tiny import write_tiny
from mmu.errors import ConfigError
from mmu.report.schema import Report
from pipelines.batch import main
from pipelines.config import load_config
from pipelines.pool import capacity
from tests.pipelines.conftest import Job

pytest.importorskip("ray")
pq = pytest.importorskip("pyarrow.parquet")

SMALL = ["--workers", "1", "--memory-mb", "300", "--quiet"]


def table(out: Path, name: str) -> dict[str, dict[str, Any]]:
    """Rows of a table by file name; a row that is there twice fails the test."""
    rows = pq.read_table(out / name).to_pylist() if (out / name).exists() else []
    found = {Path(row["uri"]).name: row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "src is missing: give --src"),
        (["--src", "{tmp}", "--out", "{tmp}/out"], "lies inside"),
        (["--src", "{tmp}/job", "--glob", "*.mov", "--out", "{tmp}/out"], "no files like '*.mov'"),
        (["--src", "{tmp}/x.csv", "--out", "{tmp}/out"], "no such manifest"),
        (["--src", "warp://x", "--out", "{tmp}/out"], "cannot open"),
        (["--src", "{tmp}/job", "--out", "warp://x"], "cannot open warp://x"),
        (["--src", "{tmp}/job", "--out", "{tmp}/out", "--stages", "sheep"], "unknown stage sheep"),
        (["--src", "{tmp}", "--out", "{tmp}/out", "--workers", "0"], "workers: Input should be greater"),
        (["--src", "a", "--out", "b", "--config", "{tmp}/job/bad.yaml"], "unknown option 'colour'"),
        (["--src", "a", "--out", "b", "--config", "{tmp}/none.yaml"], "cannot read"),
    ],
)
def test_wrong_usage_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    source = tmp_path / "job"
    source.mkdir()
    (source / "bad.yaml").write_text("colour: red")
    assert main([argument.replace("{tmp}", str(tmp_path)) for argument in arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_configuration_file_under_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("src: a\nout: b\nstages: [shots]\nworkers: 3\nmin_workers: 1\n")
    config = load_config(str(path), {"out": "c", "workers": None})
    assert (config.src, config.out, config.workers, config.stages) == ("a", "c", 3, ["shots"])
    with pytest.raises(ConfigError, match="min_workers 5 is more than workers 3"):
        load_config(str(path), {"min_workers": 5})


def test_workers_that_fit_on_nodes() -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0, "memory": 10.0, "GPU": 1.0}},
        {"Alive": True, "Resources": {"CPU": 4.0, "memory": 3.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "memory": 99.0}},
    ]
    assert capacity(nodes, {"CPU": 1.0, "GPU": 0.0, "memory": 2.0}) == 5
    assert capacity(nodes, {"CPU": 1.0, "GPU": 0.25, "memory": 1.0}) == 4
    assert capacity(nodes, {"CPU": 5.0}) == 0


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_folder_with_a_broken_file(tmp_path: Path, short_video: Path, job: Job) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    shutil.copy(short_video, source / "good.mp4")
    (source / "broken.mp4").write_bytes(b"not a video at all")
    (source / "empty.mp4").touch()
    command = ["--src", source, "--out", out, "--stages", "shots,labels", "--json-reports", *SMALL]
    first = job(*command)
    assert (first.returncode, first.stderr) == (1, "")
    assert "2 dead, 1 ok" in first.stdout
    second = job(*command)
    assert second.returncode == 1
    assert "3 finished before (2 dead)" in second.stdout
    reports, dead = table(out, "reports"), table(out, "dead_letters")
    assert reports.keys() == {"good.mp4"}
    assert {name: row["code"] for name, row in dead.items()} == {
        "empty.mp4": "empty_file",
        "broken.mp4": "not_media",
    }
    assert Report.model_validate_json(reports["good.mp4"]["report"]).tags
    written = [json.loads(path.read_text(encoding="utf-8"))["uri"] for path in (out / "json").glob("*.json")]
    assert sorted(Path(uri).name for uri in written) == ["broken.mp4", "empty.mp4", "good.mp4"]
    assert json.loads((out / "job" / "summary.json").read_text())["listed"] == 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_files_that_crash_or_hang(tmp_path: Path, job: Job, crash_environment: dict[str, str]) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number, name in enumerate(("good", "segv", "once", "hang", "last")):
        write_tiny(source / f"{name}.mp4", seed=number)
    options = ["--out", out, "--stages", "crash", "--video-seconds", "10", *SMALL]
    done = job("--src", source, *options, env=crash_environment)
    assert done.returncode == 1, done.stderr
    reports, dead = table(out, "reports"), table(out, "dead_letters")
    assert {name: row["outcome"] for name, row in reports.items()} == {
        "good.mp4": "ok",
        "once.mp4": "ok",
        "last.mp4": "ok",
    }
    assert {name: (row["code"], row["attempts"]) for name, row in dead.items()} == {
        "segv.mp4": ("native_crash", 2),
        "hang.mp4": ("timeout", 1),
    }
    assert "SIGSEGV" in dead["segv.mp4"]["reason"]
    # The same files, cured: a retry moves them to the reports.
    write_tiny(source / "segv.mp4", seed=9)
    cured = {**crash_environment, "MMU_TEST_CURED": "1"}
    again = job(*options, "--code", "native_crash", module="pipelines.retry", env=cured)
    assert again.returncode == 1, again.stderr  # `hang` is still there
    assert table(out, "reports").keys() == {"good.mp4", "once.mp4", "last.mp4", "segv.mp4"}
    assert table(out, "dead_letters").keys() == {"hang.mp4"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers need two cores")
def test_an_elastic_pool_grows_with_the_work_and_shrinks_at_the_end(
    tmp_path: Path, job: Job, crash_environment: dict[str, str]
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(2):
        write_tiny(source / f"gate{number}.mp4", seed=number)
    # One worker alone never gets through its gate: the second one must come.
    options = ["--workers", "2", "--min-workers", "1", "--memory-mb", "300", "--video-seconds", "300"]
    done = job("--src", source, "--out", out, "--stages", "crash", "--quiet", *options, env=crash_environment)
    assert done.returncode == 0, done.stderr
    assert table(out, "reports").keys() == {"gate0.mp4", "gate1.mp4"}
    summary = json.loads((out / "job" / "summary.json").read_text())
    assert (summary["workers_most"], summary["workers"], summary["worker_deaths"]) == (2, 1, 0)


def test_a_worker_that_does_not_see_the_outputs_says_so(tmp_path: Path) -> None:
    """As on another node of a cluster, when --out is a folder of the driver's own disk."""
    from pipelines.worker import Worker

    config = {"src": "unused", "out": str(tmp_path / "elsewhere"), "stages": ["shots"]}
    with pytest.raises(ConfigError, match="does not see the job's folder"):
        Worker(config).ready()


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
