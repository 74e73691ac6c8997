"""Stage `text` by PaddleOCR, in a worker process of its own.

Which frames are looked at, the joining of lines over time and their roles are those of the default stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.text import TextOptions, TextStage
from mmu.perception.text_reader import TextReader
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.paddle.ocr import PaddleWorker
    from models.store import Store


class PaddleOptions(AdapterOptions):
    """Options of `paddleocr`."""

    batch: int = Field(8, ge=1, le=512, description="lines read at a time")
    video_side: int = Field(960, ge=320, le=4096, description="long side of a video frame in the search")
    still_side: int = Field(1536, ge=320, le=8192, description="long side of a still picture in the search")
    min_score: float = Field(0.6, ge=0, le=1, description="lines read with less confidence are dropped")


class PaddleText(AdaptedStage[PaddleOptions]):
    """On-screen text by PP-OCRv5's server networks, or others of PaddleOCR 3."""

    name = "text"
    needs = TextStage.needs
    emits = TextStage.emits
    cost = Cost(cpus=1.0, memory_mb=2000)
    Options: ClassVar[type[AdapterOptions]] = PaddleOptions
    requires = ("paddleocr", "paddle")
    extra = "paddle"

    _worker: PaddleWorker | None = None
    _stage: TextStage | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        from models.paddle.ocr import PaddleDetector, PaddleRecognizer, PaddleWorker

        options = self.options
        worker = PaddleWorker(
            self.weights(store).path,
            options.model,
            device=_device(options.device),
            batch=options.batch,
            threads=threads,
        )
        detector, recogniser = PaddleDetector(worker), PaddleRecognizer(worker)
        self._stage = TextStage(
            TextOptions(
                video_side=options.video_side, still_side=options.still_side, min_score=options.min_score
            ),
            video=TextReader(detector, recogniser, side=options.video_side),
            still=TextReader(detector, recogniser, side=options.still_side),
            source=self.source,
        )
        self._worker = worker

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._stage is None:
            raise RuntimeError("PaddleText.run before setup")
        return self._stage.run(clip, signals)

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = self._stage = None
        super().close()


def _device(wanted: str) -> str:
    """Paddle's name of a device; `auto` is the GPU where one can be seen."""
    if wanted == "auto":
        from pathlib import Path

        return "gpu" if Path("/dev/nvidia0").exists() else "cpu"
    return wanted.replace("cuda", "gpu")
