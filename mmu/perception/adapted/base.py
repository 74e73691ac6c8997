"""What stages run by an adapter share: their options, their weights, their name in signals."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from mmu.errors import MmuError
from mmu.stage import Cost, Stage
from models.supplied.resolve import Weights, resolve_weights

if TYPE_CHECKING:
    from models.store import Store
    from models.torch.runtime import Runtime, RuntimeOptions


class AdapterOptions(BaseModel):
    """Options that every adapter has; subclasses add their own.

    `device` to `accept_licences` come from the top of the configuration, and may be said anew for a stage.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(description="which network")
    weights: Path | None = Field(None, description="file or folder of weights; default: the listed ones")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-fA-F]{8,64}$", description="SHA-256 of `weights`, or its beginning"
    )
    batch: int = Field(16, ge=1, le=4096, description="pictures or clips run at a time")
    gpus: float = Field(0.25, ge=0, le=8, description="share of a GPU that the stage occupies on Ray")
    memory_mb: int | None = Field(None, ge=1, description="main memory that the stage occupies on Ray")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cuda, cuda:N, mps or cpu"
    )
    precision: Literal["auto", "fp32", "fp16", "bf16"] = Field("auto", description="auto, fp32, fp16 or bf16")
    deterministic: bool = Field(False, description="equal results on every run, slower")
    compile: bool = Field(False, description="torch.compile")
    memory_fraction: float | None = Field(None, gt=0, le=1, description="share of a GPU's memory")
    accept_licences: tuple[str, ...] = Field((), description="terms of weights that are accepted")

    @property
    def runtime(self) -> RuntimeOptions:
        """How a torch network is run."""
        from models.torch.runtime import RuntimeOptions

        return RuntimeOptions(
            self.device, self.precision, self.deterministic, self.compile, self.memory_fraction
        )


def one_place(sentence: str) -> str:
    """Check a sentence that labels are put into."""
    if sentence and sentence.count("{}") != 1:
        raise ValueError("must hold {} once, where the label goes")
    return sentence


OptionsT = TypeVar("OptionsT", bound=AdapterOptions)


class HasRuntime(Protocol):
    """A network that knows how it is run."""

    runtime: Runtime


NetworkT = TypeVar("NetworkT", bound=HasRuntime)


class AdaptedStage(Stage, Generic[OptionsT]):
    """A stage whose network an adapter runs.

    Subclasses name their options (`Options`) and the modules they need (`requires`), load in `setup`,
    and put `self.source` into their signals.
    """

    Options: ClassVar[type[AdapterOptions]] = AdapterOptions
    #: modules whose absence is an error before anything runs, and the extra that brings them
    requires: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    #: the adapter under which its weights are listed; empty: its own name
    listed: ClassVar[str] = ""

    def __init__(self, adapter: str, options: OptionsT) -> None:
        self.adapter = adapter
        self.options = options
        self._weights: Weights | None = None
        self._shared: tuple[str, Runtime] | None = None
        cost = type(self).cost
        memory = options.memory_mb or cost.memory_mb
        # An instance knows its own cost; the class attribute is the default of its kind.
        vars(self)["cost"] = Cost(cost.cpus, 0.0 if options.device == "cpu" else options.gpus, memory)

    def check(self, store: Store) -> Mapping[str, str]:
        """Find the library, the device and the weights; name and version of the network -> SHA-256."""
        need_modules(self.requires, self.extra, self.adapter)
        if "torch" in self.requires and self.options.device not in ("auto", "cpu"):
            from models.torch.runtime import choose_device

            choose_device(self.options.device)
        weights = self.weights(store)
        return {weights.source: weights.sha256}

    def describe(self) -> dict[str, Any]:
        """What of the configuration may change results: everything but how much runs at a time."""
        apart = {"weights", "sha256", "gpus", "memory_mb", "accept_licences", "batch", "memory_fraction"}
        found = {"adapter": self.adapter, **self.options.model_dump(mode="json", exclude=apart)}
        labels = getattr(self.options, "labels", None)
        if labels is not None:
            with contextlib.suppress(OSError):  # said when it is read
                found["labels"] = hashlib.sha256(labels.expanduser().read_bytes()).hexdigest()
        return found

    def weights(self, store: Store) -> Weights:
        """The weights of the configuration, found and checked once.

        Raises:
            ModelError: see `resolve_weights`.
        """
        if self._weights is None:
            options = self.options
            self._weights = resolve_weights(
                store,
                self.listed or self.adapter,
                options.model,
                path=options.weights,
                sha256=options.sha256,
                accepted=options.accept_licences,
            )
        return self._weights

    def load(self, store: Store, build: Callable[[Path, Runtime], NetworkT], *, threads: int = 1) -> NetworkT:
        """The torch network of this stage, built once a process for all stages of equal options.

        Args:
            store: where its weights are.
            build: makes it from the file (or folder) of weights and the runtime.
            threads: CPU threads.

        Raises:
            ModelError: no such device, or a file that is another network's.
        """
        from models.torch.runtime import Runtime

        weights, runtime = self.weights(store), Runtime(self.options.runtime, threads=threads)
        key = f"{weights.sha256} {json.dumps(self.describe(), sort_keys=True)}"
        network = runtime.share(key, lambda: build(weights.path, runtime))
        self._shared = (key, network.runtime)
        return network

    def at_work(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._shared is None else self._shared[1].at_work()

    def notes(self) -> list[str]:
        return [] if self._shared is None else self._shared[1].notes()

    def close(self) -> None:
        if self._shared is not None:
            key, runtime = self._shared
            runtime.release(key)
        self._shared = None

    @property
    def source(self) -> str:
        """Adapter, network and version, as signals have it: `torchvision.video:mvit_v2_s@KINETICS400_V1`."""
        if self._weights is None:
            raise MmuError(f"stage {self.name}: used before its weights were found")
        return f"{self.adapter}:{self.options.model}@{self._weights.source.rpartition('@')[2]}"


def need_modules(modules: tuple[str, ...], extra: str, adapter: str) -> None:
    """Raise `ModelError` when the library of an adapter is not installed; nothing is imported."""
    from importlib.util import find_spec

    from models.errors import ModelError

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"{adapter} needs {', '.join(missing)}, not installed here: pip install 'mmu-video[{extra}]'"
        )
