"""Which network each stage runs, on which device: the file of `--config`.

    profile: cpu            # or gpu: the table of `perception/data/profiles.yaml`
    device: auto            # cuda, cuda:1, mps, cpu
    precision: auto         # fp32, fp16, bf16
    onnx: cpu               # auto, cuda, cuda:1, tensorrt: the default networks that are ONNX
    decode: cpu             # auto, cuda, cuda:1: video by NVDEC
    stages:
      labels: {adapter: torchvision.classification, model: convnext_base, weights: /models/convnext.pth}

A stage that is not named keeps what the profile gives it. `labels: default` goes back to the network
of the `cpu` profile.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmu.errors import ConfigError
from mmu.media.options import DEVICES
from models.onnx_place import PATTERN

#: place of a configuration: a file, or what it would hold
ConfigSource = str | os.PathLike[str] | Mapping[str, Any]

DEFAULT = "default"
_ONNX_SHARE, _DECODE_SHARE = 0.25, 0.1


class NetworkConfig(BaseModel):
    """The choice of networks and how they are run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str = Field("cpu", description="the table that stages not named here are taken from")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="auto, cuda, cuda:N, mps or cpu: where torch networks run",
    )
    precision: Literal["auto", "fp32", "fp16", "bf16"] = Field(
        "auto", description="number format of torch networks; auto: bf16 or fp16 on a GPU, fp32 elsewhere"
    )
    deterministic: bool = Field(False, description="equal results on every run, slower")
    compile: bool = Field(False, description="torch.compile; pays for itself over many videos only")
    memory_fraction: float | None = Field(
        None, gt=0, le=1, description="share of a GPU's memory that one process may take; default: all"
    )
    onnx: str = Field(
        "cpu",
        pattern=PATTERN,
        description="auto, cpu, cuda, cuda:N, tensorrt or tensorrt:N: where ONNX networks run",
    )
    decode: str = Field(
        "cpu", pattern=DEVICES, description="auto, cpu, cuda or cuda:N: where video is decoded (NVDEC)"
    )
    accept_licences: tuple[str, ...] = Field((), description="terms of weights that are accepted")
    stages: dict[str, dict[str, Any] | Literal["default"]] = Field(
        default_factory=dict, description="stage: {adapter: NAME, option: value, …}"
    )
    #: file it was read from, for messages
    origin: str = Field("", exclude=True)

    @property
    def shared(self) -> dict[str, Any]:
        """What holds for every adapter."""
        return self.model_dump(exclude={"profile", "stages", "origin", "onnx", "decode"})

    @property
    def gpus(self) -> float:
        """Share of a GPU that ONNX networks and decoding occupy on Ray, beside what adapters say."""
        shares = ((self.onnx, _ONNX_SHARE), (self.decode, _DECODE_SHARE))
        return sum(share for place, share in shares if place not in ("auto", "cpu"))

    def where(self, *keys: str) -> str:
        """How messages name a place in the configuration."""
        place = ".".join(keys)
        return f"{self.origin}: {place}" if self.origin else place

    def to_json(self) -> dict[str, Any]:
        """As plain data, to be sent to another process and read there by `load_networks`."""
        return self.model_dump(mode="json")


@cache
def profiles() -> dict[str, dict[str, Any]]:
    """The tables that ship with the package: profile -> what a configuration of its own would say."""
    text = (files("mmu.perception") / "data" / "profiles.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def load_networks(
    config: ConfigSource | NetworkConfig | None = None, *, profile: str | None = None
) -> NetworkConfig:
    """Read a configuration and lay it over the table of its profile.

    Args:
        config: a YAML file, or its content; None for a profile as it is.
        profile: in place of the one that the configuration names (default: cpu).

    Raises:
        ConfigError: the file cannot be read, or a key or value in it is wrong; all of them are named.
    """
    if isinstance(config, NetworkConfig):
        return config
    data, origin = _read(config)
    name = profile if profile is not None else data.get("profile", "cpu")
    if name not in profiles():
        known = ", ".join(profiles())
        raise ConfigError(
            f"{origin + ': ' if origin else ''}unknown profile {name!r}; supported profiles: {known}"
        )
    table = profiles()[name]
    own = data.get("stages") or {}
    stages = {**table.get("stages", {}), **own} if isinstance(own, Mapping) else own
    try:
        return NetworkConfig.model_validate(
            {**table, **data, "profile": name, "stages": stages, "origin": origin}
        )
    except ValidationError as error:
        raise ConfigError(_sentence(error, origin)) from error


def _read(config: ConfigSource | None) -> tuple[dict[str, Any], str]:
    if config is None:
        return {}, ""
    if isinstance(config, Mapping):
        return dict(config), ""
    path = Path(config)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the configuration {path}: {reason}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if data is None:
        return {}, str(path)
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError(f"{path}: expected `key: value` lines, found a {type(data).__name__}")
    if "origin" in data:
        raise ConfigError(f"{path}: unknown key 'origin'; keys: {', '.join(_keys())}")
    return data, str(path)


def _keys() -> list[str]:
    return [name for name in NetworkConfig.model_fields if name != "origin"]


def _sentence(error: ValidationError, origin: str) -> str:
    found = []
    for item in error.errors():
        where = ".".join(
            str(part) for part in item["loc"] if part not in ("dict[str,any]", "literal['default']")
        )
        if item["type"] == "extra_forbidden":
            found.append(f"unknown key {where!r}; keys: {', '.join(_keys())}")
        else:
            field = NetworkConfig.model_fields.get(str(item["loc"][0]))
            hint = f" ({field.description})" if field is not None else ""
            found.append(f"{where}: {item['msg']}{hint}")
    return (f"{origin}: " if origin else "") + "; ".join(dict.fromkeys(found))
