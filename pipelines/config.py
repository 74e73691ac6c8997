"""What a job does: one checked object, from a YAML file, the command line, or both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmu.errors import ConfigError
from mmu.networks import load_networks

if TYPE_CHECKING:
    from mmu.analyzer import Analyzer


class JobConfig(BaseModel):
    """Options of a job. Every one can stand in the YAML file of `--config`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    src: str = Field(min_length=1, description="folder, prefix, glob, manifest or file")
    out: str = Field(min_length=1, description="folder or prefix for the outputs")
    glob: str = Field("*", description="take only file names like this")

    profile: str | None = Field(None, description="networks to use; None: those of `networks`, or cpu")
    networks: dict[str, Any] | None = Field(
        None, description="file, or its content, that gives stages to other networks (docs/weights.md)"
    )
    stages: list[str] | None = Field(None, description="only these stages and what they need")
    skip: list[str] = Field(default_factory=list, description="not these stages")
    policy: str | None = Field(None, description="moderation policy file")
    gallery: str | None = Field(None, description="file of known people")
    keyframes: bool = Field(False, description="decode keyframes only")
    embeddings: bool = Field(False, description="write the table `embeddings` (biometric data)")
    store: str | None = Field(None, description="folder of the weights on every node")
    pull: bool = Field(True, description="fetch missing weights, once a node")

    workers: int | None = Field(
        None, ge=1, le=100_000, description="most actors; None: one per free CPU share"
    )
    min_workers: int | None = Field(
        None, ge=1, description="fewest actors of an elastic pool; None: a fixed pool"
    )
    cpus: float = Field(1.0, gt=0, le=1024, description="CPUs, and threads, of a worker")
    gpus: float | None = Field(None, ge=0, le=64, description="GPUs of a worker; None: what its stages cost")
    memory_mb: int | None = Field(
        None,
        ge=1,
        description="memory that Ray reserves for a worker; None: what its stages cost; not a limit",
    )

    videos_at_once: int = Field(
        1, ge=1, le=64, description="videos that a worker analyses at once; pays where a GPU waits for more"
    )
    video_seconds: float = Field(3600.0, gt=0, description="longest wall time for one video")
    attempts: int = Field(3, ge=1, le=20, description="tries of what may pass: networks, killed processes")
    chunk_seconds: float = Field(10.0, gt=0, description="work of one task, and the most a kill can lose")
    chunk_rows: int = Field(32, ge=1, le=10_000, description="most rows of a task")
    lookahead: int = Field(5000, ge=1, le=1_000_000, description="rows among which big files go first")
    long_seconds: float | None = Field(
        600.0, gt=0, description="videos longer than this are shared by several workers; None: never"
    )
    fold_mb: float = Field(64.0, gt=0, description="size at which parts are folded into one file of a table")

    json_reports: bool = Field(False, description="write json/ID-URI.json for every video")
    queue: str | None = Field(None, description="review queue that flagged videos are put into")
    memory: str | None = Field(None, description="folder of the memory that videos are added to")
    metrics_port: int | None = Field(None, ge=1, le=65535, description="serve Prometheus metrics")

    @model_validator(mode="after")
    def _pool(self) -> Self:
        if self.min_workers and self.workers and self.min_workers > self.workers:
            raise ValueError(f"min_workers {self.min_workers} is more than workers {self.workers}")
        return self

    @property
    def threads(self) -> int:
        """CPU threads of one video: its share of the worker's."""
        return max(1, int(self.cpus / self.videos_at_once))


def load_config(path: str | None, overrides: dict[str, Any]) -> JobConfig:
    """Options of a YAML file, under those of the command line.

    Raises:
        ConfigError: the file cannot be read, or an option is unknown, missing or out of range; all
            of them are named.
    """
    data: Any = {}
    if path is not None:
        try:
            data = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read {path}: {error}") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: expected `option: value` lines, found a {type(data).__name__}")
    given = {name: value for name, value in overrides.items() if value is not None}
    merged = {**data, **given}
    if isinstance(merged.get("networks"), str):
        merged["networks"] = _networks(merged["networks"], path if "networks" not in given else None)
    try:
        return JobConfig.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_sentence(error, path)) from error


def make_analyzer(config: JobConfig) -> Analyzer:
    """The analyzer that a worker of the job uses.

    Raises:
        ConfigError, ModelError, PolicyError, StoreError: as `mmu.Analyzer`.
    """
    from mmu.analyzer import Analyzer
    from mmu.media.options import DecodeOptions
    from models.store import Store

    return Analyzer(
        profile=config.profile,  # type: ignore[arg-type]  # checked by the analyzer
        config=config.networks,
        only=config.stages,
        skip=config.skip,
        threads=config.threads,
        store=Store(Path(config.store)) if config.store else None,
        policy=config.policy,
        decode=DecodeOptions(keyframes_only=config.keyframes),
        embeddings=config.embeddings,
        gallery=config.gallery,
    )


def _networks(name: str, beside: str | None) -> dict[str, Any]:
    """The content of a file of networks, so that no other node needs the file; checked when it is used.

    A relative name in a job's file is taken from the folder of that file.
    """
    place = Path(beside).parent / name if beside is not None else Path(name)
    return load_networks(place).to_json()


def _sentence(error: ValidationError, path: str | None) -> str:
    names = ", ".join(JobConfig.model_fields)
    found = []
    for item in error.errors():
        where = ".".join(map(str, item["loc"])) or "options"
        if item["type"] == "extra_forbidden":
            found.append(f"unknown option {where!r}; options: {names}")
        elif item["type"] == "missing":
            found.append(f"{where} is missing: give --{where} or put it into the configuration")
        else:
            found.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
    return (f"{path}: " if path else "") + "; ".join(found)
