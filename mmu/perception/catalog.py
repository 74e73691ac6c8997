"""The list of perception stages, in the one order that satisfies their needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from mmu.errors import ConfigError
from mmu.networks import ConfigSource, NetworkConfig, load_networks
from mmu.perception.names import CPU_STAGES as CPU_STAGES
from mmu.perception.names import unknown_stages
from mmu.stage import Stage, validate


def build_stages(
    profile: str | None = None,
    *,
    only: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    config: ConfigSource | NetworkConfig | None = None,
) -> Sequence[Stage]:
    """Stages of a profile, in order; `only` and `skip` choose by name.

    `only` also takes the stages that the named ones cannot do without.

    Args:
        profile: the table of networks (default: that of `config`, or cpu).
        only: names of stages.
        skip: names of stages.
        config: the user's own choice of networks (see `mmu.networks`).

    Raises:
        ConfigError: an unknown profile, stage, adapter or option, or a stage whose needs are not met.
    """
    chosen_networks = load_networks(config, profile=profile)
    adapted: Mapping[str, Stage] = {}
    catalog = list(CPU_STAGES)
    if chosen_networks.stages:
        from mmu.perception.adapters import build_adapted, place_new

        adapted = build_adapted(chosen_networks, CPU_STAGES)
        catalog = place_new(catalog, adapted)
    wanted = set(catalog) if only is None else set(only)
    unwanted = set(skip)
    unknown = (wanted | unwanted) - set(catalog)
    if unknown:
        raise ConfigError(unknown_stages(unknown, catalog))
    stages: dict[str, Stage] = {
        name: adapted[name] if name in adapted else _load(CPU_STAGES[name])
        for name in catalog
        if name not in unwanted
    }
    chosen = _with_needs(wanted - unwanted, stages) if only is not None else set(stages)
    pipeline = [stage for name, stage in stages.items() if name in chosen]
    if not pipeline:
        raise ConfigError("no stage is left to run")
    validate(pipeline)
    return pipeline


def _load(target: str) -> Stage:
    module, _, name = target.partition(":")
    stage: Stage = getattr(import_module(module), name)()
    return stage


def _with_needs(wanted: set[str], stages: dict[str, Stage]) -> set[str]:
    chosen: set[str] = set()
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name in chosen or name not in stages:
            continue
        chosen.add(name)
        needed = stages[name].needs.kinds
        pending += [other for other, stage in stages.items() if stage.emits & needed]
    return chosen
