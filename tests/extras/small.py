"""Small things that tests of full-size networks share: checkpoints of random weights, a moving clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.media.clip import Clip


def checkpoint(folder: Path, model: str, **options: Any) -> Path:
    """One of torchvision's networks with random weights, saved as its published files are."""
    import torch
    import torchvision

    torch.manual_seed(7)
    if (
        ".detection." in (module := torchvision.models.get_model_builder(model).__module__)
        or "segm" in module
    ):
        options = {"weights_backbone": None, **options}
    network = torchvision.models.get_model(model, weights=None, **options)
    # batch norm as if it had seen pictures, so that a forgotten `eval` or statistic shows
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            layer.running_mean.uniform_(-0.05, 0.05)
            layer.running_var.uniform_(0.5, 1.5)
    path = folder / f"{model}.pth"
    torch.save(network.state_dict(), path)
    return path


def picture(width: int = 320, height: int = 240, seed: int = 0) -> NDArray[np.uint8]:
    """Blurred noise and a few shapes, BGR."""
    generator = np.random.default_rng(seed)
    noise = generator.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.circle(image, (width // 3, height // 2), height // 5, (30, 60, 220), -1)
    cv2.rectangle(image, (width // 2, height // 4), (width - 20, height - 30), (200, 180, 40), -1)
    return np.ascontiguousarray(image)


def moving_clip(seconds: float = 3.0, fps: float = 5.0, step: float = 4.0) -> Clip:
    """A picture that is panned over, `step` pixels a frame; 320 × 240."""
    wide = picture(900, 240)
    frames = []
    for number in range(int(seconds * fps)):
        left = round(number * step)
        frames.append((number / fps, np.ascontiguousarray(wide[:, left : left + 320])))
    return Clip.from_arrays(frames=frames, fps=fps)


def face_pack(folder: Path, *, traits: bool = True, side: int | None = None) -> Path:
    """A pack of InsightFace with random weights: inputs, outputs and their order are those of `buffalo_l`."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(5)
    _save_detector(folder / "det_10g.onnx", generator, side)
    _save_projection(folder / "w600k_r50.onnx", "input.1", 112, 512, generator)
    if traits:
        _save_projection(folder / "genderage.onnx", "data", 96, 3, generator)
    return folder


def _save_detector(path: Path, generator: np.random.Generator, side: int | None) -> None:
    """Convolutions of strides 8, 16 and 32 with two anchors a cell: scores, boxes, points, nine outputs."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, outputs = [], [], {"score": [], "bbox": [], "kps": []}
    for stride in (8, 16, 32):
        for name, width, scale, bias in (
            ("score", 1, 0.05, -1.0),
            ("bbox", 4, 0.01, 2.5),
            ("kps", 10, 0.01, 0.0),
        ):
            key = f"{name}_{stride}"
            kernel = generator.normal(0, scale, (2 * width, 3, stride, stride)).astype(np.float32)
            weights += [
                numpy_helper.from_array(kernel, f"{key}_w"),
                numpy_helper.from_array(np.full(2 * width, bias, np.float32), f"{key}_b"),
                numpy_helper.from_array(np.array([-1, width], np.int64), f"{key}_shape"),
            ]
            nodes += [
                helper.make_node(
                    "Conv", ["input.1", f"{key}_w", f"{key}_b"], [f"{key}_c"], strides=[stride, stride]
                ),
                helper.make_node("Transpose", [f"{key}_c"], [f"{key}_t"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{key}_t", f"{key}_shape"], [f"{key}_r"]),
                helper.make_node("Sigmoid" if name == "score" else "Identity", [f"{key}_r"], [key]),
            ]
            outputs[name].append(helper.make_tensor_value_info(key, TensorProto.FLOAT, ["n", width]))
    shape = [1, 3, side or "h", side or "w"]
    graph = helper.make_graph(
        nodes,
        "det",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, shape)],
        [*outputs["score"], *outputs["bbox"], *outputs["kps"]],
        weights,
    )
    _save(graph, path)


def _save_projection(path: Path, name: str, side: int, width: int, generator: np.random.Generator) -> None:
    """One convolution, a mean, one matrix: (n, 3, side, side) to (n, width)."""
    from onnx import TensorProto, helper, numpy_helper

    weights = [
        numpy_helper.from_array(generator.normal(0, 0.3, (8, 3, 8, 8)).astype(np.float32), "w"),
        numpy_helper.from_array(
            generator.normal(0, 0.3, (8 * (side // 8) ** 2, width)).astype(np.float32), "m"
        ),
    ]
    nodes = [
        helper.make_node("Conv", [name, "w"], ["c"], strides=[8, 8]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, side, side])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", width])],
        weights,
    )
    _save(graph, path)


def _save(graph: Any, path: Path) -> None:
    import onnx
    from onnx import helper

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def ocr_folder(folder: Path, characters: str) -> Path:
    """Networks of PaddleOCR with random weights as it exports them: `det/` and `rec/`, made in a process apart.

    The detector finds what is bright; the recogniser says whatever its weights make of a line.
    """
    import subprocess
    import sys

    code = Path(__file__).with_name("paddle_export.py")
    subprocess.run(
        [sys.executable, str(code), str(folder), characters], check=True, capture_output=True, timeout=200
    )
    return folder
