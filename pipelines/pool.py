"""The actors of a job: how many, with which resources, replaced when they die."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError, ModelError
from mmu.networks import load_networks
from mmu.perception.catalog import build_stages
from mmu.stage import Cost
from pipelines.config import JobConfig
from pipelines.costs import VIDEO_MB
from pipelines.shares import Group
from pipelines.worker import Task, Worker

#: what a worker's analysis process needs beside its stages: code, knowledge graph, decoder
BASE_MB = 700
#: seconds without a single ready worker after which a job says that it waits, and gives up
PATIENCE = 120.0
GIVE_UP = 1800.0


@dataclass(eq=False, slots=True)
class Slot:
    """One actor, and what it is doing."""

    actor: Any
    #: result of `ready` until it came
    starting: Any
    #: result of the running task
    running: Any = None
    task: Task | None = None
    #: key of the long video whose pictures it has
    kept: str = ""
    info: dict[str, Any] = field(default_factory=dict)
    born: float = field(default_factory=time.monotonic)

    @property
    def free(self) -> bool:
        return self.starting is None and self.running is None


def resources_of(config: JobConfig) -> dict[str, float]:
    """What Ray reserves for one worker: given by the job, or the sum of what its stages cost.

    GPU shares of the stages add up to at most one whole device.
    """
    stages = build_stages(config.profile, only=config.stages, skip=config.skip, config=config.networks)
    costs = [stage.cost for stage in stages]
    gpus = sum(cost.gpus for cost in costs) + load_networks(config.networks, profile=config.profile).gpus
    total = Cost(
        cpus=config.cpus,
        gpus=config.gpus if config.gpus is not None else min(1.0, gpus),
        memory_mb=config.memory_mb
        or BASE_MB + VIDEO_MB * (config.videos_at_once - 1) + sum(cost.memory_mb for cost in costs),
    )
    return {"CPU": total.cpus, "GPU": total.gpus, "memory": float(total.memory_mb * 2**20)}


def capacity(nodes: list[dict[str, Any]], wanted: dict[str, float]) -> int:
    """How many workers of `wanted` resources fit on the nodes that are alive."""
    fits = 0
    for node in nodes:
        if not node.get("Alive"):
            continue
        has = node["Resources"]
        fits += min(int(has.get(name, 0.0) / need + 1e-9) for name, need in wanted.items() if need > 0)
    return fits


class Pool:
    """A fixed or elastic set of actors."""

    def __init__(self, config: JobConfig, say: Callable[[str], None]) -> None:
        """Check that the cluster can hold a worker, and start the first ones.

        Raises:
            ConfigError: no node is large enough, and none can be added.
        """
        import ray

        self._ray: Any = ray
        self._config = config
        self._say = say
        self.wanted = resources_of(config)
        fits = capacity(self._ray.nodes(), self.wanted)
        self._scales = _autoscales()
        if fits == 0 and not self._scales:
            raise ConfigError(_infeasible(self._ray.nodes(), self.wanted))
        if config.workers and config.workers > fits and not self._scales:
            say(f"{config.workers} workers asked for, {fits} fit on this cluster: using {fits}")
        self.most = min(config.workers or fits, fits) if not self._scales else config.workers or max(1, fits)
        self.least = min(config.min_workers or self.most, self.most)
        self.slots: list[Slot] = []
        self.deaths = 0
        self.pipeline = ""
        self.groups: list[Group] = []
        self._waiting_since: float | None = None
        remote: Any = ray.remote(Worker)
        self._actor = remote.options(
            num_cpus=self.wanted["CPU"],
            num_gpus=self.wanted["GPU"] or None,
            memory=self.wanted["memory"],
            # Restarted here, where what it was doing is known.
            max_restarts=0,
            max_task_retries=0,
        )
        for _ in range(self.least):
            self.add()

    def add(self) -> Slot:
        """Ask Ray for one more actor."""
        actor = self._actor.remote(self._config.model_dump())
        slot = Slot(actor, actor.ready.remote())
        self.slots.append(slot)
        return slot

    def grow(self, waiting: int) -> None:
        """One more actor when there is work for it and all others are at work."""
        if len(self.slots) < self.most and waiting > 0 and all(slot.running for slot in self.slots):
            self.add()

    def shrink(self) -> None:
        """Let idle actors of an elastic pool go when nothing is left to be given to them."""
        idle = [slot for slot in self.slots if slot.free]
        for slot in idle[: max(0, len(self.slots) - self.least)]:
            self.remove(slot)

    def started(self, slot: Slot) -> bool:
        """Take note that an actor is ready; False when it died on the way.

        Raises:
            ConfigError, ModelError: it cannot work with this configuration.
        """
        try:
            slot.info = self._ray.get(slot.starting)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, ConfigError | ModelError):
                raise cause from None
            raise ConfigError(f"a worker cannot start: {cause}") from error
        except self._ray.exceptions.RayActorError:
            self.lost(slot)
            return False
        slot.starting = None
        self._waiting_since = None
        if self.pipeline and slot.info["pipeline"] != self.pipeline:
            raise ConfigError(
                f"a worker's pipeline is {slot.info['pipeline']}, the others' {self.pipeline}: "
                "nodes have different code or weights"
            )
        self.pipeline = slot.info["pipeline"]
        self.groups = [Group(**group) for group in slot.info["groups"]]
        return True

    def lost(self, slot: Slot) -> None:
        """Replace an actor that died."""
        self.deaths += 1
        self.remove(slot)
        if len(self.slots) < self.least:
            self.add()

    def remove(self, slot: Slot) -> None:
        """End an actor."""
        if slot in self.slots:
            self.slots.remove(slot)
        self._ray.kill(slot.actor)

    def check_alive(self) -> None:
        """Say when no worker can start, and give up after a long while.

        Raises:
            ConfigError: for `GIVE_UP` seconds there was no worker.
        """
        if any(slot.starting is None for slot in self.slots):
            self._waiting_since = None
            return
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        waited = now - self._waiting_since
        if waited > GIVE_UP:
            raise ConfigError(f"no worker in {waited:.0f} s: {_infeasible(self._ray.nodes(), self.wanted)}")
        if waited > PATIENCE and int(waited) % 60 == 0:
            self._say(f"no worker for {waited:.0f} s; the cluster has {self._ray.available_resources()}")

    def close(self) -> None:
        """End all actors."""
        for slot in list(self.slots):
            self.remove(slot)


def _autoscales() -> bool:
    """Whether nodes may be added: then what does not fit now may fit later."""
    return Path("~/ray_bootstrap_config.yaml").expanduser().exists() or "RAY_CLUSTER_NAME" in os.environ


def _infeasible(nodes: list[dict[str, Any]], wanted: dict[str, float]) -> str:
    def text(resources: dict[str, float]) -> str:
        parts = []
        for name in wanted:
            amount = resources.get(name, 0.0)
            parts.append(f"{amount / 2**30:.1f} GiB memory" if name == "memory" else f"{amount:g} {name}")
        return ", ".join(parts)

    alive = [text(node["Resources"]) for node in nodes if node.get("Alive")]
    return (
        f"no node can hold a worker of {text(wanted)}; nodes have {'; '.join(alive) or 'nothing'}: "
        "lower cpus, gpus or memory_mb, or add nodes"
    )
