"""How torch networks are run: device, precision, batches that shrink when memory runs out, sharing.

One `Runtime` a stage; networks with one key are loaded once a process and shared. Everything that is
global to torch (threads, determinism, share of a device's memory) is set by the first runtime of a
process and is the same for all, as it comes from one configuration.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.shared import Shared
from models.torch.batching import Batcher

if TYPE_CHECKING:
    import torch

Row = TypeVar("Row")
Loaded = TypeVar("Loaded")

#: what torch says when the memory of the host runs out, for which it has no exception of its own
_HOST_FULL = ("can't allocate memory", "not enough memory")


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """What a configuration says of how networks are run."""

    #: auto, cpu, mps, cuda or cuda:N
    device: str = "auto"
    #: auto, fp32, fp16 or bf16
    precision: str = "auto"
    deterministic: bool = False
    compile: bool = False
    #: share of a GPU's memory that this process may take; None: all
    memory_fraction: float | None = None


def import_torch() -> Any:
    """The torch module.

    Raises:
        ModelError: it is not installed, or cannot be loaded.
    """
    try:
        import torch
    except (ImportError, OSError) as error:
        raise ModelError(f"torch cannot be loaded ({error}): pip install 'mmu-video[torch]'") from error
    return torch


class Runtime:
    """Runs one network, batch by batch."""

    def __init__(self, options: RuntimeOptions | None = None, *, threads: int = 1) -> None:
        """Choose device and number format.

        Raises:
            ModelError: torch is missing, or has no such device.
        """
        self.options = options or RuntimeOptions()
        self._torch = import_torch()
        self.device: torch.device = choose_device(self.options.device)
        self.dtype: torch.dtype = choose_dtype(self.options.precision, self.device)
        self._notes = _Notes()
        self._batches = Batcher(
            self._run,
            self._is_full,
            partial(_empty_cache, self.device),
            device=str(self.device),
            mixed=not self.options.deterministic,
        )
        _set_globals(self.options, self.device, threads)

    def place(self, module: torch.nn.Module) -> torch.nn.Module:
        """Put a network on the device, ready to be asked: no gradients, channels last, compiled if wanted."""
        lib = self._torch
        module = module.eval().requires_grad_(False).to(self.device)
        if all(tensor.ndim < 5 for tensor in module.parameters()):  # torch has another order for volumes
            module = module.to(memory_format=lib.channels_last)
        return cast("torch.nn.Module", lib.compile(module) if self.options.compile else module)

    def share(self, key: str, load: Callable[[], Loaded]) -> Loaded:
        """What `load` gives, loaded once a process for this key, device and precision."""
        return _SHARED.get((key, str(self.device), str(self.dtype), self.options.compile), load)

    def release(self, key: str) -> None:
        """Let go of what `share` gave; the last one to do so frees it."""
        if _SHARED.release((key, str(self.device), str(self.dtype), self.options.compile)):
            _empty_cache(self.device)

    def warm_up(self, forward: Callable[[torch.Tensor], Any], shape: Sequence[int]) -> None:
        """Run one batch of zeros, where the first run is slow: on a GPU, or compiled."""
        if self.device.type != "cpu" or self.options.compile:
            self.map(lambda tensor: [forward(tensor)], [np.zeros(tuple(shape), np.float32)], batch=1)

    def map(
        self,
        forward: Callable[[torch.Tensor], Sequence[Row]],
        rows: Sequence[NDArray[Any]],
        *,
        batch: int,
    ) -> list[Row]:
        """Results of `forward` on rows of one shape, at most `batch` at a time, in their order.

        Rows of several threads that call with an equal `forward` (a bound method, say) share batches, unless
        the configuration is deterministic: the last bits of a result may depend on what it was run with.
        When memory runs out the batch is halved, for the rest of this runtime's life, and a note is left.

        Args:
            forward: called under inference mode and autocast with (n, …) on the device; gives n results,
                each by its own row alone. It must not call `map` itself.
            rows: arrays of one shape and type.
            batch: rows run at a time.

        Raises:
            ModelError: even one row does not fit.
        """
        if not rows:
            return []
        found, notes = self._batches.map(forward, rows, batch)
        self._notes.since += notes
        return found

    def at_work(self) -> contextlib.AbstractContextManager[None]:
        """Held by a thread that will call `map`: batches of others that are not full wait for it a little."""
        return self._batches.at_work()

    def _run(self, forward: Callable[[torch.Tensor], Sequence[Any]], rows: list[NDArray[Any]]) -> list[Any]:
        with self.running():
            return list(forward(self.tensor(np.stack(rows))))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """No gradients, and the chosen number format."""
        torch = self._torch
        enabled = self.dtype != torch.float32
        with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, enabled=enabled):
            yield

    def tensor(self, array: NDArray[Any]) -> torch.Tensor:
        """An array on the device, copied from pinned memory where that is faster; pictures channels last."""
        lib = self._torch
        tensor = lib.from_numpy(np.ascontiguousarray(array))
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        tensor = tensor.to(self.device, non_blocking=True)
        if tensor.ndim == 4 and tensor.is_floating_point():
            tensor = tensor.contiguous(memory_format=lib.channels_last)
        return cast("torch.Tensor", tensor)

    def notes(self) -> list[str]:
        """What happened to rows of this thread since it asked last, for the report."""
        notes, self._notes.since = self._notes.since, []
        return notes

    def _is_full(self, error: Exception) -> bool:
        if isinstance(error, self._torch.OutOfMemoryError):
            return True
        return isinstance(error, RuntimeError) and any(text in str(error) for text in _HOST_FULL)


class _Notes(threading.local):
    """Each thread's own: it runs one stage on one video."""

    def __init__(self) -> None:
        self.since: list[str] = []


