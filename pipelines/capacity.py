"""How many machines a stream of videos needs, what they cost, and what that hangs on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmu.errors import ConfigError
from mmu.perception.names import unknown_stages
from pipelines.costs import Costs

DAY = 86400.0
PRICES = Path(__file__).with_name("data") / "prices.yaml"
#: memory that a node keeps for its system and for Ray
_NODE_MB = 3072


class Node(BaseModel):
    """One kind of machine that can be rented."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    cores: int = Field(gt=0)
    memory_gb: float = Field(gt=0)
    gpus: int = Field(0, ge=0)
    network_gbps: float = Field(gt=0)
    usd_hour: float = Field(ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What arrives. `peak` is the busiest hour over the mean one."""

    videos_per_day: float
    seconds: float
    peak: float = 2.0
    busy: float = 0.7
    """Share of a worker's time that may be spent working at the peak; the rest absorbs bursts."""
    mbps: float = 2.0
    """Megabits of file a second of video."""
    cores_per_worker: int = 1
    """Threads of one video."""
    at_once: int = 1
    """Videos that a worker analyses at once, each with threads of its own."""
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("videos-per-day", self.videos_per_day, 1, 1e12),
            ("seconds", self.seconds, 0.1, 1e6),
            ("peak", self.peak, 1, 1000),
            ("busy", self.busy, 0.05, 0.99),
            ("mbps", self.mbps, 0.001, 1e5),
            ("cores-per-worker", self.cores_per_worker, 1, 1024),
            ("videos-at-once", self.at_once, 1, 64),
        ):
            if not low <= value <= high:
                raise ConfigError(f"--{name} {value:g} is outside the allowed range {low:g} to {high:g}")


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes of one kind. `bottleneck` is the resource of which a node runs out first."""

    node: str
    nodes: int
    workers: int
    usd_day: float
    bottleneck: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The cheapest pool, and figures of the stream."""

    pool: Pool
    others: list[Pool]
    core_seconds: float
    gpu_seconds: float
    stages: dict[str, float]
    terabytes_in: float
    terabytes_reports: float
    usd_per_thousand: float


def load_nodes(path: Path | None) -> list[Node]:
    """Kinds of machines with their prices.

    Raises:
        ConfigError: the file cannot be used; the message names the line's field.
    """
    source = path or PRICES
    try:
        rows = yaml.safe_load(source.read_text(encoding="utf-8"))["nodes"]
        nodes = [Node.model_validate(row) for row in rows]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{source}: not a file of prices: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "node"
        raise ConfigError(f"{source}: {where}: {first['msg']}") from error
    if not nodes:
        raise ConfigError(f"{source}: no nodes")
    return nodes


def make_plan(load: Load, costs: Costs, nodes: list[Node]) -> Plan:
    """The cheapest pool that carries the peak.

    Raises:
        ConfigError: no node can hold one worker, or a stage to skip is unknown.
    """
    unknown = set(load.skip) - costs.stages.keys()
    if unknown:
        raise ConfigError(unknown_stages(unknown, costs.stages))
    costs = costs.with_at_once(load.at_once)
    pools = sorted(
        (pool for node in nodes if (pool := _pool(load, costs, node)) is not None),
        key=lambda pool: (pool.usd_day, pool.nodes),
    )
    if not pools:
        wants = f"{costs.worker_mb} MB and {load.cores_per_worker * load.at_once} cores"
        wants += " and a GPU" if costs.gpu(load.seconds, skip=load.skip) else ""
        raise ConfigError(f"no node of the price list can hold one worker ({wants})")
    kept = {name: cost.cpu(load.seconds) for name, cost in costs.stages.items() if name not in load.skip}
    return Plan(
        pool=pools[0],
        others=pools[1:],
        core_seconds=costs.cpu(load.seconds, skip=load.skip),
        gpu_seconds=costs.gpu(load.seconds, skip=load.skip),
        stages=dict(sorted(kept.items(), key=lambda item: -item[1])),
        terabytes_in=load.videos_per_day * load.seconds * load.mbps / 8e6,
        terabytes_reports=load.videos_per_day * costs.report_kb * 1024 / 1e12,
        usd_per_thousand=1000 * pools[0].usd_day / load.videos_per_day,
    )


