"""What the stages run by torchvision's networks share: classes, weights, loading."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions, NetworkT
from models.torch.labels import read_labels, shipped_labels

if TYPE_CHECKING:
    from models.store import Store


class TorchvisionOptions(AdapterOptions):
    """Options of every adapter of torchvision."""

    variant: str | None = Field(None, description="which published weights the file is, as COCO_V1")
    labels: Path | None = Field(
        None,
        description="file with one class a line, for a network of your own; a detector's or segmenter's "
        "begins with the background",
    )


VisionOptionsT = TypeVar("VisionOptionsT", bound=TorchvisionOptions)


class TorchvisionStage(AdaptedStage[VisionOptionsT], Generic[VisionOptionsT, NetworkT]):
    """A stage by one of torchvision's networks; `self._names` are its classes in order."""

    requires = ("torch", "torchvision")
    extra = "torch"
    #: the list of classes that the published weights know
    classes: ClassVar[str]

    _loaded: NetworkT | None = None
    _names: tuple[str, ...] = ()

    @abstractmethod
    def build(self, path: Path, **common: Any) -> NetworkT:
        """The network from its weights; `common` is model, classes, variant, runtime and batch."""

    def setup(self, store: Store, *, threads: int = 1) -> None:
        options = self.options
        names = read_labels(options.labels) if options.labels else shipped_labels(self.classes)
        self._names = names
        self._loaded = self.load(
            store,
            lambda path, runtime: self.build(
                path,
                model=options.model,
                classes=len(names),
                variant=options.variant,
                runtime=runtime,
                batch=options.batch,
            ),
            threads=threads,
        )

    @property
    def _network(self) -> NetworkT:
        if self._loaded is None:
            raise RuntimeError(f"{type(self).__name__}.run before setup")
        return self._loaded

    def close(self) -> None:
        self._loaded = None
        super().close()