def choose_device(wanted: str) -> torch.device:
    """The device of a configuration; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        ModelError: there is no such device here.
    """
    lib = import_torch()
    cuda, mps = lib.cuda.is_available(), lib.backends.mps.is_available()
    if wanted == "auto":
        wanted = "cuda" if cuda else "mps" if mps else "cpu"
    device = lib.device(wanted)
    if device.type == "cuda" and not (cuda and (device.index or 0) < lib.cuda.device_count()):
        seen = f"{lib.cuda.device_count()} GPU(s)" if cuda else "none"
        raise ModelError(
            f"device {wanted!r}: torch {lib.__version__} sees {seen}; say `device: auto` or "
            "`device: cpu`, or check the driver and that this torch is built for CUDA"
        )
    if device.type == "mps" and not mps:
        raise ModelError("device 'mps': there is none here; say `device: auto` or `device: cpu`")
    return cast("torch.device", device)


def choose_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """The number format of a configuration; `auto` is bf16 or fp16 on a GPU and fp32 on a CPU."""
    lib = import_torch()
    if wanted == "auto":
        if device.type == "cpu":
            return cast("torch.dtype", lib.float32)
        whole = device.type == "cuda" and lib.cuda.is_bf16_supported(including_emulation=False)
        return cast("torch.dtype", lib.bfloat16 if whole else lib.float16)
    return cast("torch.dtype", {"fp32": lib.float32, "fp16": lib.float16, "bf16": lib.bfloat16}[wanted])


_SHARED = Shared()
_globals_lock = threading.Lock()
_globals_set = False


def _set_globals(options: RuntimeOptions, device: torch.device, threads: int) -> None:
    global _globals_set
    with _globals_lock:
        if _globals_set:
            return
        _globals_set = True
        torch = import_torch()
        torch.set_num_threads(threads)
        if options.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.manual_seed(0)
            torch.use_deterministic_algorithms(True, warn_only=True)
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = not options.deterministic
            torch.backends.cuda.matmul.allow_tf32 = not options.deterministic
            if options.memory_fraction:
                torch.cuda.set_per_process_memory_fraction(options.memory_fraction, device)


def _empty_cache(device: torch.device) -> None:
    torch = import_torch()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
