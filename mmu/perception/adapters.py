"""The registry of adapters: which third-party networks can run which stage.

It is data (`data/adapters/*.yaml`); an adapter's code is imported when it is chosen, and its library
when its stage is set up.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from mmu.errors import ConfigError
from mmu.networks import DEFAULT, NetworkConfig

if TYPE_CHECKING:
    from mmu.perception.adapted.base import AdaptedStage


class Adapter(BaseModel):
    """One line of the registry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    #: name of the stage that it runs; one that the cpu profile has not is added after `after`
    stage: str
    after: str = ""
    #: `pip install 'mmu-video[EXTRA]'` brings its library
    extra: str
    #: module:class of a subclass of `AdaptedStage`
    code: str
    emits: frozenset[str]
    #: networks that it knows; empty: any that its library knows
    models: tuple[str, ...] = ()
    #: pattern of network names -> options that hold for them unless the configuration says otherwise
    options: dict[str, dict[str, Any]] = {}

    def options_of(self, model: str) -> dict[str, Any]:
        """Options that hold for one of its networks by default."""
        found: dict[str, Any] = {}
        for pattern, options in self.options.items():
            if fnmatchcase(model, pattern):
                found |= options
        return found

    def load(self) -> type[AdaptedStage[Any]]:
        """Import its code."""
        module, _, name = self.code.partition(":")
        return cast("type[AdaptedStage[Any]]", getattr(import_module(module), name))


@cache
def adapters() -> dict[str, Adapter]:
    """All adapters by name."""
    found: dict[str, Adapter] = {}
    for place in sorted((files("mmu.perception") / "data" / "adapters").iterdir(), key=lambda one: one.name):
        for name, data in (yaml.safe_load(place.read_text(encoding="utf-8")) or {}).items():
            if name in found:
                raise ConfigError(f"{place.name}: adapter {name!r} is in the registry twice")
            found[name] = Adapter(name=name, **data)
    return found


def adapters_of(stage: str) -> list[str]:
    """Names of the adapters that can run a stage."""
    return [name for name, one in adapters().items() if one.stage == stage]


def build_adapted(config: NetworkConfig, known: Mapping[str, Any]) -> dict[str, AdaptedStage[Any]]:
    """Stages that a configuration gives to an adapter, by name.

    Args:
        config: the configuration.
        known: stages of the cpu profile.

    Raises:
        ConfigError: an unknown stage, adapter, network or option; the message names the choices.
    """
    built: dict[str, AdaptedStage[Any]] = {}
    for stage, choice in config.stages.items():
        where = config.where("stages", stage)
        choices = adapters_of(stage)
        if stage not in known and not choices:
            possible = dict.fromkeys([*known, *(one.stage for one in adapters().values())])
            raise ConfigError(f"{where}: no such stage; stages: {', '.join(possible)}")
        if isinstance(choice, str):
            continue  # `default`
        options = dict(choice)
        name = options.pop("adapter", None)
        if name == DEFAULT and not options:
            continue
        if name not in choices:
            what = f"{where}.adapter: " + (
                "is missing" if name is None else f"{name!r} cannot run this stage"
            )
            raise ConfigError(f"{what}; choices: {', '.join([DEFAULT, *choices])}")
        built[stage] = _build(adapters()[name], options, config, where)
    return built


def place_new(catalog: list[str], built: Mapping[str, Any]) -> list[str]:
    """The names of all stages in order: those of the catalog, and new ones where their adapter says."""
    names = list(catalog)
    for stage in built:
        if stage not in names:
            after = adapters()[built[stage].adapter].after
            names.insert(names.index(after) + 1 if after in names else len(names), stage)
    return names


def _build(adapter: Adapter, options: dict[str, Any], config: NetworkConfig, where: str) -> AdaptedStage[Any]:
    kind = adapter.load()
    fields = kind.Options.model_fields
    try:
        own = adapter.options_of(str(options.get("model")))
        checked = kind.Options.model_validate({**config.shared, **own, **options})
    except ValidationError as error:
        found = []
        for item in error.errors():
            key = ".".join(map(str, item["loc"]))
            if item["type"] == "extra_forbidden":
                found.append(f"{where}.{key}: unknown option; options: {', '.join(['adapter', *fields])}")
            elif item["type"] == "missing" and key == "model":
                found.append(
                    f"{where}.model: is missing; choices: {', '.join(adapter.models) or 'see the docs'}"
                )
            else:
                hint = fields[key].description if key in fields else None
                found.append(f"{where}.{key}: {item['msg']}" + (f" ({hint})" if hint else ""))
        raise ConfigError("; ".join(found)) from error
    if adapter.models and checked.model not in adapter.models:
        known = ", ".join(adapter.models)
        raise ConfigError(
            f"{where}.model: {checked.model!r} is no network of {adapter.name}; choices: {known}"
        )
    return kind(adapter.name, checked)