def cheapest(load: Load, costs: Costs, nodes: list[Node]) -> tuple[Load, dict[int, float]]:
    """The load with the number of videos at once that costs least, and dollars a day of each number.

    Of those that there are figures for, the smaller one where two cost the same.

    Raises:
        ConfigError: as `make_plan`, where not even one video at a time fits.
    """
    found: dict[int, float] = {}
    for count in costs.counts(skip=load.skip):
        try:
            found[count] = make_plan(replace(load, at_once=count), costs, nodes).pool.usd_day
        except ConfigError:  # a larger worker than any node holds
            if count == 1:
                raise
    return replace(load, at_once=min(found, key=found.__getitem__)), found


def assumptions(load: Load, costs: Costs, plan: Plan, nodes: list[Node]) -> list[str]:
    """What the plan takes for granted, a sentence each."""
    kept = {name: cost for name, cost in costs.stages.items() if name not in load.skip}
    with_figures = [name for name, cost in kept.items() if cost.at_once]
    out = []
    if load.at_once == 1:
        why = "" if with_figures else "; no figures for several (benchmarks.models --at-once measures them)"
        out.append(f"a worker analyses one video at a time{why}")
    else:
        said = f"a worker analyses {load.at_once} videos at once; {len(with_figures)} of {len(kept)} stages"
        out.append(f"{said} have figures for that, a video costs the others what it costs them alone")
    out.append(f"the default networks of ONNX run on {_place(costs.onnx)}, where they were measured")
    out.append(
        "video is decoded on the CPU, where it was measured"
        if costs.decode == "cpu"
        else f"video is decoded by NVDEC ({costs.decode}), where it was measured; its own time is not counted"
    )
    node = next(one for one in nodes if one.name == plan.pool.node)
    if plan.gpu_seconds:
        share = plan.pool.workers / plan.pool.nodes / node.gpus
        out.append(f"{share:g} workers share a GPU, whose memory is not counted")
    return out


def _place(place: str) -> str:
    return "the CPU" if place == "cpu" else place


def sensitivity(load: Load, costs: Costs, nodes: list[Node]) -> list[tuple[str, float]]:
    """What a change would do to the cost of a day, in dollars, the largest change first."""
    base = make_plan(load, costs, nodes).pool.usd_day
    lighter = costs.model_copy(update={"worker_mb": max(1, costs.worker_mb // 2)})
    variants: list[tuple[str, Load, Costs]] = [
        ("videos half as long", replace(load, seconds=max(0.1, load.seconds / 2)), costs),
        ("peak spread over the day (--peak 1)", replace(load, peak=1.0), costs),
        ("workers half as large in memory", load, lighter),
        ("busy +0.1", replace(load, busy=min(0.99, load.busy + 0.1)), costs),
    ]
    variants += [
        (f"without {name}", replace(load, skip=(*load.skip, name)), costs)
        for name in costs.stages
        if name not in load.skip and len(costs.stages) > len(load.skip) + 1
    ]
    changes = [(text, make_plan(one, other, nodes).pool.usd_day - base) for text, one, other in variants]
    return sorted(changes, key=lambda change: -abs(change[1]))


def as_json(plan: Plan) -> dict[str, object]:
    """A plan as plain data."""
    return asdict(plan)


def _pool(load: Load, costs: Costs, node: Node) -> Pool | None:
    """Nodes of one kind for the peak; None where a worker does not fit on one."""
    cpu = costs.cpu(load.seconds, skip=load.skip)
    gpu = costs.gpu(load.seconds, skip=load.skip)
    fits = {
        "cores": node.cores // (load.cores_per_worker * load.at_once),
        "memory": int((node.memory_gb * 1024 - _NODE_MB) // costs.worker_mb),
    }
    slots = min(fits.values())
    if slots < 1 or (gpu and not node.gpus):
        return None
    rate = load.peak * load.videos_per_day / DAY
    # Videos a second that one node carries, by each resource of which it could run out.
    by_slots = load.busy * slots * load.at_once * load.cores_per_worker / cpu if cpu else math.inf
    carries = {
        "cores" if fits["cores"] <= fits["memory"] else "memory": by_slots,
        "network": load.busy * node.network_gbps * 1000 / (load.seconds * load.mbps),
    }
    if gpu:
        carries["gpu"] = load.busy * node.gpus / gpu
    bottleneck = min(carries, key=carries.__getitem__)
    count = max(1, math.ceil(rate / carries[bottleneck]))
    return Pool(node.name, count, count * slots, round(count * node.usd_hour * 24, 2), bottleneck)
