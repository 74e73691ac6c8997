"""How torch networks are run: devices, precision, batches that shrink, sharing."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.errors import ModelError  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions, choose_device, choose_dtype  # noqa: E402

ROWS = [np.full((3, 4, 4), i, np.float32) for i in range(10)]


def means(tensor):
    return tensor.float().mean(dim=(1, 2, 3)).tolist()


def test_rows_come_back_in_order_whatever_the_batch() -> None:
    runtime = Runtime(RuntimeOptions(device="cpu"))
    for batch in (1, 3, 10, 64):
        assert runtime.map(means, ROWS, batch=batch) == list(range(10))
    assert runtime.map(means, [], batch=4) == []


def test_pictures_are_channels_last_and_without_gradients() -> None:
    seen = []

    def look(tensor):
        seen.append(
            (tensor.is_contiguous(memory_format=torch.channels_last), torch.is_inference_mode_enabled())
        )
        return [0] * len(tensor)

    Runtime(RuntimeOptions(device="cpu")).map(look, [np.zeros((3, 8, 8), np.float32)], batch=1)
    assert seen == [(True, True)]


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory: x")]
)
def test_the_batch_is_halved_when_memory_runs_out_and_that_is_said(error: Exception) -> None:
    sizes = []

    def full(tensor):
        sizes.append(len(tensor))
        if len(tensor) > 3:
            raise error
        return means(tensor)

    runtime = Runtime(RuntimeOptions(device="cpu"))
    assert runtime.map(full, ROWS, batch=8) == list(range(10))
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    assert runtime.notes() == [
        "cpu was out of memory at a batch of 8; going on with 4",
        "cpu was out of memory at a batch of 4; going on with 2",
    ]
    assert runtime.notes() == []
    runtime.map(full, ROWS, batch=8)
    assert sizes[7:] == [2, 2, 2, 2, 2], "what was learned is kept"


def test_one_row_that_does_not_fit_is_an_error_that_says_what_to_do() -> None:
    def full(tensor):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore")

    with pytest.raises(ModelError, match="one row at a time: take a smaller network.*2 GiB") as error:
        Runtime(RuntimeOptions(device="cpu")).map(full, ROWS, batch=4)
    assert "\n" not in str(error.value)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def broken(tensor):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        Runtime(RuntimeOptions(device="cpu")).map(broken, ROWS, batch=4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu() -> None:
    with pytest.raises(ModelError, match="device 'cuda': torch .* sees none; say `device: auto`"):
        choose_device("cuda")
    assert choose_device("auto").type in ("cpu", "mps")


@pytest.mark.parametrize(
    ("precision", "kind"), [("auto", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_precision_is_that_of_the_products(precision: str, kind: object) -> None:
    runtime = Runtime(RuntimeOptions(device="cpu", precision=precision))
    assert choose_dtype(precision, torch.device("cpu")) == kind
    layer = runtime.place(torch.nn.Conv2d(3, 2, 3))
    seen = []
    runtime.map(lambda t: seen.append(layer(t).dtype) or [0] * len(t), ROWS, batch=2)
    assert set(seen) == {kind}


def test_networks_are_loaded_once_and_freed_with_their_last_user() -> None:
    loads = []

    def load() -> object:
        loads.append(1)
        return object()

    first, second = Runtime(RuntimeOptions(device="cpu")), Runtime(RuntimeOptions(device="cpu"))
    one = first.share("key", load)
    assert second.share("key", load) is one
    assert Runtime(RuntimeOptions(device="cpu", precision="bf16")).share("key", load) is not one
    first.release("key")
    assert second.share("key", load) is one
    second.release("key")
    second.release("key")
    assert first.share("key", load) is not one
    first.release("key")
    assert len(loads) == 3


def test_determinism_is_switched_on_before_anything_runs(tmp_path) -> None:
    import subprocess
    import sys

    code = (
        "from models.torch.runtime import *; import torch\n"
        "Runtime(RuntimeOptions(device='cpu', deterministic=True), threads=1)\n"
        "print(torch.are_deterministic_algorithms_enabled(), torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "1"]
