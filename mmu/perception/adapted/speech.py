"""Stage `speech` by full-size recognisers: openai-whisper, and faster-whisper with a network of any size.

Voice activity, the joining and cutting of pieces, the language of each, word times in the clip and the
filter against invented text are those of the default stage; only the recogniser is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions, OptionsT
from mmu.perception.speech import Speech
from mmu.stage import Cost
from models.transcript import Recogniser

if TYPE_CHECKING:
    from models.store import Store


class _AdaptedSpeech(AdaptedStage[OptionsT], Speech):
    """The default stage with another recogniser."""

    models: ClassVar[tuple[str, ...]] = ()

    def __init__(self, adapter: str, options: OptionsT) -> None:
        AdaptedStage.__init__(self, adapter, options)
        Speech.__init__(self)

    def close(self) -> None:
        Speech.close(self)
        AdaptedStage.close(self)


class WhisperOptions(AdapterOptions):
    """Options of `openai-whisper`."""

    batch: int = Field(8, ge=1, le=256, description="pieces of up to 28 s decoded at once")
    beam_size: int | None = Field(
        None, ge=1, le=20, description="hypotheses kept; null is greedy, and decodes a whole batch at once"
    )


class OpenAIWhisper(_AdaptedSpeech[WhisperOptions]):
    """Transcripts by the `openai-whisper` package on torch."""

    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=4000)
    Options: ClassVar[type[AdapterOptions]] = WhisperOptions
    requires = ("torch", "whisper")
    extra = "whisper"

    def recogniser(self, store: Store, *, threads: int) -> Recogniser:
        from models.torch.whisper import TorchWhisper

        options = self.options
        self.weights(store)
        return self.load(
            store,
            lambda path, runtime: TorchWhisper(
                path,
                runtime,
                model=options.model,
                batch=options.batch,
                beam_size=options.beam_size,
                source=self.source,
            ),
            threads=threads,
        )


class FasterWhisperOptions(AdapterOptions):
    """Options of `faster-whisper`."""

    batch: int = Field(8, ge=1, le=256, description="pieces of up to 28 s decoded at once; 1 is exact, slow")
    beam_size: int = Field(5, ge=1, le=20, description="hypotheses kept while decoding")
    compute_type: Literal["int8", "int8_float16", "float16", "bfloat16", "float32"] | None = Field(
        None, description="number format of CTranslate2 (default: what `precision` says)"
    )


class FasterWhisper(_AdaptedSpeech[FasterWhisperOptions]):
    """Transcripts by faster-whisper (CTranslate2), which needs no torch."""

    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=3000)
    Options: ClassVar[type[AdapterOptions]] = FasterWhisperOptions

    def check(self, store: Store) -> Mapping[str, str]:
        if self.options.device != "auto":
            place(self.options.device)
        return super().check(store)

    def recogniser(self, store: Store, *, threads: int) -> Recogniser:
        from models.whisper import Whisper

        options, weights = self.options, self.weights(store)
        device, index = place(options.device)
        return Whisper(
            weights.path,
            threads=threads,
            beam_size=options.beam_size,
            device=device,
            device_index=index,
            compute_type=options.compute_type or number_format(options.precision, device),
            batch=options.batch,
            source=self.source,
        )


def place(device: str) -> tuple[Literal["cpu", "cuda"], int]:
    """CTranslate2's device and its number for a configuration's `device`.

    Raises:
        ModelError: there is no such device, or CTranslate2 does not work on it.
    """
    import ctranslate2

    from models.errors import ModelError

    gpus = ctranslate2.get_cuda_device_count()
    name, _, number = device.partition(":")
    index = int(number or 0)
    if name == "auto":
        return ("cuda", 0) if gpus else ("cpu", 0)
    if name == "cpu":
        return "cpu", 0
    if name == "cuda" and index < gpus:
        return "cuda", index
    seen = f"it sees {gpus} GPU(s)" if name == "cuda" else "it works on cpu and cuda"
    raise ModelError(f"device {device!r}: not for CTranslate2, {seen}; say `device: auto` or `device: cpu`")


def number_format(precision: str, device: str) -> str:
    """CTranslate2's number format for a configuration's `precision`."""
    formats: dict[str, Any] = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
    return str(formats.get(precision, "float16" if device == "cuda" else "int8"))
