"""The planner: arithmetic by hand, errors, the simulation, and a real run."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mmu.errors import ConfigError
from pipelines.calibration import _lines, _Run, calibrate, core_seconds
from pipelines.capacity import DAY, Load, Node, assumptions, cheapest, load_nodes, make_plan, sensitivity
from pipelines.costs import REST, Costs, StageCost, load_costs, write_costs
from pipelines.plan import main
from pipelines.simulate import Scenario, makespan, simulate

COSTS = Costs(
    hardware="by hand",
    profile="cpu",
    worker_mb=1500,
    report_kb=100,
    stages={"text": StageCost(fixed=1, per_second=0.2), "speech": StageCost(fixed=2, per_second=0.1)},
)
NODE = Node(name="big", cores=16, memory_gb=32, network_gbps=10, usd_hour=1)


def test_a_plan_by_hand() -> None:
    # 12 core-seconds a video of 30 s; 10 videos a second; 16 workers a node, 70 % busy: 0.933 videos a second.
    load = Load(videos_per_day=10 * DAY, seconds=30, peak=1.0)
    plan = make_plan(load, COSTS, [NODE])
    assert plan.core_seconds == pytest.approx(12)
    assert (plan.pool.nodes, plan.pool.workers, plan.pool.bottleneck) == (11, 176, "cores")
    assert plan.pool.usd_day == pytest.approx(11 * 24)
    assert plan.terabytes_in == pytest.approx(10 * DAY * 30 * 2 / 8e6)
    assert make_plan(Load(videos_per_day=10 * DAY, seconds=30, peak=2.0), COSTS, [NODE]).pool.nodes == 22


def test_the_bottleneck_is_what_runs_out_first() -> None:
    load = Load(videos_per_day=DAY, seconds=30)
    small = NODE.model_copy(update={"memory_gb": 8})
    assert make_plan(load, COSTS, [small]).pool.bottleneck == "memory"
    thin = NODE.model_copy(update={"network_gbps": 0.01})
    assert make_plan(load, COSTS, [thin]).pool.bottleneck == "network"
    heavy = COSTS.model_copy(
        update={"stages": {"act": StageCost(fixed=0.1, per_second=0, gpu_fixed=3, gpu_per_second=0.1)}}
    )
    gpu = NODE.model_copy(update={"gpus": 1, "name": "gpu"})
    plan = make_plan(load, heavy, [NODE, gpu])
    assert (plan.pool.node, plan.pool.bottleneck, plan.others) == ("gpu", "gpu", [])


def test_the_cheapest_node_is_chosen_and_changes_are_ordered() -> None:
    load = Load(videos_per_day=1e6, seconds=30)
    dear = NODE.model_copy(update={"name": "dear", "usd_hour": 3})
    assert make_plan(load, COSTS, [dear, NODE]).pool.node == "big"
    changes = sensitivity(load, COSTS, [NODE])
    assert [abs(usd) for _, usd in changes] == sorted((abs(usd) for _, usd in changes), reverse=True)
    assert dict(changes)["peak spread over the day (--peak 1)"] < 0
    assert dict(changes)["without text"] < dict(changes)["without speech"] < 0


@pytest.mark.parametrize(
    "wrong",
    [
        ["--videos-per-day", "0"],
        ["--videos-per-day", "nan"],
        ["--videos-per-day", "10", "--seconds", "-1"],
        ["--videos-per-day", "10", "--busy", "1.5"],
        ["--videos-per-day", "10", "--skip", "nothing"],
        ["--videos-per-day", "10", "--profile", "gpu"],
        ["--videos-per-day", "10", "--prices", "/no/such/file.yaml"],
        ["--videos-per-day", "10", "--skew", "9"],
        ["--videos-per-day", "10", "--videos-at-once", "0"],
        ["--videos-per-day", "10", "--videos-at-once", "65"],
        ["--videos-per-day", "10", "--networks", "gpu.yaml"],
        ["--calibrate", "/no/such/folder/costs.yaml", "--networks", "/no/such/file.yaml"],
        [],
    ],
)
def test_wrong_numbers_are_named(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(wrong) == 2
    assert capsys.readouterr().err.startswith("mmu plan: ")


def test_files_of_costs_and_prices(tmp_path: Path) -> None:
    write_costs(COSTS, tmp_path / "costs.yaml")
    assert load_costs(tmp_path / "costs.yaml", "cpu") == COSTS
    broken = tmp_path / "prices.yaml"
    broken.write_text(yaml.safe_dump({"nodes": [{"name": "x", "cores": 0}]}))
    with pytest.raises(ConfigError, match=r"prices.yaml: cores"):
        load_nodes(broken)
    broken.write_text("nodes: []")
    with pytest.raises(ConfigError, match="no nodes"):
        load_nodes(broken)
    tiny = NODE.model_copy(update={"memory_gb": 4})
    with pytest.raises(ConfigError, match="can hold one worker"):
        make_plan(Load(videos_per_day=10, seconds=30), COSTS, [tiny])


def test_the_shipped_figures_make_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--videos-per-day", "15000000", "--seconds", "30", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["plan"]["pool"]["nodes"] > 100
    assert facts["simulation"]["lost"] == 0
    assert main(["--videos-per-day", "100", "--no-simulation"]) == 0
    assert "bottleneck" in capsys.readouterr().out


def test_the_simulation_keeps_every_video_and_agrees_with_theory() -> None:
    calm = Scenario(workers=200, rate=10, seconds=30, hours=1, crashes=0, bursts=0, skew=0)
    found = simulate(calm, COSTS)
    # Arrivals average half plus 1/pi of the peak's rate; every video takes 12 core-seconds of 200.
    assert found.busy == pytest.approx(10 * (0.5 + 1 / 3.1416) * 12 / 200, rel=0.05)
    assert (found.lost, found.wait_p99) == (0, 0.0)
    crowded = simulate(Scenario(workers=100, rate=10, seconds=30, hours=1), COSTS)
    assert crowded.wait_p99 > 60
    assert crowded.longest_queue > 0
    bursty, even = (
        simulate(Scenario(workers=170, rate=10, seconds=30, hours=1, bursts=bursts), COSTS)
        for bursts in (20, 0)
    )
    assert bursty.wait_p99 > even.wait_p99


@given(st.lists(st.floats(0.5, 100), min_size=1, max_size=30), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_a_batch_takes_at_least_its_share_and_at_most_one_video_more(
    lengths: list[float], workers: int
) -> None:
    work = [COSTS.cpu(length) for length in lengths]
    span = makespan(lengths, COSTS, workers=workers)
    assert span >= max(max(work), sum(work) / workers) - 1e-6
    assert span <= sum(work) / workers + max(work) + 1e-6


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_run_takes_about_as_long_as_predicted(
    tmp_path: Path, short_video: Path, sample_video: Path
) -> None:
    """Two workers over four clips; by CPU time, as machines that run tests are shared."""
    from benchmarks.clips import loop_clip
    from mmu.service.runner import ProcessRunner, Work

    stages = ["shots", "labels", "picture_quality"]
    costs = calibrate(only=stages, clips=(short_video, sample_video))
    assert set(costs.stages) == {*stages, REST}
    assert 400 < costs.worker_mb < 4000
    clips = {
        6.0: str(short_video),
        12.0: str(loop_clip(short_video, tmp_path / "twice.mp4", seconds=11.9)),
    }
    lengths = [12.0] * 2 + [6.0] * 2
    waiting: SimpleQueue[str] = SimpleQueue()
    for length in lengths:
        waiting.put(clips[length])
    warm = clips[6.0]
    runners = [ProcessRunner({"only": stages, "threads": 1}) for _ in range(2)]

    def work(runner: ProcessRunner) -> None:
        while True:
            try:
                path = waiting.get_nowait()
            except Empty:
                return
            runner.run(Work(path, "", ()), lambda *_: None, seconds=120)

    try:
        for runner in runners:
            runner.run(Work(warm, "", ()), lambda *_: None, seconds=120)
        threads = [threading.Thread(target=work, args=(runner,)) for runner in runners]
        started, before = time.monotonic(), core_seconds(os.getpid())
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took, spent = time.monotonic() - started, core_seconds(os.getpid()) - before
    finally:
        for runner in runners:
            runner.close()
    expected = sum(costs.cpu(length) for length in lengths)
    assert 0.5 < spent / expected < 2.0, (spent, expected)
    # How much longer it took than the simulation says hangs on what else runs here.
    assert took > 0.5 * makespan(lengths, costs, workers=2)


def test_a_gpu_plan_from_a_users_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = {"caption": {"fixed": 0.2, "per_second": 0.01, "gpu_fixed": 0.5, "gpu_per_second": 0.05}}
    measured = {
        "hardware": "one card",
        "profile": "gpu",
        "worker_mb": 6000,
        "report_kb": 200,
        "stages": stages,
    }
    (tmp_path / "costs.yaml").write_text(yaml.safe_dump({"costs": [measured]}))
    command = ["--videos-per-day", "864000", "--seconds", "30", "--peak", "1", "--busy", "0.5"]
    command += ["--profile", "gpu", "--costs", str(tmp_path / "costs.yaml"), "--json", "--no-simulation"]
    assert main(command) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    # 2 GPU-seconds a video, 10 videos a second, half busy: 40 cards, one a node.
    assert plan["gpu_seconds"] == pytest.approx(2)
    assert (plan["pool"]["nodes"], plan["pool"]["bottleneck"]) == (40, "gpu")


GPU_COSTS = Costs(
    hardware="by hand",
    profile="gpu",
    worker_mb=4000,
    report_kb=100,
    stages={
        "labels": StageCost(fixed=0.4, per_second=0, gpu_fixed=0.4, at_once={2: 0.75, 4: 0.5, 8: 0.5}),
        "text": StageCost(fixed=0.6, per_second=0, gpu_fixed=0.6),
    },
)
CARD = Node(name="card", cores=32, memory_gb=64, gpus=1, network_gbps=100, usd_hour=1)


def test_several_videos_at_once_by_hand() -> None:
    # 1.0 GPU-seconds a video alone; with 4 at once 0.4 x 0.5 + 0.6 = 0.8: at ten a second, 5 cards in place of 6.
    load = Load(videos_per_day=4 * DAY, seconds=30, peak=1.0)
    assert make_plan(load, GPU_COSTS, [CARD]).pool.nodes == 6
    chosen, dollars = cheapest(load, GPU_COSTS, [CARD])
    assert dollars == {1: 6 * 24, 2: 6 * 24, 4: 5 * 24, 8: 5 * 24}
    assert chosen.at_once == 4, "the smaller one of two that cost the same"
    plan = make_plan(chosen, GPU_COSTS, [CARD])
    assert plan.gpu_seconds == pytest.approx(0.8)
    assert plan.core_seconds == pytest.approx(0.8)
    # a worker of 4 videos takes 4 cores: 8 to a node, of 4000 + 3 x 300 MB
    assert plan.pool.workers == 5 * 8
    assert GPU_COSTS.with_at_once(4).worker_mb == 4900
    # between two measured numbers the smaller one's figures hold
    assert GPU_COSTS.with_at_once(3).gpu(30) == pytest.approx(0.9)
    assert GPU_COSTS.with_at_once(1) is GPU_COSTS
    # a worker of 8 videos does not fit on a node of 4 cores
    small = CARD.model_copy(update={"cores": 4})
    assert list(cheapest(load, GPU_COSTS, [small])[1]) == [1, 2, 4]
    with pytest.raises(ConfigError, match="4000 MB and 1 cores and a GPU"):
        cheapest(load, GPU_COSTS, [NODE])


def test_what_is_assumed_is_said() -> None:
    load = Load(videos_per_day=4 * DAY, seconds=30, peak=1.0)
    said = assumptions(load, COSTS, make_plan(load, COSTS, [NODE]), [NODE])
    assert said == [
        "a worker analyses one video at a time; no figures for several (benchmarks.models --at-once measures them)",
        "the default networks of ONNX run on the CPU, where they were measured",
        "video is decoded on the CPU, where it was measured",
    ]
    chosen, _ = cheapest(load, GPU_COSTS, [CARD])
    measured = GPU_COSTS.model_copy(update={"onnx": "cuda", "decode": "auto"})
    said = assumptions(chosen, measured, make_plan(chosen, measured, [CARD]), [CARD])
    assert said[0].startswith("a worker analyses 4 videos at once; 1 of 2 stages have figures for that")
    assert said[1] == "the default networks of ONNX run on cuda, where they were measured"
    assert said[2].startswith("video is decoded by NVDEC (auto)")
    assert said[3] == "8 workers share a GPU, whose memory is not counted"


def test_the_plan_chooses_how_many_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_costs(GPU_COSTS, tmp_path / "costs.yaml")
    assert load_costs(tmp_path / "costs.yaml", "gpu") == GPU_COSTS
    (tmp_path / "prices.yaml").write_text(yaml.safe_dump({"nodes": [CARD.model_dump()]}))
    command = ["--videos-per-day", "345600", "--peak", "1", "--profile", "gpu"]
    command += ["--costs", str(tmp_path / "costs.yaml"), "--prices", str(tmp_path / "prices.yaml")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "4 videos at once in a worker; a day by their number: 1: $144, 2: $144, 4: $120, 8: $120" in said
    assert "assumed:\n  a worker analyses 4 videos at once" in said
    assert main([*command, "--videos-at-once", "1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["load"]["at_once"], facts["plan"]["pool"]["nodes"]) == (1, 6)
    assert facts["assumed"][0] == "a worker analyses one video at a time"
    assert facts["simulation"]["lost"] == 0


@pytest.mark.parametrize("wrong", [{1: 0.5}, {65: 0.5}, {4: 0}, {"many": 0.5}])
def test_wrong_figures_of_several_at_once_are_named(tmp_path: Path, wrong: dict[object, float]) -> None:
    stage = {"fixed": 1, "per_second": 0, "at_once": wrong}
    row = {"hardware": "x", "profile": "gpu", "worker_mb": 1, "report_kb": 1, "stages": {"labels": stage}}
    (tmp_path / "costs.yaml").write_text(yaml.safe_dump({"costs": [row]}))
    with pytest.raises(ConfigError, match=r"costs.yaml: stages.labels.at_once"):
        load_costs(tmp_path / "costs.yaml", "gpu")


def test_a_gpu_that_a_stage_held_is_in_the_measured_costs() -> None:
    short = _Run(8.0, {"labels": 1.0, "text": 2.0}, {"labels": 0.8})
    long = _Run(32.0, {"labels": 4.0, "text": 2.0}, {"labels": 3.2})
    found = _lines(short, long)
    assert found["labels"] == StageCost(fixed=0, per_second=0.125, gpu_per_second=0.1)
    assert found["text"] == StageCost(fixed=2, per_second=0)
