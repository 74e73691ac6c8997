"""ONNX networks on a GPU: what is asked of ONNX Runtime, and that it is never silently done on the CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest

from mmu.analyzer import Analyzer
from mmu.engine import Engine
from mmu.errors import ConfigError
from mmu.media.clip import Clip
from mmu.networks import load_networks
from mmu.signals import Signal, SignalSet
from mmu.stage import Needs, Stage
from models.convert.onnx_graph import Graph
from models.errors import ModelError
from models.onnx_place import CPU, OnnxPlace, current, find_place, gpu_of, placed
from models.onnx_session import open_session
from models.store import Store

BUILT_FOR_GPU = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
without_gpu_build = pytest.mark.skipif(BUILT_FOR_GPU, reason="this onnxruntime is built for GPUs")


def network() -> bytes:
    graph = Graph("double")
    value = graph.input("x", ["n"])
    graph.output(graph.node("Add", value, value), "y", ["n"])
    return graph.serialize()


class Doubler(Stage):
    """Opens a network when it is set up, as the stages do."""

    name = "doubler"
    needs = Needs(frames=True)
    emits: ClassVar = frozenset({"media.shot"})

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self.session = open_session(network(), threads=threads)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        return []


def test_options_reach_the_providers(tmp_path: Path) -> None:
    assert CPU.providers() == ["CPUExecutionProvider"]
    (cuda, options), last = OnnxPlace("cuda", 1).providers()
    assert (cuda, last) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options == {
        "device_id": 1,
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": 0,
    }
    names = []
    found: dict[str, Any] = {}
    for one in OnnxPlace("tensorrt", 2, half=True, engines=tmp_path).providers():
        name, settings = one if isinstance(one, tuple) else (one, {})
        names.append(name)
        found[name] = settings
    assert names == ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    assert found["TensorrtExecutionProvider"] == {
        "device_id": 2,
        "trt_fp16_enable": True,
        "trt_engine_cache_enable": True,
        "trt_timing_cache_enable": True,
        "trt_engine_cache_path": str(tmp_path),
    }
    assert found["CUDAExecutionProvider"]["device_id"] == 2


def test_places_that_compute_differently_have_different_names() -> None:
    places = [
        CPU,
        OnnxPlace("cuda"),
        OnnxPlace("cuda", 1),
        OnnxPlace("cuda", deterministic=True),
        OnnxPlace("tensorrt"),
        OnnxPlace("tensorrt", half=True),
    ]
    assert len({str(place) for place in places}) == len(places)
    assert str(OnnxPlace("tensorrt", 1, half=True, deterministic=True)) == "tensorrt:1 fp16 deterministic"


@pytest.mark.filterwarnings("ignore:Specified provider")  # ONNX Runtime's only word about it
@pytest.mark.parametrize("kind", ["cuda", "tensorrt"])
def test_a_session_that_went_to_the_cpu_instead_is_an_error(kind: str) -> None:
    # a number that no machine has, so that this holds where there are GPUs too
    with placed(OnnxPlace(kind, 99)), pytest.raises(ModelError, match=rf"{kind}:99"):
        open_session(network(), threads=1)


@without_gpu_build
@pytest.mark.parametrize(("choice", "provider"), [("cuda", "CUDA"), ("tensorrt:3", "Tensorrt")])
def test_asking_for_what_is_not_installed_says_what_to_install(choice: str, provider: str) -> None:
    with pytest.raises(
        ModelError,
        match=rf"{choice}.*has no {provider}ExecutionProvider \(it has .*CPU.*pip install 'onnxruntime-gpu",
    ) as caught:
        find_place(choice)
    assert "\n" not in str(caught.value)


@without_gpu_build
def test_auto_takes_the_cpu_and_knows_why() -> None:
    place = find_place("auto")
    assert place == CPU
    assert "no CUDAExecutionProvider" in place.reason


def test_the_cpu_is_not_tried() -> None:
    assert find_place("cpu", half=True) is CPU


def test_a_place_holds_for_what_one_thread_opens_inside() -> None:
    elsewhere: list[OnnxPlace] = []
    with placed(replace(CPU, deterministic=True)) as opened:
        open_session(network(), threads=1)
        session = open_session(network(), threads=1)
        thread = Thread(target=lambda: elsewhere.append(current()))
        thread.start()
        thread.join()
    assert opened == ["CPUExecutionProvider"] * 2
    assert elsewhere == [CPU]
    assert current() is CPU
    assert session.get_session_options().use_deterministic_compute
    assert not open_session(network(), threads=1).get_session_options().use_deterministic_compute
    assert session.run(None, {"x": np.ones(3, np.float32)})[0].tolist() == [2, 2, 2]


def test_a_report_says_where_the_networks_of_a_stage_run() -> None:
    clip = Clip.from_arrays(frames=[(0.0, np.zeros((48, 64, 3), np.uint8))], fps=2.0)

    def notes(place: OnnxPlace) -> list[str]:
        (stage,) = Engine([Doubler()], Store(), threads=1, onnx=place).perceive(clip).stages
        assert not stage.errors
        return stage.notes

    assert notes(CPU) == []
    assert notes(replace(CPU, reason="the reason")) == [
        "an ONNX network on the CPU, as no GPU can be used: the reason"
    ]
    assert OnnxPlace("cuda").notes(["CUDAExecutionProvider"] * 3) == [
        "3 ONNX networks on cuda:0 (CUDAExecutionProvider)"
    ]


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_stage_whose_networks_would_run_elsewhere_fails() -> None:
    clip = Clip.from_arrays(frames=[(0.0, np.zeros((48, 64, 3), np.uint8))], fps=2.0)
    (stage,) = Engine([Doubler()], Store(), threads=1, onnx=OnnxPlace("cuda", 99)).perceive(clip).stages
    assert [error.code for error in stage.errors] == ["model"]


@pytest.mark.parametrize("choice", ["gpu", "cuda:", "cuda:x", "cpu:1", "auto:0", "openvino"])
def test_a_wrong_choice_names_the_right_ones(choice: str) -> None:
    with pytest.raises(ConfigError, match="onnx: .*auto, cpu, cuda, cuda:N, tensorrt or tensorrt:N"):
        load_networks({"onnx": choice})


@without_gpu_build
@pytest.mark.weights
def test_the_choice_reaches_the_analyzer() -> None:
    with pytest.raises(ModelError, match="onnx: cuda:1: "):
        Analyzer(config={"onnx": "cuda:1"})
    with Analyzer(only=["shots"]) as plain, Analyzer(only=["shots"], config={"onnx": "auto"}) as same:
        assert plain.fingerprint == same.fingerprint


def test_the_gpu_that_a_note_names_is_found_again() -> None:
    cuda, tensorrt = OnnxPlace("cuda", 1), OnnxPlace("tensorrt", 0, half=True)
    assert gpu_of(cuda.notes([cuda.provider])) == "cuda:1"
    assert (
        gpu_of(["another note", *tensorrt.notes([tensorrt.provider, "CPUExecutionProvider"])]) == "tensorrt:0"
    )
    fallen = replace(CPU, reason="onnx: cuda:0: no driver")
    assert gpu_of([]) == gpu_of(fallen.notes([CPU.provider])) == gpu_of(["on cuda:0 it was cold"]) == ""
