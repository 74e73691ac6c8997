"""Conversions: the bytes they give, what they refuse, and agreement with the frameworks that made the networks.

The reference outputs were computed once by TensorFlow 2 (Keras, musicnn) and
PyTorch 2 (CAM++) on inputs given by a formula.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from models.convert import convert
from models.convert.onnx_graph import Graph
from models.convert.tensorflow import read_checkpoint as read_tensorflow
from models.convert.torch import read_checkpoint as read_torch
from models.convert.unpickle import unpickle
from models.errors import ModelError
from models.store import Store

FloatArray = NDArray[np.float32]


def waves(*shape: int, gain: float = 1.0, shift: float = 0.0) -> FloatArray:
    """An input that is the same everywhere: shift + gain sin(0.37 i) + cos(0.0001 i²)."""
    i = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    return (shift + gain * np.sin(i * 0.37) + np.cos(i * i * 0.0001)).astype(np.float32)


def session(network: bytes | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    source = network if isinstance(network, bytes) else str(network)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@pytest.mark.weights
@pytest.mark.parametrize(
    ("model", "bands", "expected"),
    [
        (
            "ina-smn",
            21,
            [
                [0.0002365791, 0.0003936466, 0.9993698001],
                [0.0006111222, 0.0011320645, 0.9982568622],
                [0.0014208648, 0.0029950351, 0.9955840707],
            ],
        ),
        (
            "ina-gender",
            24,
            [[0.4129818082, 0.5870181918], [0.2372167259, 0.7627832294], [0.0701091215, 0.9298908710]],
        ),
    ],
)
def test_ina_agrees_with_tensorflow(model: str, bands: int, expected: list[list[float]]) -> None:
    (found,) = session(Store().file(model)).run(None, {"patches": waves(3, 68, bands)})
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.weights
@pytest.mark.parametrize(
    ("model", "tags", "embedding", "sums"),
    [
        (
            "musicnn-msd",
            [0.1028619, 0.009543179, 0.03409795, 0.003753509, 0.1065545, 0.006751241],
            [-0.1771756, 1.10253, -0.179014, 0.3978797, -0.3531506, 1.883612],
            (1.941798, 251.16801),
        ),
        (
            "musicnn-mtt",
            [0.001012604, 0.008353298, 0.009031641, 0.09209048, 0.0008617188, 0.1602048],
            [0.8026452, 1.104083, -0.09226304, 2.965488, -0.07870331, -0.1700357],
            (1.294474, 154.67284),
        ),
    ],
)
def test_musicnn_agrees_with_tensorflow(
    model: str, tags: list[float], embedding: list[float], sums: tuple[float, float]
) -> None:
    i = np.arange(2 * 187 * 96, dtype=np.float64).reshape(2, 187, 96)
    mel = (1.5 + np.sin(i * 0.37) + 0.5 * np.cos(i * i * 0.0001)).astype(np.float32)
    found_tags, found_embedding = session(Store().file(model)).run(["tags", "embedding"], {"mel": mel})
    np.testing.assert_allclose(found_tags[1, :6], tags, atol=5e-6)
    np.testing.assert_allclose(found_embedding[1, :6], embedding, atol=5e-5)
    np.testing.assert_allclose((found_tags.sum(), found_embedding.sum()), sums, rtol=1e-4)


@pytest.mark.weights
@pytest.mark.parametrize(
    ("frames", "expected", "total"),
    [
        (20, [-1.597941, -0.291213, 0.4911023, -0.883041, -0.246733, 0.2599934], 24.6637),
        (150, [-0.837988, -0.0762525, 0.3371089, -1.660287, -0.1026722, 0.2929282], 37.5238),
        (200, [-1.463867, -0.6860021, 0.8482718, -1.897812, -0.006422459, 0.6561683], 57.6449),
        (413, [-1.386018, -0.6911504, 0.6898254, -1.52246, 0.05382163, 0.7736616], 63.5133),
    ],
)
def test_campplus_agrees_with_pytorch(frames: int, expected: list[float], total: float) -> None:
    features = waves(2, frames, 80, gain=2.0)
    (found,) = session(Store().file("campplus")).run(None, {"features": features})
    assert found.shape == (2, 192)
    np.testing.assert_allclose(found[1, :6], expected, atol=2e-4)
    np.testing.assert_allclose(found.sum(), total, atol=2e-2)


@pytest.mark.weights
def test_brisque_ranges() -> None:
    ranges = json.loads(Store().file("brisque", "normalize.json").read_text())
    assert len(ranges["min"]) == len(ranges["max"]) == 36
    assert all(low < high for low, high in zip(ranges["min"], ranges["max"], strict=True))
    assert (ranges["min"][0], ranges["max"][0]) == (0.336999, 9.999411)


def keras_file(path: Path, *, activation: str = "relu") -> dict[str, FloatArray]:
    """A network of one layer of each kind, with random weights."""
    rng = np.random.default_rng(0)
    weights = {
        "conv/kernel": rng.standard_normal((3, 2, 1, 4)),
        "conv/bias": rng.standard_normal(4),
        "norm/gamma": rng.random(4) + 0.5,
        "norm/beta": rng.standard_normal(4),
        "norm/moving_mean": rng.standard_normal(4),
        "norm/moving_variance": rng.random(4) + 0.5,
        "dense/kernel": rng.standard_normal((16, 3)),
        "dense/bias": rng.standard_normal(3),
    }
    conv = {"strides": [1, 1], "padding": "valid", "dilation_rate": [1, 1], "data_format": "channels_last"}
    layers = [
        ("Reshape", {"name": "reshape", "batch_input_shape": [None, 6, 5]}),
        ("Conv2D", {"name": "conv", "activation": "linear", **conv}),
        ("BatchNormalization", {"name": "norm", "axis": -1, "center": True, "scale": True, "epsilon": 1e-3}),
        ("Activation", {"name": "act", "activation": activation}),
        ("MaxPooling2D", {"name": "pool", "padding": "same", "pool_size": [3, 2], "strides": [3, 2]}),
        ("Flatten", {"name": "flat"}),
        ("Dropout", {"name": "drop"}),
        ("Dense", {"name": "dense", "units": 3, "activation": "softmax"}),
    ]
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"config": [{"class_name": kind, "config": config} for kind, config in layers]}
        )
        for name, value in weights.items():
            file[f"model_weights/{name.partition('/')[0]}/{name}:0"] = value.astype(np.float32)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def test_keras_layers_against_their_definitions(tmp_path: Path) -> None:
    weights = keras_file(tmp_path / "net.hdf5")
    network = convert("keras", {"net.hdf5": tmp_path / "net.hdf5"})
    patches = waves(2, 6, 5)
    (found,) = session(network).run(None, {"patches": patches})

    conv = np.zeros((2, 4, 4, 4), np.float32)  # n, rows, columns, filters
    for row in range(4):
        for column in range(4):
            window = patches[:, row : row + 3, column : column + 2]
            conv[:, row, column] = np.einsum("nrc,rcf->nf", window, weights["conv/kernel"][:, :, 0])
    conv += weights["conv/bias"]
    scaled = (conv - weights["norm/moving_mean"]) / np.sqrt(weights["norm/moving_variance"] + 1e-3)
    value = np.maximum(0, scaled * weights["norm/gamma"] + weights["norm/beta"])
    # 4 rows in pools of 3, padded at both ends by "same": rows 0 and 1, rows 2 and 3.
    value = value.reshape(2, 2, 2, 2, 2, 4).max(axis=(2, 4)).reshape(2, -1)
    logits = value @ weights["dense/kernel"] + weights["dense/bias"]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_conversion_always_gives_the_same_bytes(tmp_path: Path) -> None:
    keras_file(tmp_path / "net.hdf5")
    first, second = (convert("keras", {"net.hdf5": tmp_path / "net.hdf5"}) for _ in range(2))
    assert first == second


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    keras_file(tmp_path / "net.hdf5", activation="swish")
    with pytest.raises(ModelError, match="activation 'swish' is not known"):
        convert("keras", {"net.hdf5": tmp_path / "net.hdf5"})
    (tmp_path / "junk").write_bytes(b"junk" * 30)
    for by, names in (
        ("keras", ["x"]),
        ("campplus", ["x"]),
        ("brisque", ["x"]),
        ("musicnn", ["c.index", "c.data"]),
    ):
        with pytest.raises(ModelError, match=f"conversion '{by}' failed on"):
            convert(by, dict.fromkeys(names, tmp_path / "junk"))
    with pytest.raises(ModelError, match="unknown conversion 'magic'; known are: .*brisque"):
        convert("magic", {})


def test_graph_is_a_valid_model() -> None:
    onnx = pytest.importorskip("onnx")
    graph = Graph("test")
    value = graph.input("x", ["n", 3])
    value = graph.node("Gemm", value, np.ones((3, 2), np.float32), np.zeros(2, np.float32), alpha=2.0)
    value = graph.node("ReduceMax", value, axes=[-1], keepdims=1)
    graph.output(value, "y", ["n", 1])
    model = onnx.load_from_string(graph.serialize())
    onnx.checker.check_model(model, full_check=True)
    (found,) = session(graph.serialize()).run(None, {"x": np.ones((4, 3), np.float32)})
    assert found.tolist() == [[6.0]] * 4


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("/tmp/mmu-was-run",))


def test_pickles_run_nothing(tmp_path: Path) -> None:
    assert unpickle(pickle.dumps({"a": [1.5, "b"]})) == {"a": [1.5, "b"]}
    with pytest.raises(ValueError, match="not allowed"):
        unpickle(pickle.dumps(Evil()))
    with zipfile.ZipFile(tmp_path / "evil.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"x": Evil()}))
    with pytest.raises(ValueError, match="not allowed"):
        read_torch(tmp_path / "evil.pt")
    assert not Path("/tmp/mmu-was-run").exists()
    with pytest.raises(ValueError, match="not a readable pickle"):
        unpickle(b"\x80\x04]")


def torch_file(path: Path, *, offset: int = 0, storage: int = 6) -> None:
    """A checkpoint of one 2 × 3 tensor, stored column by column, written opcode by opcode."""

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    pid = (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(storage) + b"tQ"
    )
    shape = number(2) + number(3) + b"\x86"
    stride = number(1) + number(2) + b"\x86"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + pid + number(offset) + shape + stride + b"\x89}tR"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}(" + text("weight") + tensor + b"u.")
        archive.writestr("archive/data/0", np.arange(storage, dtype="<f4").tobytes())


def test_torch_checkpoint(tmp_path: Path) -> None:
    torch_file(tmp_path / "net.pt")
    state = read_torch(tmp_path / "net.pt")
    assert state["weight"].tolist() == [[0, 2, 4], [1, 3, 5]]
    torch_file(tmp_path / "net.pt", offset=1)
    with pytest.raises(ValueError, match="outside its storage"):
        read_torch(tmp_path / "net.pt")


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128, value >> 7])


def tensorflow_index(tensors: dict[str, tuple[list[int], int, int]]) -> bytes:
    """The index of a checkpoint, its keys prefix-compressed as LevelDB does."""

    def block(entries: list[tuple[bytes, bytes]]) -> bytes:
        out, last = b"", b""
        for key, value in entries:
            same = [a == b for a, b in zip(key, last, strict=False)]
            shared = same.index(False) if False in same else len(same)
            out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
            last = key
        return out + struct.pack("<II", 0, 1)

    def entry(shape: list[int], offset: int, size: int) -> bytes:
        dims = b"".join(b"\x12" + varint(2) + b"\x08" + varint(d) for d in shape)
        message = b"\x08\x01\x12" + varint(len(dims)) + dims
        return message + b"\x20" + varint(offset) + b"\x28" + varint(size) + b"\x35crcc"

    data = block([(b"", b"\x08\x01"), *((k.encode(), entry(*v)) for k, v in sorted(tensors.items()))])
    body = data + b"\x00crcc"
    handle = varint(0) + varint(len(data))
    index = block([(b"z", handle)])
    footer = varint(0) + varint(0) + varint(len(body)) + varint(len(index))
    return body + index + b"\x00crcc" + footer.ljust(40, b"\x00") + struct.pack("<Q", 0xDB4775248B80FB57)


def test_tensorflow_checkpoint() -> None:
    values = np.arange(8, dtype="<f4")
    index = tensorflow_index({"conv2d/bias": ([2], 24, 8), "conv2d/kernel": ([2, 3], 0, 24)})
    tensors = read_tensorflow(index, values.tobytes())
    assert tensors["conv2d/kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["conv2d/bias"].tolist() == [6, 7]
    with pytest.raises(ValueError, match="not the index"):
        read_tensorflow(index[:-1], values.tobytes())
