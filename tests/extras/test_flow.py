"""RAFT: the same flow as torchvision's own code gives, and camera motion as stage `shots` says it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from mmu.perception.adapted.shots import Move, camera_move, from_moves  # noqa: E402
from mmu.perception.catalog import build_stages  # noqa: E402
from mmu.perception.shots import Shots  # noqa: E402
from mmu.signals import SignalSet  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.flow import FlowNet  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small import checkpoint, moving_clip, picture  # noqa: E402

CPU = RuntimeOptions(device="cpu")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("f"), "raft_small")


def test_the_flow_is_that_of_torchvision(small: Path) -> None:
    first, second = picture(160, 128, 1), picture(160, 128, 2)
    network = torchvision.models.get_model("raft_small", weights=None)
    network.load_state_dict(torch.load(small, weights_only=True))
    prepare = torchvision.models.get_model_weights("raft_small").DEFAULT.transforms()
    with torch.inference_mode():
        pair = [
            torch.from_numpy(np.ascontiguousarray(p[:, :, ::-1].transpose(2, 0, 1)))[None]
            for p in (first, second)
        ]
        expected = network.eval()(*prepare(*pair), num_flow_updates=3)[-1][0].permute(1, 2, 0).numpy()
    net = FlowNet(small, "raft_small", updates=3, runtime=Runtime(CPU))
    found = net.flow([(first, second)])[0]
    assert found.shape == (128, 160, 2)
    np.testing.assert_allclose(found * [160, 128], expected, rtol=1e-3, atol=1e-3)


def test_pictures_of_any_size_are_brought_to_one_that_the_network_takes(small: Path) -> None:
    net = FlowNet(small, "raft_small", updates=1, side=200, runtime=Runtime(CPU))
    tall, tiny = picture(101, 303), picture(40, 40)
    assert net.flow([(tall, tall)])[0].shape == (200, 128, 2)
    assert net.flow([(tiny, tiny)])[0].shape == (128, 128, 2)


def field(move: np.ndarray, width: int = 160, height: int = 120) -> np.ndarray:
    """The flow of a picture under a (2, 3) affine move of its pixels, in shares."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = np.stack([xs, ys, np.ones_like(xs)], axis=-1) @ move.T
    return ((moved - np.stack([xs, ys], axis=-1)) / [width, height]).astype(np.float32)


def test_a_camera_move_is_read_from_a_flow_whatever_moves_by_itself() -> None:
    flow = field(np.float32([[1, 0, 16], [0, 1, -6]]))
    flow[30:70, 40:90] += 0.3  # somebody walks through
    move = camera_move(flow, 0.5)
    assert move is not None
    assert (move.x, move.y) == (pytest.approx(0.2, abs=0.01), pytest.approx(-0.1, abs=0.01))
    assert move.zoom == pytest.approx(0, abs=0.01)
    assert 0.5 < move.agreement < 1


def test_a_zoom_is_a_change_of_size_about_the_middle() -> None:
    zoom = cv2.getRotationMatrix2D((80, 60), 0, 1.1).astype(np.float32)
    move = camera_move(field(zoom), 0.5)
    assert move is not None
    assert move.zoom == pytest.approx(np.log(1.1) / 0.5, abs=0.01)
    assert abs(move.x) + abs(move.y) < 0.01


def test_noise_is_no_move() -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, (120, 160, 2)).astype(np.float32)
    assert camera_move(noise, 0.5) is None
    assert camera_move(field(np.float32([[1, 0, 5], [0, 1, 0]])), 0.0) is None


@pytest.mark.parametrize(
    ("moves", "wobble", "kind"),
    [
        ([Move(0.2, 0.01, 0, 1), Move(0.25, 0, 0, 1)], 0, "pan"),
        ([Move(0.0, -0.2, 0, 1), Move(0.0, -0.2, 0, 1)], 0, "tilt"),
        ([Move(0.2, 0, 0, 1), Move(-0.2, 0, 0, 1)], 0, "static"),
        ([Move(0.01, 0, 0.2, 1), Move(0.01, 0, 0.3, 1)], 0, "zoom"),
        ([Move(0.01, 0, 0.2, 1), Move(0.01, 0, -0.2, 1)], 0, "static"),
        ([Move(0.01, 0, 0, 1)], 0.02, "shake"),
    ],
)
def test_moves_become_a_motion(moves: list[Move], wobble: float, kind: str) -> None:
    assert from_moves(moves, wobble).kind == kind


def test_the_stage_emits_what_the_default_stage_does(small: Path, tmp_path: Path) -> None:
    choice = {
        "adapter": "torchvision.raft",
        "model": "raft_small",
        "weights": str(small),
        "updates": 2,
        "side": 160,
        "max_pairs": 2,
    }
    stage = build_stages(config={"device": "cpu", "stages": {"shots": choice}}, only=["shots"])[0]
    store = Store(tmp_path / "home")
    stage.check(store)
    stage.setup(store)
    clip = moving_clip(step=20.0)
    found, default = stage.run(clip, SignalSet()), Shots().run(clip, SignalSet())
    assert [(one.kind, one.span) for one in found] == [(one.kind, one.span) for one in default]
    assert [one for one in found if one.kind == "media.motion"]
    stage.close()
