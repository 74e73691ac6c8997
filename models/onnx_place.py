"""Where ONNX networks run: the CPU, or a GPU through ONNX Runtime's CUDA or TensorRT provider.

Networks are opened deep inside stages, so the place is said around them (`placed`), not handed down. ONNX
Runtime goes on with the CPU when a GPU cannot be used and only logs it; here that is an error.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models.errors import ModelError

_PROVIDERS = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
_CPU = "CPUExecutionProvider"
#: how a place is written
PATTERN = r"^(auto|cpu|(cuda|tensorrt)(:\d+)?)$"


@dataclass(frozen=True, slots=True)
class OnnxPlace:
    """A device and how it is used."""

    #: cpu, cuda or tensorrt
    kind: str = "cpu"
    #: number of the GPU
    index: int = 0
    #: TensorRT may compute in fp16
    half: bool = False
    #: equal results on every run
    deterministic: bool = False
    #: TensorRT's engines are kept here: building one takes minutes
    engines: Path | None = None
    #: why `auto` did not take a GPU
    reason: str = field(default="", compare=False)

    def __str__(self) -> str:
        """`cpu`, `cuda:0`, `tensorrt:1`, with `fp16` and `deterministic` where they hold."""
        if self.kind == "cpu":
            return "cpu"
        marks = [
            f"{self.kind}:{self.index}",
            *(["fp16"] if self.half and self.kind == "tensorrt" else []),
            *(["deterministic"] if self.deterministic else []),
        ]
        return " ".join(marks)

    @property
    def provider(self) -> str:
        """What ONNX Runtime calls it."""
        return _PROVIDERS.get(self.kind, _CPU)

    def providers(self) -> list[str | tuple[str, dict[str, Any]]]:
        """For `InferenceSession`: the first that can run an operator does."""
        if self.kind == "cpu":
            return [_CPU]
        cuda = {
            "device_id": self.index,
            # Sizes keep changing: take what is needed, and no search over all algorithms for every new one.
            "arena_extend_strategy": "kSameAsRequested",
            "cudnn_conv_algo_search": "HEURISTIC",
            # As exact as on the CPU, where thresholds were set.
            "use_tf32": 0,
        }
        found: list[str | tuple[str, dict[str, Any]]] = [(_PROVIDERS["cuda"], cuda), _CPU]
        if self.kind == "tensorrt":
            options: dict[str, Any] = {"device_id": self.index, "trt_fp16_enable": self.half}
            if self.engines is not None:
                options |= {
                    "trt_engine_cache_enable": True,
                    "trt_timing_cache_enable": True,
                    "trt_engine_cache_path": str(self.engines),
                }
            found.insert(0, (_PROVIDERS["tensorrt"], options))
        return found

    def verify(self, used: list[str]) -> None:
        """Raise `ModelError` unless the providers of a session have the one that was asked for."""
        if self.provider not in used:
            raise ModelError(
                f"onnx: {self}: ONNX Runtime did not use {self.provider} and would have gone on with "
                f"{', '.join(used)}"
            )

    def notes(self, opened: list[str]) -> list[str]:
        """What a report says of a stage that opened networks here; nothing where the CPU was chosen.

        Args:
            opened: what `placed` gave.
        """
        if not opened or (self.kind == "cpu" and not self.reason):
            return []
        what = "an ONNX network" if len(opened) == 1 else f"{len(opened)} ONNX networks"
        if self.kind == "cpu":
            return [f"{what} on the CPU, as no GPU can be used: {self.reason}"]
        return [f"{what} on {self} ({', '.join(dict.fromkeys(opened))})"]


CPU = OnnxPlace()
_here: ContextVar[OnnxPlace] = ContextVar("onnx_place", default=CPU)
_opened: ContextVar[list[str] | None] = ContextVar("onnx_opened", default=None)


@contextlib.contextmanager
def placed(place: OnnxPlace) -> Iterator[list[str]]:
    """Networks that this thread opens inside run at `place`; gives the first provider of each of them."""
    opened: list[str] = []
    here, record = _here.set(place), _opened.set(opened)
    try:
        yield opened
    finally:
        _here.reset(here)
        _opened.reset(record)


def gpu_of(notes: Iterable[str]) -> str:
    """The GPU that `OnnxPlace.notes` names among the notes of a stage: `cuda:0`; empty when it names none."""
    found = (re.search(r"ONNX networks? on ((?:cuda|tensorrt):\d+)", note) for note in notes)
    return next((match[1] for match in found if match), "")


def current() -> OnnxPlace:
    """Where a network that is opened now shall run."""
    return _here.get()


def record(used: list[str]) -> None:
    """Note the providers of a session that was opened."""
    opened = _opened.get()
    if opened is not None:
        opened.append(used[0])


def find_place(
    choice: str, *, half: bool = False, deterministic: bool = False, engines: Path | None = None
) -> OnnxPlace:
    """From a configuration's words to a place that works, tried with a network of one operator.

    Args:
        choice: `cpu`; `cuda`, `cuda:1`, `tensorrt`, `tensorrt:1`; `auto`: CUDA where it works, else the CPU.
        half: see `OnnxPlace`, as are the others.
        deterministic: see there.
        engines: folder, made when it is needed.

    Raises:
        ModelError: it was asked for by name and does not work here; the message says what is missing.
    """
    kind, _, number = choice.partition(":")
    if kind == "cpu":
        return CPU
    wanted = OnnxPlace("cuda" if kind == "auto" else kind, int(number or 0), half, deterministic, engines)
    try:
        _try(wanted)
    except ModelError as error:
        if kind != "auto":
            raise
        return replace(CPU, reason=str(error))
    return wanted


def _try(place: OnnxPlace) -> None:
    import numpy as np
    import onnxruntime

    from models.convert.onnx_graph import Graph
    from models.onnx_session import open_session

    available = onnxruntime.get_available_providers()
    if place.provider not in available:
        raise ModelError(
            f"onnx: {place}: the onnxruntime installed here has no {place.provider} "
            f"(it has {', '.join(available)}); replace it: pip uninstall onnxruntime && "
            "pip install 'onnxruntime-gpu[cuda,cudnn]'"
        )
    # CUDA's libraries as pip installs them lie where the loader does not look.
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        onnxruntime.preload_dlls()
    if place.engines is not None and place.kind == "tensorrt":
        try:
            place.engines.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{place.engines}: cannot be made: {error.strerror}") from error
    graph = Graph("probe")
    value = graph.input("x", [1, 4])
    graph.output(graph.node("Add", value, np.ones((1, 4), np.float32)), "y", [1, 4])
    # Of many lines of ONNX Runtime's log, the error has the one that helps.
    onnxruntime.set_default_logger_severity(4)
    try:
        with placed(place):
            session = open_session(graph.serialize(), threads=1)
        (result,) = session.run(None, {"x": np.zeros((1, 4), np.float32)})
    except Exception as error:  # ONNX Runtime's errors have no public base class
        found = re.search(r"Failed to load (.+?):? ", said.getvalue())
        missing = f" ({found[1]} is not found)" if found else ""
        needs = "CUDA, cuDNN and TensorRT" if place.kind == "tensorrt" else "CUDA and cuDNN"
        raise ModelError(
            f"onnx: {place}: ONNX Runtime cannot use {place.provider} here: it needs that GPU with its "
            f"driver, and {needs} of its version{missing}: pip install 'onnxruntime-gpu[cuda,cudnn]'"
        ) from error
    finally:
        onnxruntime.set_default_logger_severity(2)
    if not np.array_equal(result, np.ones((1, 4), np.float32)):
        raise ModelError(f"onnx: {place}: it computes 0 + 1 as {np.ravel(result)[0]}")
